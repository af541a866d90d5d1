using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Tasks;

namespace TraceReplay.Replay.Timeline.Vms;

/// <summary>
/// Which VM an event belongs to, and where one VM's life ends and the next one's begins. The address of a struct kvm is used again,
/// and a process may have several at once (spec 8.3, 9.1).
/// </summary>
internal sealed class VmTracker(TimelineContext context, TaskTable tasks)
{
    private const int MaxVms = short.MaxValue;

    private readonly List<VmTrack> _vms = [];
    private readonly Dictionary<ulong, VmTrack> _byKvm = [];
    private readonly Dictionary<ulong, VmTrack> _byVcpu = [];

    // The notifier lies inside struct kvm: one pair of the two addresses tells all others.
    private ulong? _notifierOffset;

    /// <summary>Called when it is known which VM a task works for.</summary>
    public event Action<TaskState, VmTrack>? Attached;

    /// <summary>A VM appears besides another.</summary>
    public event Action<VmTrack>? Came;

    /// <summary>A VM is gone: nothing of it may count for the next one.</summary>
    public event Action<VmTrack>? Gone;

    /// <summary>The VM a task works for: shown by its own events, or the newest.</summary>
    public VmTrack Of(TaskState task)
    {
        if (task.Vm is { } known)
        {
            return known;
        }

        if (_vms.Count == 0)
        {
            New(0);
        }
        else if (_vms.Count > 1)
        {
            context.Counts.VmAssumed++;
        }

        return _vms[^1];
    }

    public void Attach(TaskState task, VmTrack vm)
    {
        if (task.Vm == vm)
        {
            return;
        }

        bool first = task.Vm is null;
        task.Vm = vm;
        if (first)
        {
            Attached?.Invoke(task, vm);
        }
    }

    /// <summary>KVM_CREATE_VM has returned: what the task does from now on it does for a new VM.</summary>
    public void Created(TaskState task)
    {
        VmTrack vm = _vms is [.., { Kvm: 0, FirstSlot: null } unused] && task.Vm is null ? unused : New(0);
        if (task.Vm is { } old && old != vm)
        {
            context.Counts.VmsReplaced++;
            task.Vm = null;
        }

        Attach(task, vm);
    }

    /// <summary>
    /// The VM of a memslot call. The one that has this address is dead if the call cannot be its own: KVM refuses to change a memslot's
    /// size or address, and nobody asks twice for the first one.
    /// </summary>
    public VmTrack? OfRegionCall(TaskState task, ulong kvm, Memslot? asked, byte asId, int id)
    {
        VmTrack? known = _byKvm.GetValueOrDefault(kvm);
        VmTrack? created = task.Vm is { Kvm: 0 } own ? own : null;
        if (known is not null && (created is not null || IsOfAnother(known, asked, asId, id)))
        {
            context.Counts.VmsReplaced++;
            Drop(known);
            known = null;
        }

        VmTrack? vm = known ?? created ?? _vms.Find(v => v.Kvm == 0 && v.FirstSlot is null);
        if (vm is null)
        {
            if (_vms.Count >= MaxVms)
            {
                context.Counts.VmAssumed++;
                return null;
            }

            vm = New(kvm);
        }

        if (vm.Kvm == 0 && kvm != 0)
        {
            vm.Kvm = kvm;
            _byKvm[kvm] = vm;
        }

        vm.FirstSlot ??= asked;
        Attach(task, vm);
        return vm;
    }

    /// <summary>A fault's handler shows its vCPU: it belongs to one VM as long as that lives.</summary>
    public void SeeVcpu(TaskState task, ulong vcpu)
    {
        if (vcpu == 0)
        {
            return;
        }

        if (_byVcpu.TryGetValue(vcpu, out VmTrack? vm))
        {
            if (task.Vm is null)
            {
                Attach(task, vm);
            }
            else if (task.Vm != vm)
            {
                // The task made another VM since, or the vCPU's address is used again.
                _byVcpu[vcpu] = task.Vm;
            }
        }
        else if (task.Vm is { } own)
        {
            _byVcpu[vcpu] = own;
        }
    }

