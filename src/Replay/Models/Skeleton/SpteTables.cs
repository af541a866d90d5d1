using System.Runtime.CompilerServices;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>The leaves of one root: a table a level, indexed by gfn in units of that level.</summary>
public sealed class SpteTables
{
    private readonly RadixTable[] _levels;
    private readonly RadixTable _pages = new();

    // A leaf above 4 KiB was made once.
    private bool _anyBlock;

    // Leaves as they were when a window or a fault took them, until a record of it was compared with them.
    private readonly RadixTable[] _zapped = [new(), new(), new()];

    // Those that went with their roots. Roots are freed late, and a gfn may have had a leaf in several of them.
    private readonly Dictionary<(ulong Index, int Level), List<ulong>> _withRoots = [];

    public SpteTables() => _levels = [_pages, new(), new()];

    /// <summary>Shadow paging serves this root: TDP is off, or the guest runs nested.</summary>
    public bool IsShadow { get; set; }

    /// <summary>The leaf or MMIO SPTE that translates <paramref name="gfn"/>, 0 if there is none.</summary>
    // Inlined, as it is one compare and the table's own reader.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Leaf(ulong gfn, out int level)
    {
        level = 1;
        ulong page = _pages[gfn];
        return page != 0 || !_anyBlock ? page : Block(gfn, out level);
    }

    // Apart: most guests of most traces have single pages only.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Block(ulong gfn, out int level)
    {
        for (level = 2; level <= 3; level++)
        {
            ulong spte = _levels[level - 1][gfn >> (9 * (level - 1))];
            if (spte != 0)
            {
                return spte;
            }
        }

        level = 1;
        return 0;
    }

    public void Set(ulong gfn, int level, ulong spte)
    {
        if (level == 1)
        {
            _pages[gfn] = spte;
            return;
        }

        _anyBlock = true;
        _levels[level - 1][gfn >> (9 * (level - 1))] = spte;
    }

    /// <summary>Visits the leaves that overlap gfns [from, end); a huge leaf that only overlaps counts whole.</summary>
    public void ForEach<TVisitor>(ulong from, ulong end, ref TVisitor visitor)
        where TVisitor : struct, ILeafVisitor
    {
        for (int level = 1; level <= 3; level++)
        {
            int shift = 9 * (level - 1);
            LevelVisitor<TVisitor> inner = new() { Inner = visitor, Level = level };
            _levels[level - 1].ForEach(from >> shift, ((end - 1) >> shift) + 1, ref inner);
            visitor = inner.Inner;
        }
    }

    public void RememberZapped(ulong gfn, int level, ulong spte, bool withRoot)
    {
        if (!withRoot)
        {
            _zapped[level - 1][gfn >> (9 * (level - 1))] = spte;
            return;
        }

        (ulong, int) key = (gfn >> (9 * (level - 1)), level);
        if (!_withRoots.TryGetValue(key, out List<ulong>? list))
        {
            _withRoots.Add(key, list = new List<ulong>(1));
        }

        if (list.Count < MaxGenerations)
        {
            list.Add(spte);
        }
    }

    /// <summary>
    /// The leaf at exactly this level as it was before its zap, of those whose record has not come yet: the one that the record names, else
    /// any. 0 if there is none.
    /// </summary>
    /// <param name="gfn">The leaf's gfn.</param>
    /// <param name="level">Its level.</param>
    /// <param name="recorded">What the record says it was.</param>
    /// <param name="ownBits">Bits that the CPU sets by itself.</param>
    public ulong TakeZapped(ulong gfn, int level, ulong recorded, ulong ownBits)
    {
        ulong index = gfn >> (9 * (level - 1));
        ulong spte = _zapped[level - 1][index];
        bool found = spte != 0 && ((spte ^ recorded) & ~ownBits) == 0;
        if (!found && _withRoots.Count > 0 && TakeWithRoot((index, level), recorded, ownBits, any: spte == 0) is { } gone)
        {
            return gone;
        }

        _zapped[level - 1][index] = 0;
        return spte;
    }

    /// <summary>The leaf that went with a root and that the record names, else one of them if <paramref name="any"/> will do.</summary>
    private ulong? TakeWithRoot((ulong Index, int Level) key, ulong recorded, ulong ownBits, bool any)
    {
        if (!_withRoots.TryGetValue(key, out List<ulong>? list))
        {
            return null;
        }

        int at = list.FindIndex(old => ((old ^ recorded) & ~ownBits) == 0);
        if (at < 0 && !any)
        {
            return null;
        }

        ulong gone = list[Math.Max(at, 0)];
        list.RemoveAt(Math.Max(at, 0));
        if (list.Count == 0)
        {
            _withRoots.Remove(key);
        }

        return gone;
    }

    /// <summary>Whether the leaf that a record names was zapped here and its record has not come yet.</summary>
    public bool HasZapped(ulong gfn, int level, ulong recorded, ulong ownBits)
    {
        ulong index = gfn >> (9 * (level - 1));
        ulong spte = _zapped[level - 1][index];
        return (spte != 0 && ((spte ^ recorded) & ~ownBits) == 0) || HasWithRoot((index, level), recorded, ownBits);
    }

    private bool HasWithRoot((ulong Index, int Level) key, ulong recorded, ulong ownBits) =>
        _withRoots.TryGetValue(key, out List<ulong>? list) && list.Exists(old => ((old ^ recorded) & ~ownBits) == 0);

    /// <summary>Visits, and forgets, what was zapped in gfns [from, end) other than with a root and has no record yet.</summary>
    public void TakeUnrecorded<TVisitor>(ulong from, ulong end, ref TVisitor visitor)
        where TVisitor : struct, ILeafVisitor
    {
        for (int level = 1; level <= 3; level++)
        {
            int shift = 9 * (level - 1);
            LevelVisitor<TVisitor> inner = new() { Inner = visitor, Level = level };
            _zapped[level - 1].ForEach(from >> shift, ((end - 1) >> shift) + 1, ref inner);
            visitor = inner.Inner;
        }
    }

    // Roots of so many generations may wait to be freed; a record of an older one is taken for none.
    private const int MaxGenerations = 64;

    /// <summary>The leaf at exactly this level.</summary>
    public ulong At(ulong gfn, int level) => _levels[level - 1][gfn >> (9 * (level - 1))];

    public void Clear()
    {
        foreach (RadixTable table in _levels)
        {
            table.Clear();
        }
    }

    private struct LevelVisitor<TVisitor> : IEntryVisitor
        where TVisitor : struct, ILeafVisitor
    {
        public TVisitor Inner;
        public int Level;

        public void Visit(ulong index, ref ulong entry) => Inner.Visit(index << (9 * (Level - 1)), Level, ref entry);
    }
}

/// <summary>What <see cref="SpteTables.ForEach"/> calls for each leaf; it may change the leaf.</summary>
public interface ILeafVisitor
{
    void Visit(ulong gfn, int level, ref ulong spte);
}
