using TraceReplay.Replay.Models.Arm64;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using Xunit;
using static TraceReplay.Replay.Tests.Scenarios.Stage2Table;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>arm64's stage 2, row by row, against <see cref="Stage2Table"/>.</summary>
public class Stage2TableTests
{
    public static TheoryData<string> Names => [.. Rows.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Row(string name)
    {
        Stage2Row row = Rows.Single(r => r.Name == name);
        Assert.Equal(
            (row.Kernel61, row.Kernel612, row.V11, row.Kernel7),
            (Cell(row, "current@6.1"), Cell(row, "current@6.12"), Cell(row, "v11@posted"), Cell(row, "merged@7.x")));
    }

    /// <summary>Point 6: without S2FWB and DIC 6.17 and later refuse the memslot, and every access of the buffer is MMIO; before, the frame decides.</summary>
    [Theory]
    [InlineData("merged@7.x-nofwb", FaultOutcome.Emulate)]
    [InlineData("merged@7.x", FaultOutcome.Fixed)]
    [InlineData("merged@6.13", FaultOutcome.Fixed)]
    public void Cacheable_pfnmap_memory(string model, FaultOutcome outcome)
    {
        Scenario s = new(model, arm64: true);
        s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2);
        Assert.Equal(outcome, s.Fault(Gfn + 1, write: true).Outcome);
    }

    /// <summary>Point 6: a BAR is taken either way.</summary>
    [Theory]
    [InlineData("merged@7.x-nofwb")]
    [InlineData("merged@7.x")]
    public void Device_memory(string model)
    {
        Scenario s = new(model, arm64: true);
        s.Slot(Gfn, 16).Vma(Hva, 16, VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Shared | VmaFlags.Read | VmaFlags.Write).Pte(Hva, Pfn, writable: true, special: true);
        Assert.Equal(FaultOutcome.Fixed, s.Fault(Gfn, write: true).Outcome);
    }

    /// <summary>Break-before-make: a page under a block takes the block away, and its other pages fault again.</summary>
    [Theory]
    [InlineData("current@6.1")]
    [InlineData("current@6.12")]
    [InlineData("merged@7.x")]
    public void A_page_under_a_block_takes_the_block_away(string model)
    {
        Scenario s = new(model, arm64: true);
        s.Slot(Gfn, 1024).Pte(Hva + 0x3000, Pfn + 3, writable: true, level: 2).Fault(Gfn + 3, write: true);
        Assert.Equal(2, Level(s, Gfn + 9));
        s.Slot(Gfn, 1024, flags: MemslotFlags.LogDirty).WriteProtectRange(Gfn, Gfn + 1024);
        FaultContext fault = s.Pte(Hva + 0x4000, Pfn + 4, writable: true, level: 2).Fault(Gfn + 4, write: true, present: true);
        Assert.Equal((FaultOutcome.Fixed, 1), (fault.Outcome, (int)fault.Level));
        Assert.Equal((1, 0), (Level(s, Gfn + 4), Level(s, Gfn + 9)));
    }

    /// <summary>6.1's .change_pte maps the new page read-only, and only where another page of its table is mapped (points 10 and 11).</summary>
    [Theory]
    [InlineData("current@6.1", true, true)]
    [InlineData("current@6.1", false, false)]
    [InlineData("current@6.12", true, false)]
    [InlineData("merged@7.x", true, false)]
    public void Change_pte(string model, bool neighbour, bool mapped)
    {
        Scenario s = new(model, arm64: true);
        s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).Pte(Hva + 0x1000, Pfn + 1, writable: true);
        if (neighbour)
        {
            s.Fault(Gfn + 1, write: true);
        }

        s.WindowBegins(Hva, Hva + 0x1000).ChangePte(Hva, 0x777, writable: true).WindowEnds(Hva, Hva + 0x1000);
        ulong leaf = s.Leaf(Gfn, out _);
        Assert.Equal(mapped, SpteLayout.IsPresent(leaf));
        Assert.False(SpteLayout.IsWritable(leaf));
        Assert.Equal(mapped ? 0x777UL : 0, SpteLayout.Pfn(leaf));
    }

    /// <summary>kvm_arch_flush_shadow_memslot takes the memslot's own leaves, x86 all roots.</summary>
    [Fact]
    public void A_memslot_that_goes_takes_nothing_else_with_it()
    {
        Scenario s = new("merged@7.x", arm64: true);
        s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).Fault(Gfn, write: true);
        s.SlotNumbered(2, Gfn + 0x100, 16, Hva + 0x100000).Pte(Hva + 0x100000, Pfn + 9, writable: true).Fault(Gfn + 0x100, write: true);
        s.DeleteSlotBegins();
        Assert.Equal((0, 1), (Level(s, Gfn), Level(s, Gfn + 0x100)));
    }

    /// <summary>The descriptor as the architecture has it: a page of normal memory, read and write, never executed.</summary>
    [Theory]
    [InlineData(1, true, false, false, 0x0040_0001_0000_07ffUL)]
    [InlineData(1, false, true, false, 0x0000_0001_0000_077fUL)]
    [InlineData(2, true, false, true, 0x0040_0001_0000_07c5UL)]
    public void Descriptor(int level, bool writable, bool executable, bool device, ulong expected) =>
        Assert.Equal(expected, Stage2Leaf.Descriptor(Stage2Leaf.Make(Pfn, level, writable, executable, device), level));

    private static int Level(Scenario s, ulong gfn) => SpteLayout.IsPresent(s.Leaf(gfn, out int level)) ? level : 0;

    private static string Cell(Stage2Row row, string model)
    {
        Scenario s = new(model, arm64: true);
        FaultContext fault = row.Play(s);
        string marks = (fault.MarkedAccessed > 0 ? "A" : "") + (fault.MarkedDirty > 0 ? "D" : "");
        string leaf = fault.Outcome == FaultOutcome.Fixed
            ? $" r{(fault.Writable ? "w" : "")}{(Stage2Leaf.IsExecutable(fault.Spte) ? "x" : "")} L{fault.Level}"
            : "";
        return $"{fault.Outcome.Name()}{leaf} +{fault.RefsGot}-{fault.RefsPut} {marks}".TrimEnd();
    }
}
