namespace TraceReplay.Replay.Models;

/// <summary>Quantities besides the outcomes of faults in which a model is compared with the kernel it models.</summary>
public enum CheckedQuantity : byte
{
    /// <summary>Each change of a leaf that was not a fault's own: the value it had, the value it got.</summary>
    LeafChange,

    /// <summary>mmu_invalidate_seq at each window's end.</summary>
    InvalidateSeq,

    /// <summary>mmu_invalidate_in_progress at each window's end.</summary>
    InProgress,
}

/// <summary>One disagreement of a model with a record.</summary>
/// <param name="Seq">Position of the record in the trace.</param>
/// <param name="Gfn">The leaf's gfn; 0 for the counts of a VM.</param>
public readonly record struct ObservationMiss(CheckedQuantity Quantity, long Seq, ulong Gfn, ulong Observed, ulong Predicted);

/// <summary>What a model found when it compared itself with records on its way.</summary>
public sealed class ObservationChecks
{
    private readonly long[] _compared = new long[3];
    private readonly long[] _matched = new long[3];

    /// <summary>Every change of a leaf is recorded (kvm_tdp_mmu_spte_changed), with the windows: one that is not did not happen.</summary>
    public bool RecordsLeaves { get; init; }

    /// <summary>Disagreements since the caller last cleared the list.</summary>
    public List<ObservationMiss> Misses { get; } = [];

    public long Compared(CheckedQuantity quantity) => _compared[(int)quantity];

    public long Matched(CheckedQuantity quantity) => _matched[(int)quantity];

    public void Check(CheckedQuantity quantity, bool matches, long seq, ulong gfn, ulong observed, ulong predicted)
    {
        _compared[(int)quantity]++;
        if (matches)
        {
            _matched[(int)quantity]++;
        }
        else
        {
            Misses.Add(new ObservationMiss(quantity, seq, gfn, observed, predicted));
        }
    }
}
