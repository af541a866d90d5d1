using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Slots;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>
/// Memslots and pages of a trace that records neither, from how the other aborts around one ended. An abort is never asked about itself: what
/// the last abort before it and the next one behind it in the same 2 MiB met, if the two agree, it met as well.
/// </summary>
internal sealed class AbortInference(TimelineContext context, MemslotTracker memslots, AbortFacts facts)
{
    // One memslot stands in for all: which host address a gfn has no record tells, and every window counts as one over it.
    private const ulong Pages = 1UL << 36;

    public SlotFact SlotOf(OpenAbort abort)
    {
        AbortEnd around = facts.Around(abort.Observed.FaultId);

        // A page that was refused has a memslot, whatever its neighbours met: an address without one is MMIO.
        SlotFact fact = around == AbortEnd.Memory || facts.EndOf(abort.Observed.FaultId) == AbortEnd.Refused ? SlotFact.Inferred
            : around == AbortEnd.Mmio ? SlotFact.NoneInferred
            : SlotFact.Unknown;
        if (fact == SlotFact.Inferred && abort.Vm.Slots[0].Find(abort.Gfn) is null && abort.Gfn < Pages)
        {
            memslots.Put(abort.Vm, new Memslot(0, 0, 0, Pages, 0, MemslotFlags.None));
            context.Counts.SlotsInferred++;
        }

        return fact;
    }

    /// <summary>The page that its lookup would have found: one of which nothing is known but that it is there.</summary>
    public LookupFact Prepare(OpenAbort abort)
    {
        if (abort.SlotFact is not (SlotFact.Inferred or SlotFact.Recorded) || abort.Vm.Slots[0].Find(abort.Gfn) is not { } slot)
        {
            return LookupFact.None;
        }

        if (facts.EndOf(abort.Observed.FaultId) == AbortEnd.Refused)
        {
            // Read off the abort itself, and counted so: nothing else tells why its page could not be had.
            return LookupFact.Forbidden;
        }

        if (abort.SlotFact == SlotFact.Recorded && facts.Around(abort.Observed.FaultId) != AbortEnd.Memory)
        {
            return LookupFact.None;
        }

        context.Counts.PagesInferred++;
        abort.Hva = 0;
        context.Emit(OperationKind.PteKnown, abort.Vm, slot.Hva(abort.Gfn), HostPte.Make(SpecialPfn.MadeUp(abort.Gfn), writable: true, special: false, level: 0).Raw);
        return LookupFact.Found;
    }
}
