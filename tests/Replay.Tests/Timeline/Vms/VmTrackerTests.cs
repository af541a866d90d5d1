using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Kernel;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline.Vms;

/// <summary>Where one VM's life ends and the next begins (K10), and whose an event is.</summary>
public class VmTrackerTests
{
    private const ulong Kvm = 0xffff_c900_0055_9000;
    private const ulong OtherKvm = 0xffff_c900_0077_a000;
    private const ulong Notifier = 0x548;
    private const ulong Hva = 0x7f00_0000_0000;

    private readonly TimelineContext _context;
    private readonly TaskTable _tasks = new();
    private readonly VmTracker _vms;
    private readonly List<VmTrack> _gone = [];
    private readonly List<(int Pid, VmTrack Vm)> _attached = [];

    public VmTrackerTests()
    {
        RecordInvariants records = new(SpteLayout.Npt, new ClockSkew(0, "ns"), slotsKnown: true, endsKnown: true, entriesKnown: true);
        _context = new TimelineContext(new HashSet<EventKind>(), new TimelineOptions(false, ReturnCodes.Kernel612, 0, 0, 0), records);
        _vms = new VmTracker(_context, _tasks);
        _vms.Gone += _gone.Add;
        _vms.Attached += (task, vm) => _attached.Add((task.Pid, vm));
    }

    private TaskState Vmm => _tasks.Of(100);

    private TaskState Vcpu => _tasks.Of(101);

    public static TheoryData<string, Memslot?, bool> SecondCalls() => new()
    {
        { "the first one again: nobody asks twice", Slot(0, 0, 512), true },
        { "the same id with another size, which KVM refuses to change", Slot(0, 0, 1024), true },
        { "the same id with another hva", Slot(0, 0, 512, Hva + 0x1000), true },
        { "the same id, READONLY now", Slot(0, 0, 512, flags: MemslotFlags.ReadOnly), true },
        { "the same id elsewhere: it moves", Slot(0, 0x1000, 512), false },
        { "the same id with dirty logging", Slot(0, 0, 512, flags: MemslotFlags.LogDirty), false },
        { "another id", Slot(1, 0x1000, 512), false },
        { "the same id goes", null, false },
    };

    [Theory]
    [MemberData(nameof(SecondCalls))]
    public void A_call_that_cannot_be_its_own_begins_another_life(string call, Memslot? asked, bool another)
    {
        Assert.NotEmpty(call);
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        VmTrack second = Call(Vmm, Kvm, asked, asked?.Id ?? 0);
        Assert.Equal(another, first != second);
        Assert.Equal(another ? [first] : [], _gone);
        Assert.Equal(another ? 1 : 0, _context.Counts.VmsReplaced);
    }

    [Fact]
    public void Asked_for_again_after_it_went_it_is_the_same_life()
    {
        VmTrack vm = Call(Vmm, Kvm, Slot(0, 0, 512));
        vm.Slots[0].Remove(0);
        Assert.Same(vm, Call(Vmm, Kvm, Slot(0, 0, 1024)));
    }

