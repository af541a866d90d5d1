using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// Faults in memslots that have a guest_memfd (spec 3, step 10): a private page, and every page of a memslot that has nothing else, comes
/// from the file, not through the VMM's page table. A lookup that made no call of hva_to_pfn shows it; without probes nothing does.
/// </summary>
internal static class GuestMemfd
{
    /// <summary>Looks at the fault once its lookup is over, and marks it if the page is the file's.</summary>
    /// <param name="failed">The lookup ended in an error.</param>
    /// <returns>Whether its lookup found a page, and not through the VMM's page table.</returns>
    public static bool Recognise(OpenFault fault, TimelineContext context, bool failed)
    {
        if (HasFile(fault) && fault is { FaultinReturn: > 0, LookupEntry: 0 } && (failed || fault.Fact == LookupFact.Found) && context.Kinds.Contains(EventKind.HvaToPfn))
        {
            fault.Observed.GuestMemfd = true;
        }

        return fault.Observed.GuestMemfd && fault.Fact == LookupFact.Found;
    }

    /// <summary>Whether the page may be the file's, and nothing tells: what the VMM maps says nothing of it then.</summary>
    public static bool IsUntold(OpenFault fault) => HasFile(fault) && !fault.LookupShown && !(fault.Observed.GuestMemfd && fault.Fact == LookupFact.Found);

    private static bool HasFile(OpenFault fault) =>
        (fault.Slot ?? fault.Vm.Slots[fault.Observed.AsId].Find(fault.Gfn)) is { } slot && slot.Is(MemslotFlags.GuestMemfd);
}
