using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Results;

/// <summary>What one replay held to be true of each fault and window, to be compared with another of the same trace. 32 bytes a fault.</summary>
internal sealed class FactLog
{
    private readonly List<FaultFacts> _faults = [];

    /// <summary>Facts by fault_id.</summary>
    public IReadOnlyList<FaultFacts> Faults => _faults;

    /// <summary>Where windows ended, by the seq of their kvm_unmap_hva_range: how many fault events came before.</summary>
    public Dictionary<long, long> WindowEnds { get; } = [];

    public void Add(in ObservedFault observed, in FaultContext predicted)
    {
        // Faults end in another order than they begin.
        while (_faults.Count <= observed.FaultId)
        {
            _faults.Add(default);
        }

        bool noSlot = predicted.Kind == PageKind.NoSlot;
        bool lookedUp = predicted.Path is FaultPath.GupFast or FaultPath.GupSlow or FaultPath.Remapped;
        _faults[(int)observed.FaultId] = new FaultFacts(
            observed.Outcome,
            predicted.Outcome,
            KnowsSlot: noSlot || predicted.Slot.Exists,
            Hva: predicted.Slot.Hva,
            lookedUp ? predicted.Kind : PageKind.Unknown,
            Remapped: predicted.Path == FaultPath.Remapped,
            predicted.MapWritable,
            OutcomeTable.IsMapped(predicted.Outcome) && lookedUp);
    }
}

/// <summary>Facts of one fault.</summary>
/// <param name="Observed">How the records show that it ended.</param>
/// <param name="Predicted">What the model says.</param>
/// <param name="KnowsSlot">Whether there is a memslot is known.</param>
/// <param name="Hva">Where the memslot has the page; 0 if there is none.</param>
/// <param name="Kind">Of the page that the lookup found; unknown without a lookup.</param>
/// <param name="Remapped">The lookup took the path of VM_IO and VM_PFNMAP.</param>
/// <param name="Writable">The host maps the page writable.</param>
/// <param name="KnowsWritable">The model mapped the page after a lookup, so that <paramref name="Writable"/> means something.</param>
internal readonly record struct FaultFacts(
    FaultOutcome Observed, FaultOutcome Predicted, bool KnowsSlot, ulong Hva, PageKind Kind, bool Remapped, bool Writable, bool KnowsWritable);