    [Fact]
    public void The_models_are_told_of_the_end_and_the_next_has_another_number()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        VmTrack second = Call(Vmm, Kvm, Slot(0, 0, 512));
        Operation gone = Assert.Single(_context.Queue.Peek().ToArray());
        Assert.Equal((OperationKind.VmGone, first.Index), (gone.Kind, gone.Vm));
        Assert.NotEqual(first.Index, second.Index);
    }

    [Fact]
    public void Two_addresses_are_two_at_once()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        VmTrack second = Call(Vmm, OtherKvm, Slot(0, 0, 512, Hva + 0x10_0000_0000));
        Assert.NotSame(first, second);
        Assert.Empty(_gone);
        Assert.Same(first, Call(Vmm, Kvm, Slot(1, 0x1000, 16)));
    }

    /// <summary>KVM_CREATE_VM says it whatever the address: the call that follows is the new one's.</summary>
    [Fact]
    public void Created_it_is_another_even_at_the_old_address()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        _vms.Created(Vmm);
        VmTrack second = Call(Vmm, Kvm, Slot(3, 0x9000, 16));
        Assert.NotSame(first, second);
        Assert.Equal([first], _gone);
    }

    [Fact]
    public void The_first_one_created_is_the_one_that_the_first_call_is_for()
    {
        _vms.Created(Vmm);
        VmTrack created = Vmm.Vm!;
        Assert.Same(created, Call(Vmm, Kvm, Slot(0, 0, 512)));
        Assert.Equal(Kvm, created.Kvm);
    }

    [Fact]
    public void A_vcpu_belongs_to_one_as_long_as_that_lives()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        Call(_tasks.Of(200), OtherKvm, Slot(0, 0, 512));
        _vms.SeeVcpu(Vmm, vcpu: 7);
        _vms.SeeVcpu(Vcpu, vcpu: 7);
        Assert.Same(first, Vcpu.Vm);
    }

    [Fact]
    public void A_dead_ones_tasks_and_vcpus_are_nobodys()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        _vms.Attach(Vcpu, first);
        _vms.SeeVcpu(Vcpu, vcpu: 7);
        VmTrack second = Call(Vmm, Kvm, Slot(0, 0, 512));
        Assert.Null(Vcpu.Vm);
        _vms.SeeVcpu(Vcpu, vcpu: 7);
        Assert.Null(Vcpu.Vm);
        Assert.Same(second, _vms.Of(Vcpu));
    }

    /// <summary>The notifier lies inside of struct kvm: one pair of the two addresses tells every other.</summary>
    [Fact]
    public void A_window_is_the_notifiers_VMs()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        VmTrack second = Call(Vmm, OtherKvm, Slot(0, 0, 512));
        Assert.Same(first, _vms.SeeInvalidate(Kvm, Kvm + Notifier));
        TaskState kernelThread = _tasks.Of(7);
        Assert.Same(first, _vms.OfNotifier(kernelThread, Kvm + Notifier, 0, 4096));
        Assert.Same(second, _vms.OfNotifier(kernelThread, OtherKvm + Notifier, 0, 4096));
    }

    [Fact]
    public void Without_the_notifiers_address_it_is_the_VMs_whose_memory_it_touches()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        VmTrack second = Call(Vmm, OtherKvm, Slot(0, 0, 512, Hva + 0x10_0000_0000));
        Put(first, Slot(0, 0, 512));
        Put(second, Slot(0, 0, 512, Hva + 0x10_0000_0000));
        TaskState kernelThread = _tasks.Of(7);
        Assert.Same(first, _vms.OfNotifier(kernelThread, 0, Hva + 0x1000, Hva + 0x2000));
        Assert.Same(second, _vms.OfNotifier(kernelThread, 0, Hva + 0x10_0000_1000, Hva + 0x10_0000_2000));
    }

    [Fact]
    public void The_memslot_that_a_fault_found_is_one_VMs()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        VmTrack second = Call(Vmm, OtherKvm, Slot(0, 0, 512, Hva + 0x10_0000_0000));
        Put(first, Slot(0, 0, 512));
        Put(second, Slot(0, 0, 512, Hva + 0x10_0000_0000));
        Assert.Same(first, _vms.WithSlot(Slot(0, 0, 512)));
        Assert.Same(second, _vms.WithSlot(Slot(0, 0, 512, Hva + 0x10_0000_0000)));
        Assert.Null(_vms.WithSlot(Slot(0, 0, 1024)));
        Assert.False(VmTracker.Holds(first, Slot(0, 0, 512, Hva + 0x10_0000_0000)));
    }

    [Fact]
    public void What_shows_a_tasks_VM_first_is_said_once()
    {
        VmTrack first = Call(Vmm, Kvm, Slot(0, 0, 512));
        Call(Vmm, Kvm, Slot(1, 0x1000, 16));
        _vms.Attach(Vcpu, first);
        Assert.Equal([(100, first), (101, first)], _attached);
    }

    private static Memslot Slot(int id, ulong gfn, ulong pages, ulong hva = Hva, MemslotFlags flags = MemslotFlags.None) => new(0, id, gfn, pages, hva, flags);

    private static void Put(VmTrack vm, Memslot slot) => vm.Slots[slot.AsId].Put(slot);

    /// <summary>A region call that succeeds.</summary>
    private VmTrack Call(TaskState task, ulong kvm, Memslot? asked, int id = 0)
    {
        VmTrack vm = _vms.OfRegionCall(task, kvm, asked, 0, asked?.Id ?? id)!;
        if (asked is not null)
        {
            Put(vm, asked);
        }

        return vm;
    }
}
