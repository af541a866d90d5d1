using TraceReplay.Replay.Tests.Judging;

namespace TraceReplay.MemslotMaker;

/// <summary>
/// An ftrace text in which a VMM makes and deletes thousands of memslots while its guest runs in them, as 7.2 records it: a slot that
/// goes takes all roots with it, so that every leaf is zapped and comes anew.
/// </summary>
internal sealed class MemslotStorm(int calls, int seed)
{
    private const string Kernel = "7.2.12";
    private const ulong Page = 4096;
    private const ulong SlotSize = 16 * Page;
    private const int MostSlots = 8000;
    private const int FewestSlots = 4000;

    private readonly Random _random = new(seed);
    private readonly Story _story = new(Kernel);
    private readonly List<StorySlot> _slots = [];
    private readonly Stack<int> _free = new(Enumerable.Range(0, MostSlots).Reverse());
    private readonly Dictionary<ulong, ulong> _leaves = [];
    private ulong _nextPage = 0x100000;
    private int _sequence;

    public string Make()
    {
        for (int call = 0; call < calls; call++)
        {
            if (_slots.Count < FewestSlots || (_slots.Count < MostSlots && _random.Next(2) == 0))
            {
                Create();
            }
            else
            {
                Delete();
            }

            for (int i = _random.Next(2) + (call % 2 == 0 ? 1 : 0); i > 0; i--)
            {
                Touch();
            }

            if (call % 10 == 0)
            {
                Invalidate();
            }
        }

        return _story.Text;
    }

    private void Create()
    {
        int id = _free.Pop();
        StorySlot slot = new(id, 0x1_0000_0000 + ((ulong)id * SlotSize * 2), SlotSize, 0x7f00_0000_0000 + ((ulong)id * SlotSize));
        _slots.Add(slot);
        _story.SetRegion(slot);
    }

    private void Delete()
    {
        int i = _random.Next(_slots.Count);
        StorySlot slot = _slots[i];
        _slots[i] = _slots[^1];
        _slots.RemoveAt(_slots.Count - 1);
        _free.Push(slot.Id);
        _story.On(100, Story.Region(slot, delete: true), Story.ZapAllFast);
        _story.On(100, [.. _leaves.OrderBy(leaf => leaf.Key).Select(leaf => Story.Changed(leaf.Key, Story.Leaf(leaf.Value), Story.Empty))]);
        _story.On(100, Story.RegionReturn);
        _story.On(101, Story.Entry(1));
        _leaves.Clear();
    }

    private void Touch()
    {
        StorySlot slot = _slots[_random.Next(_slots.Count)];
        ulong gpa = slot.Gpa + ((ulong)_random.Next(16) * Page);
        if (!_leaves.ContainsKey(gpa))
        {
            ulong pfn = _nextPage++;
            _leaves.Add(gpa, pfn);
            _story.Maps(1, slot, gpa, pfn, _sequence);
        }
    }

    private void Invalidate()
    {
        StorySlot slot = _slots[_random.Next(_slots.Count)];
        List<ulong> zapped = [.. _leaves.Keys.Where(gpa => gpa >= slot.Gpa && gpa < slot.Gpa + SlotSize).Order()];
        _story.On(102, Story.WindowBegin(slot.Hva, SlotSize));
        foreach (ulong gpa in zapped)
        {
            _leaves.Remove(gpa, out ulong pfn);
            _story.On(102, Story.Changed(gpa, Story.Leaf(pfn), Story.Empty));
        }

        _story.On(102, Story.WindowBegun, Story.WindowEnd(slot.Hva, SlotSize), Story.InvalidateEnd(slot, slot.Gpa, SlotSize, _sequence++));
    }
}
