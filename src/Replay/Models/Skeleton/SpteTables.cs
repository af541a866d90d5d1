using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>The leaves of one root: a table a level, indexed by gfn in units of that level.</summary>
public sealed class SpteTables
{
    private readonly RadixTable[] _levels = [new(), new(), new()];

    // Leaves as they were when they were zapped, until a record of the zap was compared with them.
    private readonly RadixTable[] _zapped = [new(), new(), new()];

    /// <summary>Shadow paging serves this root: TDP is off, or the guest runs nested.</summary>
    public bool IsShadow { get; set; }

    /// <summary>The leaf or MMIO SPTE that translates <paramref name="gfn"/>, 0 if there is none.</summary>
    public ulong Leaf(ulong gfn, out int level)
    {
        for (level = 1; level <= 3; level++)
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

    public void Set(ulong gfn, int level, ulong spte) => _levels[level - 1][gfn >> (9 * (level - 1))] = spte;

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

    public void RememberZapped(ulong gfn, int level, ulong spte) => _zapped[level - 1][gfn >> (9 * (level - 1))] = spte;

    /// <summary>The leaf at exactly this level as it was before its last zap; 0 if it was not zapped since the last asking.</summary>
    public ulong TakeZapped(ulong gfn, int level)
    {
        ulong index = gfn >> (9 * (level - 1));
        ulong spte = _zapped[level - 1][index];
        _zapped[level - 1][index] = 0;
        return spte;
    }

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
