namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>Why a model ended a fault as it did, where the outcome alone does not say it: the <c>reason</c> column.</summary>
public enum FaultReason : byte
{
    None = 0,
    ReadOnlySlot,
    Forbidden,
    DriverRefused,
    LockKilled,
    HugeLeaf,
    ReadOnlyLeaf,
    ReadOnlyLeafFirst,
    ReadOnlyFaultLost,
    RefcountZero,
    SlotNotRecorded,
    OrderUnknown,
    NoMemslot,
    CallerRefused,
    ExecFromDevice,
    WentFurther,
    LookupNotShown,
    GupRefuses,
    VmaForbids,
    ExecWithoutMemory,
    TableWalkWithoutMemory,
    NoValidSyndrome,
    SlotRefused,
    NestedGuest,
    SourceUnknown,
    NotGuarded,
}

/// <summary>The reasons as people read them.</summary>
public static class FaultReasons
{
    /// <summary>One sentence for the person who asks why; null for none.</summary>
    public static string? Text(this FaultReason reason) => reason switch
    {
        FaultReason.None => null,
        FaultReason.ReadOnlySlot => "write to a READONLY memslot",
        FaultReason.Forbidden => "get_user_pages failed and no VMA permits the access",
        FaultReason.DriverRefused => "the driver's fault handler failed",
        FaultReason.LockKilled => "the task is being killed and does not get mmap_lock",
        FaultReason.HugeLeaf => "the lookup walks to a PTE and the leaf is huge",
        FaultReason.ReadOnlyLeaf => "the remapped leaf is read-only",
        FaultReason.ReadOnlyLeafFirst => "the remapped leaf is read-only although its mapping permits writes: the driver maps read-only until the host itself writes",
        FaultReason.ReadOnlyFaultLost => "the read-only fault is overwritten by the test for refcounted pages",
        FaultReason.RefcountZero => "KVM takes a pfn with an unreserved struct page for refcounted, this page's refcount is 0, so get_page_unless_zero fails and the lookup returns KVM_PFN_ERR_FAULT",
        FaultReason.SlotNotRecorded => "the capture does not record memslots, and no other fault shows whether one is here",
        FaultReason.OrderUnknown => "the trace does not show whether a notifier window over the page had ended",
        FaultReason.NoMemslot => "no memslot",
        FaultReason.CallerRefused => "refused",
        FaultReason.ExecFromDevice => "instruction fetch from device memory: an external abort is injected",
        FaultReason.WentFurther => "goes on to a lookup where the captured kernel ended the fault before it",
        FaultReason.LookupNotShown => "the trace does not show what the lookup found",
        FaultReason.GupRefuses => "get_user_pages refuses the page, and the VMA is neither VM_IO nor VM_PFNMAP",
        FaultReason.SourceUnknown => "the trace does not show whether the page came from guest_memfd or from the VMM's memory",
        FaultReason.VmaForbids => "the VMA forbids the access",
        FaultReason.ExecWithoutMemory => "instruction fetch from where no memory is: an external abort is injected",
        FaultReason.TableWalkWithoutMemory => "the guest's page tables lie where no memory is: an external abort is injected",
        FaultReason.NoValidSyndrome => "the access meets no memory, and the syndrome does not say what it was (ISV=0), so it cannot be emulated",
        FaultReason.SlotRefused => "the memslot itself is refused: cacheable PFNMAP memory on a CPU without S2FWB and DIC; every access is MMIO",
        FaultReason.NotGuarded => "no caller but x86's handler says that the notifier guards the page, and so a page without struct page or count is refused",
        FaultReason.NestedGuest => "the fault is a nested guest's: no model of it",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "no such reason"),
    };
}
