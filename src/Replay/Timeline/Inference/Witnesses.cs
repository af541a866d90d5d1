namespace TraceReplay.Replay.Timeline.Inference;

/// <summary>What the end of a fault shows of its gfn.</summary>
internal enum WitnessKind : byte
{
    /// <summary>KVM made a leaf: there is a memslot and a page.</summary>
    Leaf,

    /// <summary>KVM_RUN returned EFAULT: there is a memslot, and no page that KVM accepts.</summary>
    Refused,

    /// <summary>KVM made or hit an MMIO SPTE: there is no memslot.</summary>
    NoSlot,

    /// <summary>A write was emulated without one: memslot or mapping are read-only.</summary>
    EmulatedWrite,
}

/// <summary>One fault's testimony. It is never heard on the fault itself, only on others.</summary>
internal readonly record struct Witness(WitnessKind Kind, bool Write, long Fault, long Seq);

/// <summary>
/// How the faults of a trace ended, by gfn: the raw material of what is inferred where no probe shows it (spec 8.3).
/// Memory grows with the faults, 24 bytes each.
/// </summary>
internal sealed class Witnesses
{
    /// <summary>How far testimony on a neighbour reaches, in pages: the 2 MiB around it.</summary>
    public const ulong Reach = 512;

    private readonly Dictionary<ulong, List<Witness>> _byGfn = [];

    private readonly List<long> _changes = [];
    private bool _sorted = true;

    private long _refused;
    private long _firstRefused;

    public IEnumerable<ulong> Gfns => _byGfn.Keys;

    /// <summary>Whether KVM refused any other fault of the trace.</summary>
    public bool IsAnyRefusedBut(long except) => _refused > 1 || (_refused == 1 && _firstRefused != except);

    /// <summary>Memslots change right behind this record: testimony on one side says little of the other.</summary>
    public void SlotsChange(long seq)
    {
        _sorted &= _changes.Count == 0 || _changes[^1] <= seq;
        _changes.Add(seq);
    }

    /// <summary>How often memslots had changed by then.</summary>
    private int Era(long seq)
    {
        if (!_sorted)
        {
            _changes.Sort();
            _sorted = true;
        }

        int from = 0;
        int to = _changes.Count;
        while (from < to)
        {
            int middle = (from + to) / 2;
            (from, to) = _changes[middle] < seq ? (middle + 1, to) : (from, middle);
        }

        return from;
    }

    /// <summary>Adds testimony; in the order of the trace.</summary>
    public void Add(ulong gfn, Witness witness)
    {
        if (!_byGfn.TryGetValue(gfn, out List<Witness>? list))
        {
            _byGfn.Add(gfn, list = []);
        }

        list.Add(witness);
        if (witness.Kind == WitnessKind.Refused && _refused++ == 0)
        {
            _firstRefused = witness.Fault;
        }
    }

    /// <summary>The testimony on exactly this gfn that is nearest in the trace; null if only <paramref name="except"/> gave any.</summary>
    /// <param name="except">The fault in question, which must not testify for itself.</param>
    /// <param name="before">Only what came before.</param>
    public Witness? Nearest(ulong gfn, long seq, long except, bool before = false)
    {
        if (!_byGfn.TryGetValue(gfn, out List<Witness>? list))
        {
            return null;
        }

        Witness? best = null;
        int at = FirstFrom(list, seq);
        for (int i = at - 1; i >= 0 && best is null; i--)
        {
            best = list[i].Fault == except ? null : list[i];
        }

        for (int i = at; i < list.Count && !before; i++)
        {
            if (list[i].Fault != except)
            {
                return best is null || list[i].Seq - seq < seq - best.Value.Seq ? list[i] : best;
            }
        }

        return best;
    }

