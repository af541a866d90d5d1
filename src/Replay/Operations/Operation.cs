namespace TraceReplay.Replay.Operations;

/// <summary>What happened to a VM, its memory or its host, in the terms that the models understand.</summary>
public enum OperationKind : byte
{
    /// <summary>A memslot becomes active: A base gfn, B pages, C hva, D flags | id &lt;&lt; 32.</summary>
    SlotPut,

    /// <summary>
    /// A memslot is about to go or move; lookups see it INVALID and all roots are zapped, unless C is 1: then they go with an
    /// operation of their own. D id &lt;&lt; 32.
    /// </summary>
    SlotInvalidate,

    /// <summary>A memslot is gone. D id &lt;&lt; 32.</summary>
    SlotRemove,

    /// <summary>The kernel refused a memslot for what lies behind it (arm64: cacheable PFNMAP memory on a CPU without S2FWB); as <see cref="SlotPut"/>.</summary>
    SlotRefused,

    /// <summary>
    /// A notifier window may have begun from here on: [A, B) in hva bytes. <see cref="Operation.FaultId"/> is the window's number,
    /// After and Before are the places between which it begins; D is the place of the earliest snapshot of a fault that is still open, 0 if
    /// that is for the model to know; Open the fault whose lookup opened it. Nothing is done to its range yet.
    /// </summary>
    WindowOpening,

    /// <summary>
    /// A notifier window has begun, what it covers is zapped: [A, B) in hva bytes, C mmu_notifier_event;
    /// <see cref="Operation.FaultId"/> its number, -1 if it has none and was not announced.
    /// </summary>
    WindowBegin,

    /// <summary>The window numbered <see cref="Operation.FaultId"/> may have ended from the place After on.</summary>
    WindowEnding,

    /// <summary>
    /// A notifier window ends: [A, B); C recorded mmu_invalidate_seq before the end + 1, D recorded in_progress before it,
    /// each 0 if not recorded.
    /// </summary>
    WindowEnd,

    /// <summary>A leaf of the VMM's page table: A hva, B <see cref="State.HostPte"/> as raw bits.</summary>
    PteKnown,

    /// <summary>Whether the frame of the leaf at hva A, which is known, is the kernel's own memory: B 1 or 0 (pfn_is_map_memory, arm64).</summary>
    PteMemory,

    /// <summary>A mapping of the VMM: [A, B), C <see cref="State.VmaFlags"/>, D buffer object | 0.</summary>
    VmaMap,

    /// <summary>A mapping whose kind is known from the mmap call: [A, B), C flags, D <see cref="State.PageKind"/>.</summary>
    VmaMapKind,

    /// <summary>munmap of [A, B).</summary>
    VmaUnmap,

    /// <summary>mprotect of [A, B) to C (READ, WRITE, EXEC).</summary>
    VmaProtect,

    /// <summary>A page allocation of order above 0: A pfn, B order, C gfp flags.</summary>
    PageAlloc,

    /// <summary>A block is freed: A pfn, B order.</summary>
    PageFree,

    /// <summary>The capture does not record page allocations: block orders have to be inferred.</summary>
    NoBlockOrders,

    /// <summary>The gfn A holds a table of level B that a guest keeps and KVM shadows: from here on it may be write-protected.</summary>
    GuestTable,

    /// <summary>A buffer object arrived: A object, B TTM memory type, C 1 if only a leaf says so: when it moved is not known then.</summary>
    BoPlace,

    /// <summary>
    /// A fault begins (spec 3.3, steps 1 to 9): A gpa, B <see cref="FaultAccess"/>, C <see cref="BeginFacts"/>, D the guest's virtual
    /// address if shadow paging serves it, or 0; on arm64 the level of the leaf that the walk met, if it met one, else 0. After and Before: its snapshot and its first lock-free check.
    /// </summary>
    FaultBegin,

    /// <summary>
    /// Its lookup is done (steps 10, 11): A <see cref="LookupFact"/>, B recorded snapshot + 1 or 0, C 1 if the VMM's mappings were changing
    /// meanwhile, D <see cref="OwnStep"/> of what comes behind its checks. After: where the second
    /// lock-free check may come at the earliest, Before at the latest.
    /// </summary>
    FaultLookup,

