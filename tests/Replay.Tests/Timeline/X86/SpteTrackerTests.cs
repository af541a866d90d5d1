using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Timeline.X86;

/// <summary>Records of the TDP MMU's entries (spec 4.4, 4.7): who changed them, and what is only to be compared.</summary>
public class SpteTrackerTests
{
    private const ulong Gpa = 0x1020_0000;
    private const ulong Page = 4096;
    private const int Vcpu = 100;
    private const int Worker = 201;
    private const string Frozen = "80000000000001a0";
    private const string Table = "11fd5e827";

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 0x80_0000, 0x7f00_0000_0000);

    private static readonly OperationKind[] s_changes =
        [OperationKind.ZapLeaf, OperationKind.SplitHuge, OperationKind.CollapseHuge, OperationKind.WriteProtect, OperationKind.ClearDirty, OperationKind.ZapAll];

    private static string Changed(ulong gpa, int level, string old, string now) => $"kvm_tdp_mmu_spte_changed: as id 0 gfn {gpa >> 12:x} level {level} old_spte {old} new_spte {now}";

    private static string Huge(ulong pfn) => $"{pfn:x}ee7";

    private static Story Mapped(int pages = 1)
    {
        Story story = new Story("7.3.4").SetRegion(s_memory);
        for (ulong i = 0; i < (ulong)pages; i++)
        {
            story.Maps(0, s_memory, Gpa + (i * Page), 0x200 + i);
        }

        return story;
    }

    public static TheoryData<string, string, string?> Maintenance() => new()
    {
        { "dirty logging protects", Changed(Gpa, 1, Leaf(0x200), "200e65"), "WriteProtect" },
        { "dirty logging with PML clears", Changed(Gpa, 1, Leaf(0x200), "200e27"), "ClearDirty" },
        { "aging: the notifier's own event has told it", Changed(Gpa, 1, Leaf(0x200), "200e47"), null },
    };

    [Theory]
    [MemberData(nameof(Maintenance))]
    public void What_an_ioctl_does_to_a_leaf_is_handed_on(string what, string record, string? kind)
    {
        Assert.NotEmpty(what);
        Played played = Played.Of(Mapped().On(Worker, record, "kvm_fpu: load"));
        Assert.Equal(kind is null ? [] : [$"{kind} at kvm_tdp_mmu_spte_changed 2"], played.At(s_changes));
    }

    [Fact]
    public void A_huge_leaf_is_split()
    {
        Played played = Played.Of(Mapped().On(Worker, Changed(Gpa, 2, Huge(0x200), Table), "kvm_fpu: load"));
        Operation split = Assert.Single(played.Of(s_changes));
        Assert.Equal((OperationKind.SplitHuge, Gpa >> 12, 2UL), (split.Kind, split.A, split.B));
    }

    /// <summary>K6: 7.x rebuilds a huge leaf in place. The children are recorded first, the entry above them last.</summary>
    [Fact]
    public void Children_wait_for_the_huge_leaf_that_takes_their_place()
    {
        Played played = Played.Of(Mapped(2).On(
            Worker,
            Changed(Gpa, 1, Leaf(0x200), Frozen),
            Changed(Gpa + Page, 1, Leaf(0x201), Frozen),
            Changed(Gpa, 2, Table, Huge(0x200)),
            "kvm_fpu: load"));
        Operation collapse = Assert.Single(played.Of(s_changes));
        Assert.Equal((OperationKind.CollapseHuge, Gpa >> 12, 2UL, 0x200UL), (collapse.Kind, collapse.A, collapse.B, collapse.C));
        Assert.Equal("kvm_tdp_mmu_spte_changed 5", played.Record(collapse.Seq + 1));
        Assert.Equal([Gpa >> 12, (Gpa + Page) >> 12, Gpa >> 12], played.Of(OperationKind.LeafObserved).Select(op => op.A));
        Assert.All(played.Of(OperationKind.LeafObserved), op => Assert.Equal(0, op.After));
    }

    [Fact]
    public void Children_that_no_table_explains_are_gone_when_the_task_goes_on()
    {
        Played played = Played.Of(Mapped(2).On(Worker, Changed(Gpa, 1, Leaf(0x200), Frozen), "kvm_fpu: load").On(Worker, Entry(5)));
        Operation zap = Assert.Single(played.Of(s_changes));
        Assert.Equal((OperationKind.ZapLeaf, Gpa >> 12), (zap.Kind, zap.A));
    }

    /// <summary>What goes in a window is the models' business: the record is only compared.</summary>
    [Fact]
    public void A_zap_in_a_window_is_compared_and_not_done()
    {
        ulong hva = s_memory.Hva + (Gpa - s_memory.Gpa);
        Played played = Played.Of(Mapped().On(Worker, [.. WindowBegin(hva, Page), Changed(Gpa, 1, Leaf(0x200), Empty), WindowBegun, WindowEnd(hva, Page)]));
        Assert.Empty(played.Of(s_changes));
        Operation observed = Assert.Single(played.Of(OperationKind.LeafObserved));
        Assert.Equal((Gpa >> 12, 0L), (observed.A, observed.After));
    }

    /// <summary>In no window, call or table, and other leaves stay: nobody's zap. It is done, and said to be expected by nothing.</summary>
    [Fact]
    public void A_stray_zap_is_nobodys()
    {
        ulong hva = s_memory.Hva + (Gpa - s_memory.Gpa);
        Played played = Played.Of(Mapped(2)
            .On(Worker, Changed(Gpa, 1, Leaf(0x200), Empty), Entry(5))
            .On(Worker, [.. WindowBegin(hva + (9 * Page), Page), WindowBegun, WindowEnd(hva + (9 * Page), Page)]));
        Assert.Equal([OperationKind.ZapLeaf], played.Of(s_changes).Select(op => op.Kind));
        Operation observed = Assert.Single(played.Of(OperationKind.LeafObserved));
        Assert.Equal((Gpa >> 12, 1L), (observed.A, observed.After));
    }

    /// <summary>All leaves of the VM go in one run: its end. Nothing is wrong with that.</summary>
    [Fact]
    public void The_VMs_end_takes_all_leaves()
    {
        ulong hva = s_memory.Hva + (Gpa - s_memory.Gpa);
        Played played = Played.Of(Mapped(2)
            .On(Worker, [.. WindowBegin(hva + (9 * Page), Page), WindowBegun, WindowEnd(hva + (9 * Page), Page)])
            .On(Worker, Changed(Gpa, 1, Leaf(0x200), Empty), Changed(Gpa + Page, 1, Leaf(0x201), Empty), Entry(5)));
        Assert.Equal([OperationKind.ZapLeaf, OperationKind.ZapLeaf], played.Of(s_changes).Select(op => op.Kind));
        Assert.DoesNotContain(played.Of(OperationKind.LeafObserved), op => op.After == 1);
    }

    [Fact]
    public void Leaves_below_a_removed_table_go_with_it()
    {
        ulong hva = s_memory.Hva + (Gpa - s_memory.Gpa);
        Played played = Played.Of(Mapped(3)
            .On(Worker, [.. WindowBegin(hva + (9 * Page), Page), WindowBegun, WindowEnd(hva + (9 * Page), Page)])
            .On(Worker, Changed(Gpa, 2, Table, Frozen), Changed(Gpa, 1, Leaf(0x200), Frozen), Changed(Gpa + Page, 1, Leaf(0x201), Frozen), Entry(5)));
        Assert.All(played.Of(s_changes), op => Assert.Equal(OperationKind.ZapLeaf, op.Kind));
        Assert.DoesNotContain(played.Of(OperationKind.LeafObserved), op => op.After == 1);
    }
}
