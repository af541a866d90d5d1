using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// The faults behind kvm_mmu_spte_requested: they hold mmu_lock for reading together, so that what one of them finds on its way may be
/// another's doing, whose record comes later (K2, K14).
/// </summary>
internal sealed class LockSharers(TimelineContext context)
{
    private const ulong BlockPages = 512;
    private readonly List<OpenFault> _requested = [];

    public void Add(OpenFault fault) => _requested.Add(fault);

    public void Remove(OpenFault fault) => _requested.Remove(fault);

    /// <summary>An entry on the way of other faults has changed: those that hold mmu_lock for reading may have met it before or after.</summary>
    public void EntryChanged(TaskState task, VmTrack vm, ulong gfn, int level)
    {
        foreach (OpenFault other in _requested)
        {
            if (task.Fault != other && other.Meets(vm, gfn, level))
            {
                other.Raced = true;
            }
        }
    }

    /// <summary>kvm_mmu_set_spte comes behind the install: of two that hold mmu_lock for reading at once it does not tell which came first.</summary>
    public void SeeRace(OpenFault fault)
    {
        foreach (OpenFault other in _requested)
        {
            if (other != fault && other is { Committed: false, Returned: false } && other.Root == fault.Root && other.Meets(fault.Vm, fault.Gfn, fault.Observed.Level))
            {
                other.RaceUntold = fault.RaceUntold = true;
            }
        }
    }

    /// <summary>
    /// Another fault that holds mmu_lock for reading near this one's entry and has not shown its install yet: its record comes after it
    /// (K2, K14), so what this one found is known only then.
    /// </summary>
    public OpenFault? Installer(OpenFault fault)
    {
        if (fault.Requested == 0 && fault.FastReturn < 0)
        {
            return null;
        }

        // One that found its leaf there raced with nobody on the way to it.
        ulong reach = SpteLayout.IsPresent(context.Records.Leaf(fault.Vm, fault.Observed.AsId, fault.Gfn)) ? 1 : BlockPages;
        foreach (OpenFault other in _requested)
        {
            if (other != fault && other is { Committed: false, Returned: false, WaitsFor: null } && other.Vm == fault.Vm && other.Root == fault.Root && (other.Gfn ^ fault.Gfn) < reach)
            {
                return other;
            }
        }

        return null;
    }
}