    /// <summary>
    /// It takes mmu_lock, maps and finishes (steps 12 to 16): A <see cref="LookupFact"/> if no FaultLookup came, B
    /// <see cref="MapFacts"/>, C the level of the leaf that it left, or 0, D the observed outcome + 1, or 0: by it the state goes on where a set of outcomes is predicted.
    /// After and Before: its check under mmu_lock.
    /// </summary>
    FaultMap,

    /// <summary>Aging of [A, B) in hva bytes.</summary>
    Age,

    /// <summary>Write protection of the leaf at gfn A, level B (dirty logging).</summary>
    WriteProtect,

    /// <summary>Write protection of all leaves in gfns [A, B) (dirty logging, where no leaf has a record of its own).</summary>
    WriteProtectRange,

    /// <summary>The dirty bit of the leaf at gfn A, level B is cleared (dirty logging with PML).</summary>
    ClearDirty,

    /// <summary>
    /// The leaf at gfn A goes, outside of any window (NX recovery, log-dirty off, memslot zap). B is the level that the record has:
    /// if a leaf of that level went there with a window or a root before, this is its own late record and does nothing.
    /// </summary>
    ZapLeaf,

    /// <summary>All leaves in gfns [A, B) go, outside of any window (arm64, where no leaf has a record of its own).</summary>
    ZapRange,

    /// <summary>The huge leaf at gfn A, level B becomes 512 leaves one level below.</summary>
    SplitHuge,

    /// <summary>The leaves below gfn A, level B become one huge leaf with pfn C.</summary>
    CollapseHuge,

    /// <summary>All roots are zapped.</summary>
    ZapAll,

    /// <summary>
    /// A record of a leaf that others than a fault changed, for comparison: A gfn, B old value, C new value, D level.
    /// <see cref="Operation.FaultId"/> is the record's seq; After is 1 if the task was in no window, memslot call or removal of a table.
    /// </summary>
    LeafObserved,

    /// <summary>
    /// What a fault left by the kernel's own record: at gfn A the value B, 0 for nothing, level D. The model of the captured kernel goes on from it,
    /// whatever it predicted; the others do not ask.
    /// </summary>
    LeafRecorded,

    /// <summary>The host replaces a leaf inside a window (.change_pte): A hva, B the new <see cref="State.HostPte"/>, C 1 if a record shows that the guest's leaf was made.</summary>
    ChangePte,

    /// <summary>The owner splits a non-compound block, every page counts for itself from now on: A pfn of its base.</summary>
    SplitBlock,

    /// <summary>kvm_vcpu_map of gfn A for the kernel's own use; <see cref="Operation.Open"/> is the map.</summary>
    VcpuMap,

    /// <summary>kvm_vcpu_unmap of what <see cref="Operation.Open"/> maps.</summary>
    VcpuUnmap,

    /// <summary>A pfn cache begins to refresh: A user hva; <see cref="Operation.Open"/> is the cache.</summary>
    PfnCacheLookup,

    /// <summary>It checks for retry and becomes valid.</summary>
    PfnCacheCommit,

    /// <summary>It is used.</summary>
    PfnCacheUse,

    /// <summary>
    /// A leaf that the kernel made at gfn A: B its SPTE, D its level. It replaces a leaf with a made-up frame; C 1 if it came
    /// outside of any fault, so that it stands where there is no leaf too.
    /// </summary>
    LeafKnown,

    /// <summary>The VM is gone; another may have its number.</summary>
    VmGone,

    /// <summary>Shadow paging maps the neighbours of gfn A ahead (direct maps of 4 KiB).</summary>
    PrefetchNeighbours,
}

/// <summary>What a fault wants, by the error code's bits (PFERR of spec 9.2).</summary>
[Flags]
public enum FaultAccess : ushort
{
    None = 0,
    Present = 1,
    Write = 2,
    Reserved = 8,
    Exec = 16,

    /// <summary>The completion of an async page fault: maps ahead of the guest's access.</summary>
    Prefetch = 32,

    /// <summary>Shadow paging serves the fault: TDP is off, or the guest runs nested.</summary>
    Shadow = 64,

