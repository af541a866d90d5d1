using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;
using EndedBy = TraceReplay.Replay.Timeline.Windows.WindowEnd;

namespace TraceReplay.Replay.Tests.Timeline.Windows;

/// <summary>
/// Where a notifier window begins and ends (spec 4.1, 15.2): between which records, and what narrows it. The window of task 201 is the
/// one that is asked about.
/// </summary>
public class WindowTrackerTests
{
    private const ulong Page = 4096;
    private const ulong Gpa = 0x1000_1000;
    private const int Task = 201;
    private const int Other = 202;

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 0x20_0000, 0x7f00_0000_0000);
    private static readonly ulong s_hva = s_memory.Hva + 0x1000;

    private static string[] Begin => WindowBegin(s_hva, Page);

    private static string End => WindowEnd(s_hva, Page);

    private static string Counts(int seq, int inProgress = 1) =>
        InvalidateEnd(s_memory, Gpa, Page, seq).Replace("in_progress=1", $"in_progress={inProgress}", StringComparison.Ordinal);

    private static string Zap => Changed(Gpa, Leaf(0x5001), Empty);

    private static Story Start() => new Story("6.12.95").SetRegion(s_memory);

    [Fact]
    public void It_begins_before_the_notifiers_start_returns()
    {
        Played played = Played.Of(Start().On(Task, [.. Begin, WindowBegun, End, Counts(0)]));
        Assert.Equal(["kvm_unmap_hva_range .. kvm_mn_start_ret"], played.Between(OperationKind.WindowOpening));
    }

    [Fact]
    public void It_begins_before_its_first_zap()
    {
        Played played = Played.Of(Start().Maps(0, s_memory, Gpa, 0x5001).On(Task, [.. Begin, Zap, WindowBegun, End, Counts(0)]));
        Assert.Equal(["kvm_unmap_hva_range .. kvm_tdp_mmu_spte_changed 2"], played.Between(OperationKind.WindowOpening));
        Assert.Equal((1, 1), (played.Windows[0].Leaves, played.Windows[0].Pages));
    }

    [Fact]
    public void A_probe_on_the_begin_itself_is_its_place()
    {
        string[] begin = [.. Begin, "kvm_inv_begin: (kvm_mmu_invalidate_begin+0x4/0x60 [kvm]) kvm=0xffffc90000559000"];
        Played played = Played.Of(Start().On(Task, [.. begin, WindowBegun, End, Counts(0)]));
        Assert.Equal(["kvm_inv_begin"], played.Between(OperationKind.WindowOpening));
    }

    /// <summary>in_progress is read with mmu_lock held for writing, by another window's end that comes between the two records of the begin.</summary>
    [Theory]
    [InlineData(1, "kvm_inv_end 1 .. kvm_mn_start_ret 2")]
    [InlineData(2, "kvm_unmap_hva_range 2 .. kvm_inv_end 1")]
    public void A_count_tells_whether_it_had_begun(int inProgress, string between)
    {
        const ulong Elsewhere = 0x10_0000;
        Played played = Played.Of(Start()
            .On(Other, [.. WindowBegin(s_hva + Elsewhere, Page), WindowBegun])
            .On(Task, Begin)
            .On(Other, WindowEnd(s_hva + Elsewhere, Page), Counts(0, inProgress))
            .On(Task, WindowBegun, End, Counts(1)));
        Assert.Equal(["kvm_unmap_hva_range 1 .. kvm_mn_start_ret 1", between], played.Between(OperationKind.WindowOpening));
    }

    /// <summary>Of two that may have begun, a count in the middle tells of neither.</summary>
    [Fact]
    public void A_count_that_leaves_a_choice_narrows_nothing()
    {
        const ulong Elsewhere = 0x8_0000;
        const int Third = 203;
        Played played = Played.Of(Start()
            .On(Other, [.. WindowBegin(s_hva + Elsewhere, Page), WindowBegun])
            .On(Task, Begin)
            .On(Third, WindowBegin(s_hva + (2 * Elsewhere), Page))
            .On(Other, WindowEnd(s_hva + Elsewhere, Page), Counts(0, 2))
            .On(Third, WindowBegun)
            .On(Task, WindowBegun, End, Counts(1, 2))
            .On(Third, WindowEnd(s_hva + (2 * Elsewhere), Page), Counts(2)));
        Assert.Equal("kvm_unmap_hva_range 2 .. kvm_mn_start_ret 3", played.Between(OperationKind.WindowOpening)[1]);
    }

    [Fact]
    public void It_ends_where_kvm_mmu_invalidate_end_is_recorded()
    {
        Played played = Played.Of(Start().On(Task, [.. Begin, WindowBegun, End, Counts(7)]));
        Assert.Equal(["kvm_inv_end"], played.Between(OperationKind.WindowEnd));
        Operation end = Assert.Single(played.Of(OperationKind.WindowEnd));
        Assert.Equal((8UL, 1UL), (end.C, end.D));
        Assert.Equal(EndedBy.Probe, Assert.Single(played.Windows).EndedBy);
    }

    /// <summary>K9: over no memslot there is no kvm_mmu_invalidate_end to wait for, whatever the task does next.</summary>
    [Fact]
    public void Over_no_memslot_it_ends_with_its_own_ends_record()
    {
        const ulong Elsewhere = 0x7e00_0000_0000;
        Played played = Played.Of(Start()
            .On(Other, [.. Begin, WindowBegun, End, Counts(0)])
            .On(Task, [.. WindowBegin(Elsewhere, Page), WindowBegun, WindowEnd(Elsewhere, Page)]));
        Assert.Equal("kvm_mn_end 2", played.Between(OperationKind.WindowEnd)[1]);
    }

    [Fact]
    public void Without_that_probe_it_ends_between_the_notifiers_end_and_the_tasks_next_record()
    {
        Played played = Played.Of(Start().On(Task, [.. Begin, WindowBegun, End]).On(Other, "kvm_fpu: load", Zap).On(Task, Zap, "kvm_entry: vcpu 1, rip 0x1000"));
        Assert.Equal(["kvm_mn_end .. kvm_tdp_mmu_spte_changed 2"], played.Between(OperationKind.WindowEnd));
    }

    [Fact]
    public void A_start_that_may_not_block_gives_up_and_ends_it()
    {
        string refused = WindowBegun.Replace("ret=0", "ret=-11", StringComparison.Ordinal);
        Played played = Played.Of(Start().On(Task, [.. Begin, refused]).On(Other, [.. Begin, WindowBegun, End, Counts(1)]));
        Assert.Equal("kvm_unmap_hva_range 1 .. kvm_mn_start_ret 1", played.Between(OperationKind.WindowEnd)[0]);
        Assert.Equal(EndedBy.StartRefused, played.Windows[0].EndedBy);
    }

    /// <summary>Policy b: without probes on the end, whatever cannot be inside tells that it is over; a zap can be inside.</summary>
    [Theory]
    [InlineData("kvm_entry: vcpu 0, rip 0x1000", "kvm_tdp_mmu_spte_changed 2 .. kvm_entry 2")]
    [InlineData("sys_madvise(start: 7f0000000000, len_in: 1000, behavior: 4)", "kvm_tdp_mmu_spte_changed 2 .. sys_madvise")]
    public void Without_probes_it_ends_before_what_cannot_be_inside(string next, string between)
    {
        Played played = Played.Of(Start().Maps(0, s_memory, Gpa, 0x5001).On(Task, Begin[1], Zap, next));
        Assert.Equal([between], played.Between(OperationKind.WindowEnd));
        Assert.Equal(EndedBy.NextEvent, played.Windows[0].EndedBy);
    }

    [Fact]
    public void Windows_of_one_task_nest_and_end_by_their_range()
    {
        ulong inner = s_hva + 0x10_0000;
        Played played = Played.Of(Start()
            .On(Task, [.. Begin, WindowBegun, .. WindowBegin(inner, Page), WindowBegun])
            .On(Task, WindowEnd(inner, Page), Counts(0, 2), End, Counts(1)));
        Assert.Equal([(inner, "kvm_inv_end 1"), (s_hva, "kvm_inv_end 2")], played.Of(OperationKind.WindowEnd).Select(op => (op.A, played.Between(op))));
    }

    /// <summary>One that has not ended by the end of the trace is open to its end: nothing ends it.</summary>
    [Fact]
    public void What_is_open_at_the_end_of_the_trace_stays_open()
    {
        Played played = Played.Of(Start().On(Task, Begin).Maps(0, s_memory, Gpa + Page, 0x5002));
        Assert.Empty(played.Of(OperationKind.WindowEnd));
        Assert.Equal(EndedBy.None, Assert.Single(played.Windows).EndedBy);
        Assert.Equal(["kvm_unmap_hva_range .. end"], played.Between(OperationKind.WindowOpening));
    }
}
