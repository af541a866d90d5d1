using CsCheck;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.State;

/// <summary>The containers of the models against the plainest thing that does the same.</summary>
public class ContainerTests
{
    private static readonly Gen<(ulong Index, ulong Value)> s_write = Gen.Select(Gen.ULong[0, 5000], Gen.ULong[0, 3]);
    private static readonly Gen<(ulong From, ulong Length)> s_range = Gen.Select(Gen.ULong[0, 6000], Gen.ULong[0, 3000]);

    [Fact]
    public void Radix_table_is_a_sparse_array() =>
        Gen.Select(s_write.Array[0, 200], s_range).Sample((writes, range) =>
        {
            RadixTable table = new();
            SortedDictionary<ulong, ulong> oracle = [];
            foreach ((ulong index, ulong value) in writes)
            {
                table[index] = value;
                oracle[index] = value;
            }

            Collector collector = new() { Seen = [] };
            table.ForEach(range.From, range.From + range.Length, ref collector);
            (ulong, ulong)[] expected = [.. oracle.Where(e => e.Value != 0 && e.Key >= range.From && e.Key < range.From + range.Length).Select(e => (e.Key, e.Value))];
            Assert.Equal(expected, collector.Seen);
            Assert.All(oracle, e => Assert.Equal(e.Value, table[e.Key]));
        });

    /// <summary>Slots come, are moved and go; few ids, gfns and addresses, so that they meet in every way, shared user memory among them.</summary>
    [Fact]
    public void Memslots_find_what_a_scan_finds() =>
        Gen.Select(Gen.Int[0, 9], Gen.ULong[0, 60], Gen.ULong[0, 20], Gen.ULong[0, 60], Gen.Int[0, 4]).Array[0, 40].Sample(calls =>
        {
            Memslots slots = new();
            List<Memslot> oracle = [];
            foreach ((int id, ulong start, ulong pages, ulong hva, int call) in calls)
            {
                if (call == 0)
                {
                    slots.Remove(id);
                    oracle.RemoveAll(old => old.Id == id);
                    continue;
                }

                Memslot slot = new(0, id, start, pages, hva << 12, MemslotFlags.None);
                slots.Put(slot);
                oracle.RemoveAll(old => old.Id == id || (pages > 0 && old.BaseGfn < slot.EndGfn && start < old.EndGfn));
                if (pages > 0)
                {
                    oracle.Add(slot);
                }
            }

            Assert.Equal(oracle.Count, slots.Count);
            Assert.Equal(oracle.OrderBy(slot => slot.BaseGfn), List(slots.All));
            for (int id = 0; id < 10; id++)
            {
                Assert.Equal(oracle.Find(slot => slot.Id == id), slots.ById(id));
            }

            for (ulong page = 0; page < 90; page++)
            {
                Assert.Equal(oracle.Find(slot => page >= slot.BaseGfn && page < slot.EndGfn), slots.Find(page));
                for (ulong length = 0; length < 90; length += 7)
                {
                    (ulong from, ulong to) = ((page << 12) + 8, ((page + length) << 12) + 8);
                    Assert.Equal(
                        oracle.Where(slot => slot.TryGfns(from, to, out _, out _)).OrderBy(slot => slot.UserspaceAddr).ThenBy(slot => slot.Id),
                        List(slots.OverlappingHva(from, to)));
                }
            }
        }, iter: 500);

    [Fact]
    public void Slots_that_change_while_they_are_looked_through_are_not_seen_twice()
    {
        Memslots slots = new();
        for (int id = 0; id < 100; id++)
        {
            slots.Put(new Memslot(0, id, (ulong)id * 16, 16, (ulong)(id % 10) << 12, MemslotFlags.None));
        }

        int seen = 0;
        foreach (Memslot slot in slots.OverlappingHva(0, 1 << 20))
        {
            seen++;
            slots.Put(slot with { Flags = MemslotFlags.Invalid });
        }

        Assert.Equal(100, seen);
        Assert.All(List(slots.All), slot => Assert.True(slot.Is(MemslotFlags.Invalid)));
    }

    /// <summary>The kernel warns of such a range and refuses it; a broken record can show one.</summary>
    [Fact]
    public void No_window_meets_an_address_range_that_wraps()
    {
        Memslots slots = new();
        slots.Put(new Memslot(0, 0, 16, 16, ulong.MaxValue - 4095, MemslotFlags.None));
        Assert.NotNull(slots.Find(16));
        Assert.Empty(List(slots.OverlappingHva(0, ulong.MaxValue)));
        slots.Remove(0);
        Assert.Null(slots.Find(16));
    }

    [Fact]
    public void Mappings_are_cut_and_protected_page_by_page() =>
        Gen.Select(Gen.Int[0, 2], Gen.ULong[0, 40], Gen.ULong[1, 15], Gen.UInt[0, 7]).Array[0, 30].Sample(calls =>
        {
            HostMemory memory = new();
            VmaFlags?[] oracle = new VmaFlags?[64];
            foreach ((int call, ulong start, ulong pages, uint prot) in calls)
            {
                ulong from = start << 12;
                ulong to = (start + pages) << 12;
                VmaFlags flags = (VmaFlags)prot | VmaFlags.Shared;
                switch (call)
                {
                    case 0:
                        memory.Unmap(from, to);
                        break;
                    case 1:
                        // A mapping that equals the one there changes nothing.
                        memory.Unmap(from, to);
                        memory.Map(new Vma(from, to, flags, PageKind.A1));
                        break;
                    default:
                        memory.Protect(from, to, (VmaFlags)prot);
                        break;
                }

                for (ulong page = start; page < start + pages; page++)
                {
                    oracle[page] = call switch { 0 => null, 1 => flags, _ => oracle[page] is null ? null : flags };
                }
            }

            for (ulong page = 0; page < 64; page++)
            {
                Assert.Equal(oracle[page], memory.FindVma(page << 12)?.Flags);
            }
        });

    [Fact]
    public void Page_ledger_counts_what_was_done() =>
        Gen.Select(Gen.Int[0, 3], Gen.ULong[0, 3]).Array[0, 100].Sample(calls =>
        {
            PageLedger ledger = new();
            int[,] oracle = new int[4, 4];
            foreach ((int call, ulong pfn) in calls)
            {
                ledger.SetKind(pfn, PageKind.P3);
                oracle[(int)pfn, call]++;
                switch (call)
                {
                    case 0: ledger.Get(pfn); break;
                    case 1: ledger.Put(pfn, pfn, out _); break;
                    case 2: ledger.MarkAccessed(pfn); break;
                    default: ledger.MarkDirty(pfn); break;
                }
            }

            for (int pfn = 0; pfn < 4; pfn++)
            {
                Assert.Equal(oracle[pfn, 0] - oracle[pfn, 1], ledger.Delta((ulong)pfn));
                Assert.Equal((oracle[pfn, 2], oracle[pfn, 3]), (ledger.AccessedMarks((ulong)pfn), ledger.DirtyMarks((ulong)pfn)));
            }
        });

    private static List<Memslot> List(IntervalTree<Memslot>.Overlaps found)
    {
        List<Memslot> slots = [];
        foreach (Memslot slot in found)
        {
            slots.Add(slot);
        }

        return slots;
    }

    private struct Collector : IEntryVisitor
    {
        public List<(ulong, ulong)> Seen;

        public readonly void Visit(ulong index, ref ulong entry) => Seen.Add((index, entry));
    }
}