    /// <summary>Whether there is a memslot at <paramref name="gfn"/>, by the nearest testimony of other faults; null if there is none.</summary>
    public bool? HasSlot(ulong gfn, long seq, long except)
    {
        int era = Era(seq);
        Witness? other = null;
        for (ulong distance = 0; distance <= Reach; distance++)
        {
            // Beyond the 2 MiB a huge page next to it may still tell.
            Witness? below = gfn >= distance && (SameBlock(gfn, gfn - distance) || distance == Reach) ? NearestOfEra(gfn - distance, seq, except, era) : null;
            Witness? above = distance > 0 && (SameBlock(gfn, gfn + distance) || distance == Reach) ? NearestOfEra(gfn + distance, seq, except, era) : null;
            if (below is null && above is null)
            {
                continue;
            }

            Witness nearest = above is null || (below is not null && Math.Abs(below.Value.Seq - seq) <= Math.Abs(above.Value.Seq - seq)) ? below!.Value : above.Value;
            if (Era(nearest.Seq) == era)
            {
                return nearest.Kind != WitnessKind.NoSlot;
            }

            other ??= nearest;
        }

        // From another time: that there was none then says nothing, as a call between may have made or deleted one.
        return other is { Kind: not WitnessKind.NoSlot } ? true : null;
    }

    /// <summary>The nearest testimony on this gfn from between the same changes of memslots; the nearest at all if there is none.</summary>
    private Witness? NearestOfEra(ulong gfn, long seq, long except, int era)
    {
        Witness? nearest = Nearest(gfn, seq, except);
        if (nearest is not { } found || Era(found.Seq) == era)
        {
            return nearest;
        }

        List<Witness> list = _byGfn[gfn];
        for (int i = FirstFrom(list, seq); i < list.Count && Era(list[i].Seq) == era; i++)
        {
            if (list[i].Fault != except)
            {
                return list[i];
            }
        }

        return Nearest(gfn, seq, except, before: true) is { } old && Era(old.Seq) == era ? old : nearest;
    }

    /// <summary>
    /// Whether other faults on this gfn, or on both of its neighbours, were refused, with nothing invalidated in between. That a
    /// write was refused says nothing of reads.
    /// </summary>
    public bool AreNeighboursRefused(ulong gfn, ulong page, bool write, long seq, long except, WindowHistory windows)
    {
        return Standing(gfn, 0) is { } own
            ? Refuses(own)
            : gfn > 0 && Standing(gfn - 1, -1) is { } below && Standing(gfn + 1, 1) is { } above && Refuses(below) && Refuses(above);

        bool Refuses(Witness witness) => witness.Kind == WitnessKind.Refused && (write || !witness.Write);

        Witness? Standing(ulong at, long offset)
        {
            ulong there = page + (ulong)offset;
            Witness? nearest = Nearest(at, seq, except);
            return nearest is { } witness && !windows.AnyBetween(there, witness.Seq, seq) && !windows.AnyBetween(page, witness.Seq, seq) ? nearest
                : Nearest(at, seq, except, before: true) is { } earlier && !windows.AnyBetween(there, earlier.Seq, seq) ? earlier
                : null;
        }
    }

    /// <summary>
    /// Whether no write in [from, end) ever left a leaf and at least two were emulated: one of them is another than any one asked about.
    /// </summary>
    public bool IsReadOnly(ulong from, ulong end)
    {
        int emulated = 0;
        for (ulong gfn = from; gfn < end; gfn++)
        {
            foreach (Witness witness in _byGfn.GetValueOrDefault(gfn) ?? [])
            {
                emulated += witness.Kind == WitnessKind.EmulatedWrite ? 1 : 0;
                if (witness is { Kind: WitnessKind.Leaf, Write: true })
                {
                    return false;
                }
            }
        }

        return emulated >= 2;
    }

    /// <summary>Whether a write before <paramref name="seq"/> left a leaf here: the VMM's page has content of its own.</summary>
    public bool WasWritten(ulong gfn, long seq) =>
        _byGfn.TryGetValue(gfn, out List<Witness>? list) && list.Exists(w => w is { Kind: WitnessKind.Leaf, Write: true } && w.Seq < seq);

    /// <summary>Position of the first testimony on <paramref name="gfn"/>.</summary>
    public long FirstSeq(ulong gfn) => _byGfn[gfn][0].Seq;

    public bool Any(ulong gfn, Predicate<Witness> match) => _byGfn.TryGetValue(gfn, out List<Witness>? list) && list.Exists(match);

    private static bool SameBlock(ulong a, ulong b) => a / Reach == b / Reach;

    private static int FirstFrom(List<Witness> list, long seq)
    {
        int low = 0;
        int high = list.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = list[middle].Seq < seq ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
