namespace TraceReplay.Replay.Invariants;

/// <summary>A breach that is no fault's own: found when a window ended, a page was freed, a record was read.</summary>
/// <param name="Invariant">Its number in <see cref="InvariantList"/>.</param>
/// <param name="Certain">violated; otherwise violable: the order of the events that show it is not certain.</param>
/// <param name="Seq">Position in the trace.</param>
/// <param name="Time">In the capture's clock.</param>
/// <param name="Pfn">Null where the breach is not about a page.</param>
public readonly record struct Breach(int Invariant, bool Certain, long Seq, long Time, int Vm, ulong Gfn, ulong? Pfn, string Detail);

/// <summary>How often the invariants were checked and held, of one model or of the kernel's records.</summary>
public sealed class InvariantTally
{
    // One breach repeated a million times tells no more than the first of them; the counts go on.
    private const int MaxListed = 1 << 16;

    private readonly long[] _points = new long[Enum.GetValues<CheckPoint>().Length];
    private readonly long[] _violated = new long[64];
    private readonly long[] _violable = new long[64];
    private readonly long[] _byDesign = new long[64];
    private readonly List<Breach> _deferred = [];
    private long _listed;

    /// <summary>Breaches since the caller last cleared the list.</summary>
    public List<Breach> Breaches { get; } = [];

    public void Count(CheckPoint point) => _points[(int)point]++;

    public void Count(CheckPoint point, long times) => _points[(int)point] += times;

    public void Report(Breach breach)
    {
        (breach.Certain ? _violated : _violable)[breach.Invariant]++;
        if (_listed < MaxListed)
        {
            _listed++;
            Breaches.Add(breach);
        }
    }

    /// <summary>Some breach waits for the VM to go on.</summary>
    public bool HasDeferred => _deferred.Count > 0;

    /// <summary>
    /// A leaf is there that should have gone. The release of an address space leaves no record, so it counts only once the VM goes on
    /// after it.
    /// </summary>
    public void Defer(Breach breach)
    {
        if (_deferred.Count < MaxListed)
        {
            _deferred.Add(breach);
        }
    }

    /// <summary>The VM makes another fault: what was deferred of it was found in its life.</summary>
    public void Confirm(int vm)
    {
        foreach (Breach breach in _deferred.Where(breach => breach.Vm == vm))
        {
            Report(breach);
        }

        _deferred.RemoveAll(breach => breach.Vm == vm);
    }

    /// <summary>The trace is over: what is still deferred becomes one violable breach an invariant and VM.</summary>
    public void Complete()
    {
        foreach (IGrouping<(int, int), Breach> group in _deferred.GroupBy(breach => (breach.Invariant, breach.Vm)))
        {
            int times = group.Count();
            _violable[group.Key.Item1] += times - 1;
            Report(group.First() with { Certain = false, Detail = FormattableString.Invariant($"{group.First().Detail}; found {times} times after the VM's last fault: the release of an address space is not recorded") });
        }

        _deferred.Clear();
    }

    /// <summary>Counts what a fault broke, a bit each.</summary>
    public void CountFault(ulong violated, ulong violable)
    {
        for (ulong rest = violated | violable; rest != 0; rest &= rest - 1)
        {
            int number = System.Numerics.BitOperations.TrailingZeroCount(rest);
            ((violated >> number & 1) != 0 ? _violated : _violable)[number]++;
        }
    }

    /// <summary>A breach that the model's design consists in.</summary>
    public void CountByDesign(int invariant) => _byDesign[invariant]++;

    /// <summary>A breach that was counted as certain turns out to rest on an order or a loss.</summary>
    public void Soften(int invariant)
    {
        _violated[invariant]--;
        _violable[invariant]++;
    }

    public long Checked(CheckPoint point) => point == CheckPoint.Never ? 0 : _points[(int)point];

    public long Violated(Invariant invariant) => _violated[invariant.Number];

    public long Violable(Invariant invariant) => _violable[invariant.Number];

    public long ByDesign(Invariant invariant) => _byDesign[invariant.Number];
}
