using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>A fault being assembled (spec 15.1). Pooled: reset, not reallocated.</summary>
internal sealed class OpenFault
{
    public ObservedFault Observed;
    public int Open;
    public FaultAccess Access;

    /// <summary>The root that its vCPU works in.</summary>
    public byte Root;
    public VmTrack Vm = null!;

    /// <summary>The models were told of its begin, of its lookup, of its time under mmu_lock.</summary>
    public bool Begun;
    public bool LookupSent;
    public bool Committed;

    public bool InLookup;
    public bool SawFollow;

    /// <summary>kvm_mmu_spte_requested is the record of what its lookup found: nothing else tells, and no earlier leaf may.</summary>
    public bool LookupByRequest;

    /// <summary>It followed a driver's leaf that no record shows.</summary>
    public bool FollowedUntold;
    public bool SawTdpFault;
    public bool AsyncQueued;

    /// <summary>The handler has returned, whether or not the record says what.</summary>
    public bool Returned;
    public bool SawReturn;

    /// <summary>A call of the handler without kvm_page_fault: the completion of an async page fault, an EPT misconfiguration, a prefault.</summary>
    public bool IsCall;

    /// <summary>It left an entry of its own by kvm_tdp_mmu_spte_changed.</summary>
    public bool Installed;

    /// <summary>The entry that it left by its own record: level, and value, 0 for none that is present.</summary>
    public (int Level, ulong Spte)? Record;

    /// <summary>The record starts from a value that no record has shown yet.</summary>
    public bool Behind;

    /// <summary>Another task changed an entry on its way while it held mmu_lock for reading.</summary>
    public bool Raced;

    /// <summary>So did another, and no record tells which of the two came first.</summary>
    public bool RaceUntold;

    /// <summary>An entry on its way changed after it had begun, and before the models were told of it.</summary>
    public bool Overtaken;

    /// <summary>The root that its vCPU has is gone; or may be.</summary>
    public bool RootStale;
    public bool RootMayBeStale;
    public bool SeenInvalid;

    public int FastReturn;
    public long Return;

    // Recorded, but without its value.
    public bool FastUntold;
    public bool ReturnUntold;
    public ulong Hva;
    public ulong LookupPfn;
    public bool LookupShown;

    /// <summary>What the guest's own tables say of the page; null where no walk of them was seen.</summary>
    public GuestWalk? Walk;

    /// <summary>The guest's hypervisor got it.</summary>
    public bool Reflected;

    /// <summary>The lookup failed, and nothing recorded tells why.</summary>
    public bool Refused;

    /// <summary>Shadow paging: the guest's virtual address; 0 otherwise.</summary>
    public ulong Gva;
    public LookupFact Fact;
    public Memslot? Slot;

    /// <summary>The faultin probe shows what its lookup found of memslots.</summary>
    public bool SlotSeen;

    /// <summary>Recorded mmu_invalidate_seq of its snapshot + 1.</summary>
    public ulong SnapshotPlusOne;

    /// <summary>Where memslots are inferred: what was said of this fault's.</summary>
    public SlotFact SlotFact;

    // Places of its milestones; 0 where not seen.
    public long SnapshotAfter;
    public long Faultin;
    public long LookupEntry;
    public long LookupReturn;
    public long FaultinReturn;
    public long Requested;

    /// <summary>The last record of its own: what comes next in it lies behind.</summary>
    public long Last;

    /// <summary>Its operation under mmu_lock, as long as it may be changed; -1 before.</summary>
    public long Map;

    /// <summary>Its lookup's operation, as long as it may be changed; -1 otherwise.</summary>
    public long Lookup;

    /// <summary>The fault that is about to install an entry on this one's way: only then is it known what this one found.</summary>
    public OpenFault? WaitsFor;
    public List<OpenFault> Waiting { get; } = [];
    public bool Closed;

    public void Reset()
    {
        Observed = default;
        Access = FaultAccess.None;
        Begun = LookupSent = Committed = InLookup = SawFollow = FollowedUntold = LookupByRequest = SawTdpFault = AsyncQueued = Returned = SawReturn = IsCall = false;
        Installed = Raced = Overtaken = RaceUntold = Refused = RootStale = RootMayBeStale = SeenInvalid = FastUntold = ReturnUntold = LookupShown = SlotSeen = Closed = false;
        FastReturn = -1;
        Record = null;
        Behind = Reflected = false;
        Walk = null;
        Return = 0;
        Hva = Gva = LookupPfn = SnapshotPlusOne = 0;
        Fact = LookupFact.None;
        Slot = null;
        SlotFact = SlotFact.Recorded;
        SnapshotAfter = Faultin = LookupEntry = LookupReturn = FaultinReturn = Requested = Last = 0;
        Map = Lookup = -1;
        WaitsFor = null;
        Waiting.Clear();
    }

    public ulong Gfn => Observed.Gpa >> 12;

    /// <summary>Whether an entry of this level at <paramref name="gfn"/> lies on the fault's way.</summary>
    public bool Meets(VmTrack vm, ulong gfn, int level) => Vm == vm && (Gfn ^ gfn) < Levels.Pages(level);
}
