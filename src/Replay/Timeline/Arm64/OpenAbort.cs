using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>What the handler did with the leaf.</summary>
internal enum LeafStep : byte
{
    None = 0,

    /// <summary>kvm_pgtable_stage2_map.</summary>
    Map,

    /// <summary>kvm_pgtable_stage2_relax_perms.</summary>
    Relax,

    /// <summary>kvm_pgtable_stage2_mkyoung.</summary>
    Young,
}

/// <summary>A guest abort being assembled. Pooled: reset, not reallocated.</summary>
internal sealed class OpenAbort
{
    public ObservedFault Observed;
    public int Open;
    public Syndrome Syndrome;
    public FaultAccess Access;
    public VmTrack Vm = null!;

    /// <summary>PC of the guest's instruction; null if not recorded.</summary>
    public ulong? Pc;

    /// <summary>The models were told of its begin, of its lookup, of its time under mmu_lock.</summary>
    public bool Begun;
    public bool LookupSent;
    public bool Committed;

    public bool InLookup;
    public bool SawFollow;

    /// <summary>The followed leaf's own record shows what may be done with it.</summary>
    public bool LeafShown;

    /// <summary>The handler has returned; and with what, if the record says it.</summary>
    public bool Returned;
    public int? Return;

    // What came instead of a lookup.
    public bool IoAbort;
    public bool NoSyndrome;
    public bool Injected;
    public bool Nested;

    public LeafStep Step;
    public int? StepReturn;
    public bool StepReturned;

    /// <summary>kvm_pgtable_stage2_map of another task on the same block ran at the same time.</summary>
    public bool Raced;

    /// <summary>Another vCPU had an abort on the same page at the same time: either of the two may have mapped it.</summary>
    public bool Shared;

    /// <summary>A window opened in the middle of it, by its own task.</summary>
    public bool OwnWindow;

    public ulong Prot;

    public ulong Hva;
    public ulong LookupPfn;

    /// <summary>Pages from where the lookup looked to the abort's own: a block of a remapped VMA is looked up at its start.</summary>
    public ulong LookupOffset;
    public bool LookupShown;
    public bool? MapWritable;
    public bool? IsRam;
    public LookupFact Fact;
    public Memslot? Slot;
    public bool SlotSeen;
    public SlotFact SlotFact;

    // Places of its milestones; 0 where not seen.
    public long SnapshotAfter;
    public long LookupEntry;
    public long LookupReturn;
    public long LeafEntry;
    public long Last;

    /// <summary>Its operation under mmu_lock, as long as it may be changed; -1 before.</summary>
    public long Map;

    /// <summary>What it found when its guest went on is told by the task's next abort.</summary>
    public bool AwaitsNext;

    public ulong Gfn => Observed.Gpa >> 12;

    public bool SawLookup => LookupEntry > 0;

    public void Reset()
    {
        Observed = default;
        Syndrome = default;
        Access = FaultAccess.None;
        Pc = null;
        Begun = LookupSent = Committed = InLookup = SawFollow = LeafShown = Returned = IoAbort = NoSyndrome = Injected = Nested = false;
        StepReturned = Raced = Shared = OwnWindow = LookupShown = SlotSeen = AwaitsNext = false;
        Return = StepReturn = null;
        Step = LeafStep.None;
        Prot = Hva = LookupPfn = LookupOffset = 0;
        MapWritable = IsRam = null;
        Fact = LookupFact.None;
        Slot = null;
        SlotFact = SlotFact.Recorded;
        SnapshotAfter = LookupEntry = LookupReturn = LeafEntry = Last = 0;
        Map = -1;
    }
}
