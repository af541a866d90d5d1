using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>The known defects of spec 14 that the fault path shows, each by the invariants that it breaks.</summary>
public class InvariantTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared;

    public static TheoryData<string, string, string> Defects => new()
    {
        // defect                                     model           broken (? = violable)
        { "B1 tail page refused",                     "current@6.12", "INV-31" },
        { "B1 tail page refused",                     "v11@posted",   "" },
        { "B1 tail page refused",                     "merged",       "" },
        { "B3 double put, zero page written",         "v11@6.8",      "INV-01 INV-03 INV-07" },
        { "B3 double put, zero page written",         "v11@posted",   "INV-08?" },
        { "B3 double put, zero page written",         "current@6.8",  "" },
        { "B3 double put, zero page written",         "merged",       "" },
        { "B4 touch after put",                       "v11@6.8",      "INV-08?" },
        { "B4 touch after put",                       "current@6.8",  "" },
        { "B5 READONLY slot over PFNMAP",             "v11@posted",   "INV-17" },
        { "B5 READONLY slot over PFNMAP",             "current@6.8",  "" },
        { "B5 READONLY slot over PFNMAP",             "merged",       "" },
        { "B6 RO_FAULT downgraded, TDP off",          "v11@posted",   "INV-31" },
        { "B6 RO_FAULT downgraded, TDP off",          "current@6.8",  "" },
        { "B13 huge PFNMAP unusable",                 "current@6.8",  "INV-31" },
        { "B13 huge PFNMAP unusable",                 "current@6.12", "" },
        { "row 26 marks on a driver's page",          "current@6.12", "INV-09b" },
        { "row 26 marks on a driver's page",          "merged",       "" },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public void Defect(string defect, string model, string broken)
    {
        FaultContext fault = Play(new Scenario(model), defect[..defect.IndexOf(' ', StringComparison.Ordinal)]);
        IEnumerable<string> found = InvariantList.All
            .Where(invariant => ((fault.Violated | fault.Violable) & invariant.Bit) != 0)
            .Select(invariant => invariant.Id + ((fault.Violated & invariant.Bit) == 0 ? "?" : ""));
        Assert.Equal(broken, string.Join(' ', found));
    }

    [Fact]
    public void Every_invariant_is_named_once_and_has_its_own_bit()
    {
        Assert.Equal(InvariantList.All.Count, InvariantList.All.Select(invariant => invariant.Id).Distinct().Count());
        Assert.Equal(InvariantList.All.Count, InvariantList.All.Select(invariant => invariant.Bit).Distinct().Count());
    }

    private static FaultContext Play(Scenario s, string defect)
    {
        switch (defect)
        {
            case "B1":
                return s.Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2).Fault(Gfn + 1, write: true);
            case "B3":
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: false).CopyOnWrite(Hva).Fault(Gfn, write: false);
                return s.Fault(Gfn, write: true);
            case "B4":
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: true);
                return s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + 4096));
            case "B5":
                return s.Slot(Gfn, 1, flags: MemslotFlags.ReadOnly).Vma(Hva, 1, Remapped).Pte(Hva, Pfn, writable: true, special: true).Fault(Gfn, write: false);
            case "B6":
                return s.Slot(Gfn, 1).TtmBlock(Hva, Pfn, order: 0).Pte(Hva, Pfn, writable: false, special: true).Fault(Gfn, write: true, shadow: true);
            case "B13":
                return s.Slot(Gfn, 512).Vma(Hva, 512, Remapped).Pte(Hva, Pfn, writable: true, special: true, level: 2).Fault(Gfn, write: true);
            case "row":
                return s.Slot(Gfn, 1).TtmBlock(Hva, Pfn, order: 0).Fault(Gfn, write: true);
            default:
                throw new ArgumentOutOfRangeException(nameof(defect), defect, "no such defect");
        }
    }
}
