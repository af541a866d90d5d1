using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using Xunit;
using static TraceReplay.Replay.State.FaultOutcome;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// Spec 10.2: fault F on gfn g against a window W, step by step. A cell reads: outcome, where the model notices, references got
/// and put, marks on the page; where a row is about more than that, in words, with the invariants that it breaks.
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
        { "R10 THP seen, split before the lock",     "seq +1-1 A",           "seq +1-1 A",           "seq +1-1 A",           "seq +1-1 A",           "seq +1-1 -" },
        { "R11 fast path after a zap",               "FIXED GupFast",        "FIXED GupFast",        "FIXED GupFast",        "FIXED GupFast",        "FIXED GupFast" },
        { "R12 fast path and dirty-log clear",       "logged, logged",       "logged, logged",       "logged, logged",       "logged, logged",       "logged, logged" },
        { "R13 TTM head freed before the lock",      "seq +1-1 A INV-09b",   "seq +1-1 A INV-09b",   "seq +1-1 - INV-08",    "seq +1-1 - INV-08",    "seq +0-0 -" },
        { "R14 slot deleted before the lock",        "root +1-1 A",          "root +1-1 A",          "root +1-1 A",          "root +1-1 A",          "root +1-1 -" },
        { "R15 READONLY slot replaced",              "root +1-1 A",          "root +1-1 A",          "root +1-1 A",          "root +1-1 A",          "root +1-1 -" },
        { "R16 W yields, F between its chunks",      "lock +1-1 A",          "lock +1-1 A",          "lock +1-1 A",          "lock +1-1 A",          "lock +1-1 -" },
        { "R17 age before and after F",              "young, old",           "young, old",           "young, old",           "young, old",           "young, old" },
        { "R18 khugepaged around g",                 "zapped, L2",           "zapped, L2",           "zapped, L2",           "zapped, L2",           "zapped, L2" },
        { "R19 change_pte inside W",                 "ro, new page",         "ro, new page",         "ro, new page, b59",    "ro, new page, b59",    "rw, old page" },
        { "R21 reclaimed before the refault",        "ASYNC, ASYNC",         "ASYNC, ASYNC",         "ASYNC, ASYNC",         "ASYNC, ASYNC",         "ASYNC, ASYNC" },
        { "R22 block split while mapped",            "EFAULT; FIXED +1-1; INV-09b INV-31", "EFAULT; FIXED +1-1; INV-09b INV-31", "FIXED; FIXED +1-1 b59; INV-09b INV-34", "FIXED; FIXED +1-1 b59; INV-09b INV-34", "FIXED; FIXED +0-0; " },
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

    /// <summary>Rows of the spec's table that cannot be played, and why.</summary>
    private static readonly Dictionary<int, string> s_notPlayed = new()
    {
        [20] = "a stale TLB entry: the models have no TLB, and no event shows a flush of the guest's",
    };

    [Fact]
    public void Every_row_of_the_spec_is_played_or_says_why_not()
    {
        IEnumerable<int> played = Rows.Select(row => int.Parse(row.Data.Item1.AsSpan(1, row.Data.Item1.IndexOf(' ', StringComparison.Ordinal) - 1), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(Enumerable.Range(1, 22), played.Concat(s_notPlayed.Keys).Order());
        Assert.All(s_notPlayed.Values, reason => Assert.NotEmpty(reason));
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
        string tail = "";
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
            case "R10":
                s = new Scenario(model).Slot(Gfn, 512).Pte(Hva, Pfn, writable: true, level: 2);
                fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + (512 * Page)).WindowEnds(Hva, Hva + (512 * Page)).Pte(Hva, Pfn, writable: true));
                break;
            case "R11":
                s.Fault(Gfn, write: true);
                s.WriteProtect(Gfn).WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page).Pte(Hva, Pfn, writable: true);
                fault = s.Fault(Gfn, write: true, present: true);
                return $"{fault.Outcome.Name()} {fault.Path}";
            case "R12":
                return DirtyLogRace(model);
            case "R13":
                s = new Scenario(model).Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2);
                fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + (4 * Page)).WindowEnds(Hva, Hva + (4 * Page)).PageFreed(Pfn, order: 2));
                tail = s.Broken();
                break;
            case "R15":
                s = new Scenario(model).Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, writable: true);
                fault = s.Fault(Gfn, write: false, beforeLock: () => s.DeleteSlotBegins().DeleteSlotEnds().Slot(Gfn, 16));
                break;
            case "R16":
                fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + (16 * Page)));
                break;
            case "R17":
                return AgeRace(s);
            case "R18":
                return Khugepaged(model);
            case "R19":
                return ChangePte(s);
            case "R21":
                fault = s.WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page).Fault(Gfn, write: true, fact: Operations.LookupFact.AsyncQueued);
                return $"{fault.Outcome.Name()}, {s.Fault(Gfn, write: true, fact: Operations.LookupFact.AsyncQueued).Outcome.Name()}";
            case "R22":
                return SplitBlock(model);
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
        return $"{where} +{fault.RefsGot}-{fault.RefsPut} {marks} {tail}".TrimEnd();
    }

    /// <summary>Either order is legal; in neither may the write be missing from the log that is read after it.</summary>
    private static string DirtyLogRace(string model)
    {
        bool[] logged = new bool[2];
        for (int order = 0; order < 2; order++)
        {
            Scenario s = new Scenario(model).Slot(Gfn, 16, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, writable: true);
            s.Fault(Gfn, write: true);
            s.WriteProtect(Gfn).TakeDirtyLog(Gfn);
            if (order == 1)
            {
                s.WriteProtect(Gfn).TakeDirtyLog(Gfn);
            }

            Assert.Equal(FixedFast, s.Fault(Gfn, write: true).Outcome);
            logged[order] = s.TakeDirtyLog(Gfn);
        }

        return string.Join(", ", logged.Select(found => found ? "logged" : "lost"));
    }

    private static string AgeRace(Scenario s)
    {
        s.Ages(Hva, Hva + Page).Fault(Gfn, write: true);
        string before = Young(s.Leaf(Gfn, out _));
        s.Ages(Hva, Hva + Page);
        return $"{before}, {Young(s.Leaf(Gfn, out _))}";

        static string Young(ulong spte) => (spte & SpteLayout.Npt.Accessed) != 0 ? "young" : "old";
    }

    private static string Khugepaged(string model)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 512).Pte(Hva, Pfn, writable: true);
        s.Fault(Gfn, write: true);
        s.WindowBegins(Hva, Hva + (512 * Page)).WindowEnds(Hva, Hva + (512 * Page)).Pte(Hva, Pfn, writable: true, level: 2);
        string zapped = s.Leaf(Gfn, out _) == 0 ? "zapped" : "mapped";
        return $"{zapped}, L{s.Fault(Gfn, write: true).Level}";
    }

    /// <summary>The leaf is there because the open window is another page's.</summary>
    private static string ChangePte(Scenario s)
    {
        s.Fault(Gfn, write: true);
        s.WindowBegins(Hva + (9 * Page), Hva + (10 * Page)).ChangePte(Hva, Pfn + 7, writable: false);
        ulong leaf = s.Leaf(Gfn, out _);
        return $"{(SpteLayout.IsWritable(leaf) ? "rw" : "ro")}, {(SpteLayout.Pfn(leaf) == Pfn + 7 ? "new" : "old")} page{((leaf & SpteLayout.RefcountedBit) != 0 ? ", b59" : "")}";
    }

    private static string SplitBlock(string model)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2);
        FaultContext before = s.Fault(Gfn + 1, write: true);
        Assert.Equal(0UL, s.Leaf(Gfn + 1, out _) & SpteLayout.RefcountedBit);
        s.SplitBlock(Pfn);
        FaultContext after = s.Fault(Gfn + 2, write: true);
        string bit59 = (s.Leaf(Gfn + 2, out _) & SpteLayout.RefcountedBit) != 0 ? " b59" : "";
        s.WindowBegins(Hva, Hva + (4 * Page));
        return $"{before.Outcome.Name()}; {after.Outcome.Name()} +{after.RefsGot}-{after.RefsPut}{bit59}; {s.Broken()}";
    }
}