    /// <summary>arm64: the leaf is there and its access flag is not set.</summary>
    AccessFlag = 128,

    /// <summary>arm64: the syndrome does not say what the access was (ESR_EL2.ISV is 0).</summary>
    NoSyndrome = 256,

    /// <summary>arm64: the guest's own page tables were walked (ESR_EL2.S1PTW).</summary>
    TableWalk = 512,

    /// <summary>arm64: a cache maintenance instruction (ESR_EL2.CM).</summary>
    CacheMaintenance = 1024,
}

/// <summary>Where a fault's memslot is known from.</summary>
public enum SlotFact : byte
{
    /// <summary>Memslots are recorded.</summary>
    Recorded = 0,

    /// <summary>They are not, and nothing tells whether one is here.</summary>
    Unknown,

    /// <summary>Other faults show that there is none.</summary>
    NoneInferred,

    /// <summary>Other faults show that there is one: the models were told of a slot that stands in for it.</summary>
    Inferred,

    /// <summary>
    /// As <see cref="Inferred"/>, but the trace has faults that KVM refused and no page allocations that tell which pages it
    /// refuses: what lies here is a guess from the neighbours.
    /// </summary>
    AmongRefused,

    /// <summary>A memslot call is under way that marks the memslot INVALID, and nothing shows whether it has.</summary>
    MayBeInvalid,

    /// <summary>The fault's own probe shows that its memslot is INVALID.</summary>
    SeenInvalid,
}

/// <summary>Whether a step that a fault takes only if a check lets it is in the records.</summary>
public enum OwnStep : byte
{
    /// <summary>The capture does not record this step.</summary>
    NotRecorded = 0,

    /// <summary>It was taken.</summary>
    Seen,

    /// <summary>It was not taken.</summary>
    Missing,
}

/// <summary>What is known of a fault when it begins, in one number: the layout of <see cref="Operation.C"/>.</summary>
public readonly record struct BeginFacts(ulong Raw)
{
    private const ulong StaleBit = 1 << 8;
    private const ulong MayBeStaleBit = 1 << 9;
    private const int StepShift = 10;
    private const int FastShift = 12;
    private const int SnapshotShift = 16;

    /// <param name="slot">Where its memslot is known from.</param>
    /// <param name="rootStale">Its vCPU has not entered the guest since all roots were zapped.</param>
    /// <param name="rootMayBeStale">Nothing shows whether it has.</param>
    /// <param name="snapshotPlusOne">Recorded mmu_invalidate_seq of its snapshot + 1; 0 if not known yet.</param>
    /// <param name="lookup">Whether its lookup is recorded.</param>
    /// <param name="fastPath">Whether what the fast path met is still there to be looked at.</param>
    public static ulong Make(SlotFact slot, bool rootStale = false, bool rootMayBeStale = false, ulong snapshotPlusOne = 0, OwnStep lookup = OwnStep.NotRecorded, FastPathFact fastPath = FastPathFact.Open) =>
        (ulong)slot | (rootStale ? StaleBit : 0) | (rootMayBeStale ? MayBeStaleBit : 0) | ((ulong)lookup << StepShift) | ((ulong)fastPath << FastShift) | (snapshotPlusOne << SnapshotShift);

    public SlotFact Slot => (SlotFact)(byte)Raw;

    public bool RootStale => (Raw & StaleBit) != 0;

    public bool RootMayBeStale => (Raw & MayBeStaleBit) != 0;

    public OwnStep LookupMade => (OwnStep)((Raw >> StepShift) & 3);

    public FastPathFact FastPath => (FastPathFact)((Raw >> FastShift) & 3);

    public ulong SnapshotPlusOne => Raw >> SnapshotShift;
}

/// <summary>
/// The fast path looks at the entry before anything else of a fault. Where the models hear of the fault later, and the entry has changed in
/// between, what it met is not there any more.
/// </summary>
public enum FastPathFact : byte
{
    /// <summary>The entry is as it was.</summary>
    Open = 0,

    /// <summary>It is not, and the fault's own record says that the fast path left it alone.</summary>
    Over,

    /// <summary>It is not, and nothing tells.</summary>
    Untold,
}

