using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using Xunit;
using static TraceReplay.Replay.State.FaultOutcome;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// Spec 10.2: fault F on gfn g against a window W, step by step. A cell reads: outcome, where the model notices, references got
/// and put, marks on the page. Not here: TLB races (R11, R12, R17, R20), levels after a split (R10), yields (R16, as R1),
/// khugepaged (R18), change_pte (R19), async page faults (R21) and split_page (R22).
/// </summary>
public class RaceTableTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const ulong Page = 4096;

    public static TheoryData<string, string, string, string, string, string> Rows => new()
    {
        // row                                       current@6.1             current@6.8             v11@6.8                 v11@posted              merged
        { "R1 W open at the snapshot",               "lock +1-1 A",          "precheck1 +0-0 -",     "precheck1 +0-0 -",     "lock +1-1 A",          "precheck1 +0-0 -" },
        { "R2 W starts during the lookup",           "lock +1-1 A",          "precheck2 +1-1 A",     "precheck2 +1-2 A",     "lock +1-1 A",          "precheck2 +1-1 -" },
        { "R3 W starts and ends during the lookup",  "seq +1-1 A",           "precheck2 +1-1 A",     "precheck2 +1-2 A",     "seq +1-1 A",           "precheck2 +1-1 -" },
        { "R4 W starts and ends before the lock",    "seq +1-1 A",           "seq +1-1 A",           "seq +1-1 A",           "seq +1-1 A",           "seq +1-1 -" },
        { "R5 W starts after the install",           "fixed, zapped",        "fixed, zapped",        "fixed, zapped",        "fixed, zapped",        "fixed, zapped" },
        { "R6 hull of two windows holds g",          "lock +1-1 A",          "precheck1 +0-0 -",     "precheck1 +0-0 -",     "lock +1-1 A",          "precheck1 +0-0 -" },
        { "R7 W on h only ends before the check",    "seq +1-1 A",           "precheck2 +1-1 A",     "precheck2 +1-2 A",     "seq +1-1 A",           "precheck2 +1-1 -" },
        { "R8 W overlaps no slot",                   "fixed",                "fixed",                "fixed",                "fixed",                "fixed" },
        { "R9 second vCPU, same level",              "FIXED",                "FIXED",                "FIXED",                "FIXED",                "SPURIOUS" },
        { "R14 slot deleted before the lock",        "root +1-1 A",          "root +1-1 A",          "root +1-1 A",          "root +1-1 A",          "root +1-1 -" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Row(string row, string current61, string current68, string v11At68, string v11Posted, string merged)
    {
        Assert.Equal(current61, Cell(row, "current@6.1"));
        Assert.Equal(current68, Cell(row, "current@6.8"));
        Assert.Equal(v11At68, Cell(row, "v11@6.8"));
        Assert.Equal(v11Posted, Cell(row, "v11@posted"));
        Assert.Equal(merged, Cell(row, "merged"));
    }

    [Theory]
    [InlineData("current@6.8")]
    [InlineData("v11@posted")]
    [InlineData("merged")]
    public void T13_mmio_then_a_slot_in_its_place(string model)
    {
        Scenario s = new Scenario(model).Slot(0x9000, 1);
        Assert.Equal((Emulate, FaultPath.NoSlot), Outcome(s.Fault(Gfn, write: true)));
        Assert.Equal((Emulate, FaultPath.MmioCached), Outcome(s.Fault(Gfn, write: true)));

        // The generation moved: the cached MMIO SPTE is stale, the fault is a real one.
        s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        Assert.Equal((Fixed, FaultPath.GupFast), Outcome(s.Fault(Gfn, write: true)));
    }

    [Theory]
    [InlineData("current@6.8", 1, 1)]
    [InlineData("v11@posted", 1, 1)]
    [InlineData("merged", 0, 1)]
    public void T16_2M_of_dirty_leaves_zapped(string model, int dirtyAtZap, int dirtyInAll)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 512);
        for (ulong i = 0; i < 512; i++)
        {
            s.Pte(Hva + (i * Page), Pfn + i, writable: true);
            s.Fault(Gfn + i, write: true);
        }

        int[] before = [.. Enumerable.Range(0, 512).Select(i => s.Pages.DirtyMarks(Pfn + (ulong)i))];
        s.WindowBegins(Hva, Hva + (512 * Page));
        for (int i = 0; i < 512; i++)
        {
            Assert.Equal(dirtyAtZap, s.Pages.DirtyMarks(Pfn + (ulong)i) - before[i]);
            Assert.Equal(dirtyInAll, s.Pages.DirtyMarks(Pfn + (ulong)i));
        }
    }

    private static (FaultOutcome Outcome, FaultPath Path) Outcome(FaultContext fault) => (fault.Outcome, fault.Path);

    private static string Cell(string row, string model)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        FaultContext fault;
        switch (row[..row.IndexOf(' ', StringComparison.Ordinal)])
        {
            case "R1":
                s.WindowBegins(Hva, Hva + Page).Pte(Hva, Pfn, writable: true);
                fault = s.Fault(Gfn, write: true);
                break;
            case "R2":
                fault = s.Fault(Gfn, write: true, beforeLookup: () => s.WindowBegins(Hva, Hva + Page).Pte(Hva, Pfn, writable: true));
                break;
            case "R3":
                fault = s.Fault(Gfn, write: true, beforeLookup: () => s.WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page).Pte(Hva, Pfn, writable: true));
                break;
            case "R4":
                fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page));
                break;
            case "R5":
                fault = s.Fault(Gfn, write: true);
                s.WindowBegins(Hva, Hva + Page);
                return fault.Outcome == Fixed && s.Leaf(Gfn, out _) == 0 ? "fixed, zapped" : $"{fault.Outcome} {s.Leaf(Gfn, out _):x}";
            case "R6":
                s.Pte(Hva + (5 * Page), Pfn, writable: true).WindowBegins(Hva, Hva + Page).WindowBegins(Hva + (9 * Page), Hva + (10 * Page));
                fault = s.Fault(Gfn + 5, write: true);
                break;
            case "R7":
                fault = s.Fault(Gfn, write: true, beforeLookup: () => s.WindowBegins(Hva + (9 * Page), Hva + (10 * Page)).WindowEnds(Hva + (9 * Page), Hva + (10 * Page)));
                break;
            case "R8":
                fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva - (9 * Page), Hva - Page).WindowEnds(Hva - (9 * Page), Hva - Page));
                return fault.Outcome == Fixed ? "fixed" : fault.Outcome.ToString();
            case "R9":
                // Up to 6.12 the loser makes the leaf anew without its dirty bit, and so changes it.
                fault = s.Fault(Gfn, write: false, beforeLookup: () => s.FaultOfAnotherVcpu(Gfn, write: true));
                return fault.Outcome.Name();
            case "R14":
                fault = s.Fault(Gfn, write: true, beforeLock: () => s.DeleteSlotBegins());
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(row), row, "no such row");
        }

        string where = fault.RetryCause switch
        {
            RetryCause.PrecheckBeforeLookup => "precheck1",
            RetryCause.PrecheckAfterLookup => "precheck2",
            RetryCause.WindowOpen => "lock",
            RetryCause.SeqMoved => "seq",
            RetryCause.RootObsolete => "root",
            _ => fault.Outcome.Name(),
        };
        string marks = (fault.MarkedAccessed > 0, fault.MarkedDirty > 0) switch { (true, true) => "A,D", (true, false) => "A", (false, true) => "D", _ => "-" };
        return $"{where} +{fault.RefsGot}-{fault.RefsPut} {marks}";
    }
}