    /// <summary>A handler shows the VM that its task works for.</summary>
    public void SeeKvm(TaskState task, ulong kvm)
    {
        if (_byKvm.TryGetValue(kvm, out VmTrack? vm))
        {
            Attach(task, vm);
        }
    }

    /// <summary>The probe on the end of a window shows the VM; with the notifier's address, that of every other window's.</summary>
    public VmTrack? SeeInvalidate(ulong kvm, ulong notifier)
    {
        if (kvm != 0 && notifier > kvm)
        {
            _notifierOffset ??= notifier - kvm;
        }

        return _byKvm.GetValueOrDefault(kvm);
    }

    /// <summary>The VM of a notifier: by its address, by the memslots that the range touches, else the task's.</summary>
    public VmTrack OfNotifier(TaskState task, ulong notifier, ulong start, ulong end)
    {
        if (notifier != 0 && _notifierOffset is { } offset && _byKvm.TryGetValue(notifier - offset, out VmTrack? known))
        {
            return known;
        }

        if (task.Vm is { } own && Touches(own, start, end))
        {
            return own;
        }

        for (int i = _vms.Count - 1; i >= 0; i--)
        {
            if (Touches(_vms[i], start, end))
            {
                return _vms[i];
            }
        }

        return Of(task);
    }

    /// <summary>The VM whose memslots hold what a fault's lookup found; null if none does.</summary>
    public VmTrack? WithSlot(Memslot seen)
    {
        for (int i = _vms.Count - 1; i >= 0; i--)
        {
            if (Holds(_vms[i], seen))
            {
                return _vms[i];
            }
        }

        return null;
    }

    /// <summary>Whether it is a memslot of this VM.</summary>
    public static bool Holds(VmTrack vm, Memslot seen) =>
        vm.Slots[seen.AsId].Find(seen.BaseGfn) is { } slot && slot.UserspaceAddr == seen.UserspaceAddr && slot.Npages == seen.Npages;

    public bool IsOnlyOne => _vms.Count <= 1;

    /// <summary>The only VM, or the first: what is inferred for a whole trace is inferred for it.</summary>
    public VmTrack First() => _vms.Count == 0 ? New(0) : _vms[0];

    private static bool Touches(VmTrack vm, ulong start, ulong end)
    {
        foreach (Memslots slots in vm.Slots)
        {
            foreach (Memslot _ in slots.OverlappingHva(start, end))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsOfAnother(VmTrack vm, Memslot? asked, byte asId, int id)
    {
        if (asked is null || vm.Slots[asId].ById(id) is not { } old)
        {
            return false;
        }

        bool refused = old.Npages != asked.Npages || old.UserspaceAddr != asked.UserspaceAddr || ((old.Flags ^ asked.Flags) & MemslotFlags.ReadOnly) != 0;
        return refused || (old == asked && asked == vm.FirstSlot);
    }

    private VmTrack New(ulong kvm)
    {
        VmTrack vm = new((short)Math.Min(_next++, MaxVms), kvm);
        _vms.Add(vm);
        if (kvm != 0)
        {
            _byKvm[kvm] = vm;
        }

        if (vm.Index > 0)
        {
            Came?.Invoke(vm);
        }

        return vm;
    }

    private int _next;

    private void Drop(VmTrack vm)
    {
        _vms.Remove(vm);
        _byKvm.Remove(vm.Kvm);
        foreach (ulong vcpu in _byVcpu.Where(pair => pair.Value == vm).Select(pair => pair.Key).ToArray())
        {
            _byVcpu.Remove(vcpu);
        }

        foreach (TaskState task in tasks.All.Where(task => task.Vm == vm))
        {
            task.Vm = null;
            task.RootsAtEntry = null;
        }

        Gone?.Invoke(vm);
        context.Emit(OperationKind.VmGone, vm);
    }
}