/// <summary>What is known of a fault's time under mmu_lock besides its place.</summary>
[Flags]
public enum MapFacts : ushort
{
    None = 0,

    /// <summary>Another task changed an entry on the fault's way while this one held mmu_lock for reading, and it left no record of its own.</summary>
    Raced = 1,

    /// <summary>Whether the host maps the page writable is taken from the fault's own leaf: nothing else shows it.</summary>
    WritableReadOff = 2,

    /// <summary>kvm_mmu_spte_requested, which comes behind all checks, is recorded.</summary>
    Passed = 4,

    /// <summary>It is not, though the capture records it.</summary>
    NotPassed = 8,

    /// <summary>What the lookup found is not recorded: a fault that did not pass may have failed there.</summary>
    LookupUnseen = 16,

    /// <summary>Shadow paging: the guest's own tables were read, and nothing below forbids more.</summary>
    GuestTold = 32,

    /// <summary>They may forbid what nothing records.</summary>
    GuestUntold = 64,

    /// <summary>They permit no write, or have not seen one.</summary>
    GuestReadOnly = 128,
    GuestNoExec = 256,
    GuestNoUser = 512,

    /// <summary>They map 4 KiB here; or 2 MiB.</summary>
    GuestPage = 1024,
    GuestHugePage = 2048,

    /// <summary>A window opened within its own lookup: whichever memslots there are, one of them holds the page.</summary>
    OwnWindow = 4096,
}

/// <summary>What the trace tells of a lookup besides the page-table leaf.</summary>
public enum LookupFact : byte
{
    /// <summary>Nothing recorded; the leaf and VMA known so far decide.</summary>
    None = 0,

    /// <summary>The lookup found the leaf that was last made known.</summary>
    Found,

    /// <summary>The kernel ended the fault without a lookup, and a probe would have shown one.</summary>
    NotMade,

    /// <summary>get_user_pages failed and no remapped lookup followed: no VMA, or one that forbids the access.</summary>
    Forbidden,

    /// <summary>The driver's fault handler failed (SIGBUS).</summary>
    DriverRefused,

    /// <summary>A signal interrupted the lookup.</summary>
    Interrupted,

    /// <summary>The page is poisoned.</summary>
    Poisoned,

    /// <summary>The page needs I/O; an async page fault was queued.</summary>
    AsyncQueued,

    /// <summary>The page was not there: slow get_user_pages, or the driver's fault handler, brought it; the leaf is known now.</summary>
    FaultedIn,

    /// <summary>mmap_lock was not got because the task is being killed (-EAGAIN).</summary>
    LockKilled,

    /// <summary>The page is guest_memfd's, reached without the VMM's page table.</summary>
    GuestMemfd,

    /// <summary>A window over the page may have ended before or after the fault's checks: the trace does not show it.</summary>
    OrderUnknown,

    /// <summary>A driver's leaf was followed that no record shows, and KVM refused its page: only that says that it is a page without a count.</summary>
    RefusedUntold,

    /// <summary>The memslot has a guest_memfd, and nothing tells whether the page came from it or from the VMM's memory.</summary>
    SourceUnknown,
}

/// <summary>
/// One operation of the timeline. Flat and fixed in size: batches of them are the models' input and are replayed without
/// an allocation. The meaning of A to D is told by the kind.
/// </summary>
public struct Operation
{
    public OperationKind Kind;

    /// <summary>Address space of the operation (x86: 0 normal, 1 SMM).</summary>
    public byte AsId;

    /// <summary>Index of the VM in order of appearance.</summary>
    public short Vm;

    /// <summary>Place of the fault among those open at the same time; -1 if the operation is no fault's.</summary>
    public int Open;

    /// <summary>The fault's number in the trace.</summary>
    public long FaultId;

    /// <summary>Position of the event behind it in the trace.</summary>
    public long Seq;

    /// <summary>Time of that event, in the capture's clock.</summary>
    public long Time;

    public ulong A;
    public ulong B;
    public ulong C;
    public ulong D;

    /// <summary>
    /// The place, among the trace's records, after which the thing happened, and <see cref="Before"/> the one before which it did.
    /// Both 0: it happened where it stands among the operations (scripts).
    /// </summary>
    public long After;
    public long Before;
}
