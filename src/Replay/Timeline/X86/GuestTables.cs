using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// Tables that a guest keeps and KVM walks in its stead: a nested guest's for physical addresses, and a guest's own under shadow paging
/// (spec 6.3). A shadow leaf permits no more than they do, is no larger, and while it shadows one KVM write-protects the gfn that holds it.
/// </summary>
internal sealed class GuestTables(TimelineContext context, VmTracker vms)
{
    private const ulong DirectRole = 1UL << 7;
    private const ulong LevelOfRole = 0xf;

    // Paging-structure entries, and those of EPT.
    private const ulong Writable = 1UL << 1;
    private const ulong User = 1UL << 2;
    private const ulong NoExec = 1UL << 63;
    private const ulong Dirty = 1UL << 6;
    private const ulong EptExec = 1UL << 2;
    private const ulong EptDirty = 1UL << 9;

    /// <summary>kvm_nested_vmenter, or kvm_nested_vmrun.</summary>
    public static void OnEnter(EventCursor e, TaskState task) => (task.IsNested, task.HasNestedTdp) = (true, GuestAddresses.HasNestedTdp(e));

    /// <summary>An exit from a nested guest whose entry the capture does not show: it began, or lost records, in between.</summary>
    public static void OnExit(TaskState task)
    {
        if (!task.IsNested)
        {
            (task.IsNested, task.HasNestedTdp) = (true, true);
        }
    }

    /// <summary>The guest's hypervisor gets the exit: a fault that ends with it was resolved by that, not by this KVM.</summary>
    public static void OnReflected(TaskState task)
    {
        task.IsNested = false;
        task.Fault?.Reflected |= !task.Fault.Returned && task.Fault.Requested == 0;
    }

    /// <summary>KVM begins to walk tables of the guest's: for the fault, if it has not looked its page up yet.</summary>
    public static void OnWalk(TaskState task)
    {
        if (task.Fault is { Observed.Shadow: true, Begun: false, Faultin: 0 } fault)
        {
            fault.Walk = new GuestWalk(Writable | User | EptExec, 0, 0);
        }
    }

    public static void OnElement(EventCursor e, TaskState task)
    {
        if (task.Fault is { Observed.Shadow: true, Begun: false, Faultin: 0, Walk: { } walk } fault)
        {
            fault.Walk = new GuestWalk((walk.All & e[0]) | ((walk.All | e[0]) & NoExec), e[0], (int)(e[1] & 0xff));
        }
    }

    /// <summary>A shadow page: the gfn that holds the guest's table is write-protected as long as it lives.</summary>
    public void OnGetPage(EventCursor e, TaskState task)
    {
        // What the kernel prints of a role does not say all of it: a text without the number tells nothing.
        if (e.Knows(1) && (e[1] & DirectRole) == 0)
        {
            context.Emit(OperationKind.GuestTable, vms.Of(task), e[0], e[1] & LevelOfRole);
        }
    }

    /// <summary>What the walk says of the leaf that KVM may make.</summary>
    public MapFacts Rights(OpenFault fault)
    {
        if (!fault.Observed.Shadow)
        {
            return MapFacts.None;
        }

        if (fault.Walk is not { Level: > 0 } walk)
        {
            // A guest without paging has no tables: its virtual addresses are the physical ones.
            return !fault.Observed.Nested && (fault.Gva ^ fault.Observed.Gpa) >> 12 == 0 ? MapFacts.None : MapFacts.GuestUntold;
        }

        bool ept = fault.Observed.Nested && context.Options.Intel;
        bool clean = (walk.Leaf & (ept ? EptDirty : Dirty)) == 0;
        bool write = (fault.Access & FaultAccess.Write) != 0;
        if (ept && clean && !write)
        {
            // Whether the guest's EPT uses dirty bits at all no record says.
            return MapFacts.GuestUntold;
        }

        MapFacts rights = MapFacts.GuestTold;
        rights |= !write && ((walk.All & Writable) == 0 || clean) ? MapFacts.GuestReadOnly : 0;
        rights |= (ept ? (walk.All & EptExec) == 0 : (walk.All & NoExec) != 0) ? MapFacts.GuestNoExec : 0;
        rights |= !ept && (walk.All & User) == 0 ? MapFacts.GuestNoUser : 0;
        return rights | (walk.Level == 1 ? MapFacts.GuestPage : walk.Level == 2 ? MapFacts.GuestHugePage : 0);
    }
}

/// <summary>A walk of a guest's tables, as far as it was seen.</summary>
/// <param name="All">What all entries permit; no-execute if one says it.</param>
/// <param name="Leaf">The last entry.</param>
/// <param name="Level">Its level; 0 before the first.</param>
internal readonly record struct GuestWalk(ulong All, ulong Leaf, int Level);
