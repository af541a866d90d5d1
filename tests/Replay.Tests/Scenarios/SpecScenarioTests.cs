using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using Xunit;
using static TraceReplay.Replay.State.FaultOutcome;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>The deterministic scenarios of spec 15.5, each model in its own row. T10 stands with row 47, T13 and T16 with the races.</summary>
public class SpecScenarioTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared;

    [Theory]
    [InlineData("current@6.8", 1, 0, 1, 1)]
    [InlineData("v11@6.8", 1, 0, 1, 1)]
    [InlineData("v11@posted", 1, 0, 1, 1)]
    [InlineData("merged", 1, 1, 1, 1)]
    public void T1_anonymous_page_written(string model, int accessed, int dirty, int got, int put)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        FaultContext fault = s.Fault(Gfn, write: true);
        Assert.Equal(Fixed, fault.Outcome);
        Assert.True(fault.Writable);
        Assert.Equal((got, put), (fault.RefsGot, fault.RefsPut));
        Assert.Equal((0, accessed, dirty), (s.Pages.Delta(Pfn), s.Pages.AccessedMarks(Pfn), s.Pages.DirtyMarks(Pfn)));
        Assert.Equal(model.StartsWith("v11", StringComparison.Ordinal), (s.Leaf(Gfn, out _) & SpteLayout.RefcountedBit) != 0);
    }

    [Theory]
    [InlineData("current@6.8", 0, RetryCause.PrecheckAfterLookup)]
    [InlineData("current@6.1", 0, RetryCause.SeqMoved)]
    [InlineData("v11@6.8", -1, RetryCause.PrecheckAfterLookup)]
    [InlineData("v11@posted", 0, RetryCause.SeqMoved)]
    [InlineData("merged", 0, RetryCause.PrecheckAfterLookup)]
    public void T2_zero_page_read_then_written(string model, int deltaOfCopy, RetryCause cause)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16).Pte(Hva, Pfn, writable: false).CopyOnWrite(Hva);
        ulong copy = s.CopyOf(Hva);

        FaultContext read = s.Fault(Gfn, write: false);
        Assert.Equal((Fixed, false), (read.Outcome, read.Writable));

        FaultContext first = s.Fault(Gfn, write: true);
        Assert.Equal((Retry, cause), (first.Outcome, first.RetryCause));
        Assert.Equal(deltaOfCopy, s.Pages.Delta(copy));

        FaultContext second = s.Fault(Gfn, write: true);
        Assert.Equal((Fixed, true, copy), (second.Outcome, second.Writable, second.Pfn));
        Assert.Equal(deltaOfCopy, s.Pages.Delta(copy));
    }

    [Theory]
    [InlineData("current@6.8", Efault)]
    [InlineData("current@6.1", Efault)]
    [InlineData("current@6.12", Efault)]
    [InlineData("v11@posted", Fixed)]
    [InlineData("v11@6.8", Fixed)]
    [InlineData("merged", Fixed)]
    public void T3_ttm_block_of_order_2(string model, FaultOutcome tails)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2);
        for (ulong i = 0; i < 4; i++)
        {
            FaultContext fault = s.Fault(Gfn + i, write: true);
            Assert.Equal(i == 0 ? PageKind.P3 : PageKind.P4, fault.Kind);
            Assert.Equal(i == 0 ? Fixed : tails, fault.Outcome);
            Assert.Equal(0, s.Pages.Delta(Pfn + i));
            bool bit59 = (s.Leaf(Gfn + i, out _) & SpteLayout.RefcountedBit) != 0;
            Assert.Equal(i == 0 && model.StartsWith("v11", StringComparison.Ordinal), bit59);
        }
    }

    [Theory]
    [InlineData("current@6.8", 2, 1)]
    [InlineData("v11@posted", 2, 1)]
    [InlineData("merged", 0, 0)]
    public void T4_ttm_block_unmapped_and_freed(string model, int accessed, int dirty)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2);
        for (ulong i = 0; i < 4; i++)
        {
            s.Fault(Gfn + i, write: true);
        }

        s.WindowBegins(Hva, Hva + 0x4000).WindowEnds(Hva, Hva + 0x4000);

        // One mark when the fault completed, one at the zap; a remapped page is not marked dirty before that.
        Assert.Equal((accessed, dirty), (s.Pages.AccessedMarks(Pfn), s.Pages.DirtyMarks(Pfn)));
        for (ulong i = 0; i < 4; i++)
        {
            Assert.Equal(0UL, s.Leaf(Gfn + i, out _));
            Assert.Equal(0, s.Pages.Delta(Pfn + i));
            if (i > 0)
            {
                Assert.Equal((0, 0), (s.Pages.AccessedMarks(Pfn + i), s.Pages.DirtyMarks(Pfn + i)));
            }
        }
    }

    [Theory]
    [InlineData("current@6.8", false, Emulate)]
    [InlineData("v11@posted", true, Spurious)]
    [InlineData("merged", false, Emulate)]
    public void T5_readonly_slot_over_writable_pfnmap(string model, bool writable, FaultOutcome write)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 1, flags: MemslotFlags.ReadOnly).Vma(Hva, 1, Remapped).Pte(Hva, Pfn, writable: true, special: true);
        FaultContext read = s.Fault(Gfn, write: false);
        Assert.Equal((Fixed, writable), (read.Outcome, read.Writable));

        // v11 (BUG-V11-3): the guest writes to its ROM and nothing stops it; a fault that came all the same finds W set.
        Assert.Equal(write, s.Fault(Gfn, write: true).Outcome);
    }

    [Theory]
    [InlineData("current@6.8", RetryCause.WindowOpen, 1, 0)]
    [InlineData("current@6.1", RetryCause.WindowOpen, 1, 0)]
    [InlineData("v11@6.8", RetryCause.WindowOpen, 1, 0)]
    [InlineData("merged", RetryCause.WindowOpen, 0, 0)]
    public void T6_window_opens_between_lookup_and_lock(string model, RetryCause cause, int accessed, int delta)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        FaultContext fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + 4096));
        Assert.Equal((Retry, cause), (fault.Outcome, fault.RetryCause));

        // current marks a page it did not use (B14), v11 one that it no longer holds (BUG-V11-2).
        Assert.Equal((accessed, 0, delta), (s.Pages.AccessedMarks(Pfn), s.Pages.DirtyMarks(Pfn), s.Pages.Delta(Pfn)));
        Assert.Equal(0UL, s.Leaf(Gfn, out _));
    }

    [Theory]
    [InlineData("current@6.1")]
    [InlineData("current@6.8")]
    [InlineData("v11@posted")]
    [InlineData("v11@6.8")]
    [InlineData("merged")]
    public void T7_hull_of_two_windows_covers_the_gfn_between_them(string model)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16).Pte(Hva + 0x5000, Pfn, writable: true);
        s.WindowBegins(Hva + 0x1000, Hva + 0x2000);
        Assert.Equal(Fixed, s.Fault(Gfn + 5, write: false).Outcome);
        s.WindowBegins(Hva + 0x5000, Hva + 0x6000).WindowEnds(Hva + 0x5000, Hva + 0x6000).Pte(Hva + 0x5000, Pfn, writable: true);

        s.WindowBegins(Hva + 0x9000, Hva + 0xa000);
        Assert.Equal(Retry, s.Fault(Gfn + 5, write: false).Outcome);

        s.WindowEnds(Hva + 0x1000, Hva + 0x2000).WindowEnds(Hva + 0x9000, Hva + 0xa000);
        Assert.Equal(Fixed, s.Fault(Gfn + 5, write: false).Outcome);
    }

    [Theory]
    [InlineData("current@6.8")]
    [InlineData("v11@posted")]
    [InlineData("merged")]
    public void T8_huge_page_then_dirty_logging(string model)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 512).Pte(Hva, Pfn, writable: true, level: 2);
        FaultContext huge = s.Fault(Gfn, write: true);
        Assert.Equal((Fixed, 2, PageKind.A2), (huge.Outcome, huge.Level, huge.Kind));

        s.LogDirty(Gfn, on: true);
        FaultContext small = s.Fault(Gfn, write: true);
        Assert.Equal((Fixed, 1, true), (small.Outcome, small.Level, small.Writable));
        Assert.False(SpteLayout.IsWritable(s.Leaf(Gfn + 1, out int level)));
        Assert.Equal(1, level);
    }

    [Theory]
    [InlineData("current@6.8", Fixed, 2)]
    [InlineData("v11@posted", Fixed, 2)]
    public void T9_dirty_logging_off_maps_huge_by_refault(string model, FaultOutcome outcome, int level)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 512).Pte(Hva, Pfn, writable: true, level: 2);
        s.Fault(Gfn, write: true);
        s.LogDirty(Gfn, on: true);
        s.Fault(Gfn, write: true);
        s.LogDirty(Gfn, on: false);
        FaultContext fault = s.Fault(Gfn, write: true);
        Assert.Equal((outcome, level), (fault.Outcome, (int)fault.Level));
    }

    [Fact]
    public void T9_dirty_logging_off_on_merged_rebuilds_the_huge_leaf_in_place()
    {
        Scenario s = new Scenario("merged").Slot(Gfn, 512).Pte(Hva, Pfn, writable: true, level: 2);
        s.Fault(Gfn, write: true);
        s.LogDirty(Gfn, on: true);
        s.Fault(Gfn, write: true);
        s.LogDirtyOffInPlace(Gfn, Pfn);
        ulong leaf = s.Leaf(Gfn + 7, out int level);
        Assert.Equal((2, true, Pfn), (level, SpteLayout.IsWritable(leaf), SpteLayout.Pfn(leaf)));
    }

    [Theory]
    [InlineData("current@6.1")]
    [InlineData("current@6.8")]
    [InlineData("v11@posted")]
    [InlineData("merged")]
    public void T12_slot_deleted_during_the_fault(string model)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        FaultContext during = s.Fault(Gfn, write: true, beforeLock: () => s.DeleteSlotBegins());
        Assert.Equal((Retry, RetryCause.RootObsolete), (during.Outcome, during.RetryCause));

        FaultContext after = s.Fault(Gfn, write: true);
        Assert.Equal((Retry, RetryCause.SlotInvalid), (after.Outcome, after.RetryCause));

        s.DeleteSlotEnds();
        Assert.Equal((Emulate, PageKind.NoSlot), (s.Fault(Gfn, write: true).Outcome, PageKind.NoSlot));
        Assert.Equal(0, s.Pages.Delta(Pfn));
    }

    [Theory]
    [InlineData("current@6.8", false, Emulate)]
    [InlineData("current@6.8", true, Emulate)]
    [InlineData("v11@posted", false, Emulate)]
    [InlineData("v11@posted", true, Efault)]
    [InlineData("merged", false, Emulate)]
    [InlineData("merged", true, Emulate)]
    public void T11_readonly_pfnmap_written_with_tdp_on_and_off(string model, bool tdpOff, FaultOutcome outcome)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 1).TtmBlock(Hva, Pfn, order: 0).Pte(Hva, Pfn, writable: false, special: true);
        Assert.Equal(outcome, s.Fault(Gfn, write: true, shadow: tdpOff).Outcome);
    }

    [Theory]
    [InlineData("current@6.8", Fixed)]
    [InlineData("v11@posted", Fixed)]
    [InlineData("merged", Spurious)]
    public void T14_swapped_page_mapped_ahead_when_its_io_completes(string model, FaultOutcome again)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16);
        FaultContext first = s.Fault(Gfn, write: false, fact: LookupFact.AsyncQueued);
        Assert.Equal((FaultOutcome.Async, 0), (first.Outcome, first.RefsGot));
        Assert.Equal(0UL, s.Leaf(Gfn, out _));

        s.Pte(Hva, Pfn, writable: true);
        Assert.Equal(Fixed, s.Fault(Gfn, write: false, access: FaultAccess.Prefetch).Outcome);
        Assert.Equal(0UL, s.Leaf(Gfn, out _) & SpteLayout.Npt.Accessed);

        // The touch finds W set already; only a second completion tells the kernels apart.
        Assert.Equal(Spurious, s.Fault(Gfn, write: true).Outcome);
        s.Fault(Gfn, write: false);
        Assert.Equal(again, s.Fault(Gfn, write: false, access: FaultAccess.Prefetch).Outcome);
        Assert.Equal(0, s.Pages.Delta(Pfn));
    }

    [Theory]
    [InlineData("current@6.8", true)]
    [InlineData("v11@6.8", false)]
    [InlineData("merged", false)]
    public void T15_hidden_ram_through_kvm_vcpu_map(string model, bool mapped)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 4).VmaOf(PageKind.P1, Hva, 4, Remapped).Pte(Hva, Pfn, writable: true, special: true);
        FaultContext map = s.VcpuMap(Gfn);
        Assert.Equal((mapped, 0, 0), (map.Outcome == Fixed, map.RefsGot, map.RefsPut));
    }
}
