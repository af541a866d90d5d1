using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline;

/// <summary>Records that no correct kernel makes: each check of the records has to see its own, and to doubt it where the order is not certain.</summary>
public class RecordInvariantTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = 0x7f00_0000_0000;
    private const ulong Page = 4096;

    private static readonly SpteLayout s_npt = SpteLayout.Npt;

    [Theory]
    [InlineData("a writable leaf", "")]
    [InlineData("W without MMU-writable", "INV-18")]
    [InlineData("MMU-writable without host-writable", "INV-18")]
    [InlineData("a huge leaf, aligned", "")]
    [InlineData("a huge leaf, not aligned", "INV-23")]
    [InlineData("another pfn in one step", "INV-25")]
    [InlineData("empty to empty", "INV-26")]
    [InlineData("empty to frozen", "")]
    [InlineData("MMIO to empty", "")]
    [InlineData("no memslot", "INV-24?")]
    [InlineData("writable in a READONLY memslot", "INV-17")]
    [InlineData("writable in a READONLY memslot, region call under way", "INV-17?")]
    [InlineData("huge and writable in a logging memslot", "INV-22")]
    public void Spte_changes(string change, string broken)
    {
        (RecordInvariants records, VmTrack vm) = Machine(change.Contains("READONLY", StringComparison.Ordinal) ? MemslotFlags.ReadOnly
            : change.Contains("logging", StringComparison.Ordinal) ? MemslotFlags.LogDirty : MemslotFlags.None);
        ulong rw = s_npt.Make(0x200, 1, hostWritable: true, writable: true, dirty: true);
        (ulong Gfn, ulong From, ulong To, int Level) record = change switch
        {
            "W without MMU-writable" => (Gfn, 0, rw & ~s_npt.MmuWritable, 1),
            "MMU-writable without host-writable" => (Gfn, 0, rw & ~s_npt.HostWritable, 1),
            "a huge leaf, aligned" => (Gfn, 0, s_npt.Make(0x200, 2, true, true, true), 2),
            "a huge leaf, not aligned" => (Gfn, 0, s_npt.Make(0x201, 2, true, true, true), 2),
            "another pfn in one step" => (Gfn, rw, s_npt.Make(0x201, 1, true, true, true), 1),
            "empty to empty" => (Gfn, 0, 1UL << 63, 1),
            "empty to frozen" => (Gfn, 1UL << 63, (1UL << 63) | 0x1a0, 1),
            "MMIO to empty" => (Gfn, (1UL << 51) | 5, 0, 1),
            "no memslot" => (0x9000, 0, rw, 1),
            "huge and writable in a logging memslot" => (Gfn, 0, s_npt.Make(0x200, 2, true, true, true), 2),
            _ => (Gfn, 0, rw, 1),
        };
        records.RegionCalls = change.EndsWith("under way", StringComparison.Ordinal) ? 1 : 0;
        records.SpteChanged(vm, 0, record.Gfn, record.From, record.To, record.Level);
        Assert.Equal(broken, Broken(records));
    }

    [Theory]
    [InlineData(1, 5000, "INV-11")]
    [InlineData(1, 500, "INV-11?")]
    [InlineData(0, 500, "INV-11")]
    public void A_leaf_at_the_end_of_the_window_over_it(int cpuOfEnd, long later, string broken)
    {
        (RecordInvariants records, VmTrack vm) = Machine();
        records.Begin(1, 10_000, 0);
        records.SpteChanged(vm, 0, Gfn, 0, s_npt.Make(0x200, 1, true, true, true), 1);
        records.Begin(2, 10_000 + later, cpuOfEnd);
        records.WindowEnds(Open(vm, Hva, begunAt: 1));
        Assert.Equal(broken, Broken(records));
    }

    [Theory]
    [InlineData(0UL, 1, 5000, "INV-12")]
    [InlineData(0UL, 1, 500, "INV-12?")]
    [InlineData(1UL, 1, 5000, "")]
    public void A_leaf_installed_inside_a_window(ulong pageOfWindow, int cpu, long later, string broken)
    {
        (RecordInvariants records, VmTrack vm) = Machine();
        Window window = Open(vm, Hva + (pageOfWindow * Page), begunAt: 10_000);
        records.Begin(2, 10_000 + later, cpu);
        records.Installed(vm, 0, Gfn, [(new TaskState(7), window)]);
        Assert.Equal(broken, Broken(records));

        // Past the entry of its end, the window may be over.
        (records, vm) = Machine();
        window = Open(vm, Hva + (pageOfWindow * Page), begunAt: 10_000);
        records.Begin(2, 10_000 + later, cpu);
        records.Installed(vm, 0, Gfn, [(new TaskState(7) { Ending = window }, window)]);
        Assert.Equal("", Broken(records));
    }

    [Theory]
    [InlineData(5UL, 6UL, 1L, "")]
    [InlineData(5UL, 5UL, 1L, "INV-15")]
    [InlineData(5UL, 8UL, 1L, "INV-15?")]
    [InlineData(5UL, 6UL, 0L, "INV-13")]
    [InlineData(5UL, 6UL, 4L, "INV-13?")]
    public void Counts_at_two_ends(ulong first, ulong second, long inProgress, string broken)
    {
        (RecordInvariants records, VmTrack vm) = Machine();
        records.Counts(vm, first, 1, fewest: 1, most: 2);
        records.Counts(vm, second, inProgress, fewest: 1, most: 2);
        Assert.Equal(broken, Broken(records));
    }

    [Theory]
    [InlineData(3, "INV-16")]
    [InlineData(7, "")]
    public void Memslots_changed_under_a_window(long begunSeq, string broken)
    {
        (RecordInvariants records, VmTrack vm) = Machine();
        Window window = Open(vm, Hva, begunAt: 1);
        window.BegunSeq = begunSeq;
        records.SlotsChanged(new PendingRegion(vm, null, null, Invalidates: true, Seq: 5), [(new TaskState(7), window)]);
        Assert.Equal(broken, Broken(records));
    }

    [Fact]
    public void Windows_and_faults_that_do_not_end()
    {
        (RecordInvariants records, VmTrack vm) = Machine();
        records.WindowClosed(Open(vm, Hva, begunAt: 1), byItsEnd: true);
        records.FaultEnded(vm, Gfn, superseded: false);
        Assert.Equal("", Broken(records));
        records.WindowClosed(Open(vm, Hva, begunAt: 1), byItsEnd: false);
        records.FaultEnded(vm, Gfn, superseded: true);
        Assert.Equal("INV-33 INV-38", Broken(records));
    }

    [Fact]
    public void The_nearest_pair_of_cause_and_effect_on_two_cpus_bounds_the_skew()
    {
        ClockSkew skew = new(s_npt.Accessed | s_npt.Dirty, "ns");
        Assert.Equal((1000L, false), (skew.Bound, skew.IsMeasured));

        ulong leaf = s_npt.Make(0x200, 1, true, true, dirty: false);
        skew.Add(Gfn, 0, leaf, cpu: 0, time: 1000);
        skew.Add(Gfn, leaf | s_npt.Dirty, 0, cpu: 0, time: 1010);
        Assert.Equal(0, skew.Pairs);

        // Another CPU zaps what this one installed; that the guest wrote in between does not matter.
        skew.Add(Gfn, 0, leaf, cpu: 0, time: 2000);
        skew.Add(Gfn, leaf | s_npt.Dirty, 0, cpu: 1, time: 2300);
        Assert.Equal((1L, 300L, true), (skew.Pairs, skew.Bound, skew.IsMeasured));
        Assert.True(skew.IsOrdered(0, 5000, 1, 5301));
        Assert.False(skew.IsOrdered(0, 5000, 1, 5300));
        Assert.True(skew.IsOrdered(1, 5000, 1, 5001));
    }

    private static (RecordInvariants Records, VmTrack Vm) Machine(MemslotFlags flags = MemslotFlags.None)
    {
        VmTrack vm = new(0, 1);
        vm.Slots[0].Put(new Memslot(0, 1, Gfn, 1024, Hva, flags));
        return (new RecordInvariants(s_npt, new ClockSkew(s_npt.Accessed | s_npt.Dirty, "ns"), slotsKnown: true, endsKnown: true, entriesKnown: true), vm);
    }

    private static Window Open(VmTrack vm, ulong hva, long begunAt) => new()
    {
        Vm = vm,
        Id = 0,
        Notifier = 0,
        Start = hva,
        End = hva + Page,
        Event = 0,
        Cpu = 0,
        UnmapSeq = 0,
        Begun = true,
        BegunAt = begunAt,
    };

    private static string Broken(RecordInvariants records) => string.Join(' ', InvariantList.All
        .Where(invariant => records.Tally.Violated(invariant) + records.Tally.Violable(invariant) > 0)
        .Select(invariant => invariant.Id + (records.Tally.Violated(invariant) > 0 ? "" : "?"))
        .Order(StringComparer.Ordinal));
}
