using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// A scenario that breaks each invariant which no known defect breaks (those are in <see cref="DefectTests"/>): mostly the host does
/// what it may not do, and the check has to see it. `?` marks the violable ones.
/// </summary>
public class InvariantTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const ulong Page = 4096;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared;

    public static TheoryData<string, string, string> Breaches => new()
    {
        { "INV-06 page freed under a leaf",               "current@6.12", "INV-06" },
        { "INV-06 page freed inside the window over it",  "current@6.12", "" },
        { "INV-06 page freed, the VM is never seen again", "current@6.12", "INV-06?" },
        { "INV-09b row 26, marks on a driver's page",     "current@6.12", "INV-09b" },
        { "INV-09b row 26, marks on a driver's page",     "merged",       "" },
        { "INV-12 of two orders the kernel had the other", "current@6.12", "INV-12?" },
        { "INV-13 an end without its start",              "current@6.12", "INV-13?" },
        { "INV-13 in_progress recorded one too low",      "current@6.12", "INV-13?" },
        { "INV-15 a snapshot ahead of all ends",          "current@6.12", "INV-15?" },
        { "INV-19 the host changes the page, no window",  "merged",       "INV-19" },
        { "INV-20 the host splits its leaf, no window",   "current@6.12", "INV-20?" },
        { "INV-24 a memslot goes and its leaves stay",    "current@6.12", "INV-24" },
        { "INV-25 the host changes the page, no window",  "current@6.12", "INV-25" },
        { "INV-34 a refcount appears under bit 59 = 0",   "v11@posted",   "INV-34" },
        { "INV-35 the kernel uses an MMIO page",          "current@6.12", "INV-35" },
        { "INV-35 the kernel uses an MMIO page",          "merged",       "" },
        { "INV-39 a buffer moves and its leaves stay",    "merged",       "INV-39" },
        { "INV-39 a buffer moves after its window",       "merged",       "" },
        { "INV-40 a tail has a count",                    "merged",       "INV-40" },
    };

    [Theory]
    [MemberData(nameof(Breaches))]
    public void Breach(string breach, string model, string broken)
    {
        Scenario s = new(model);
        Play(s, breach);
        Assert.Equal(broken, s.Broken());
    }

    /// <summary>Spec 11 counts 40, and has 9 twice.</summary>
    [Fact]
    public void Every_invariant_of_the_spec_is_listed_once_with_its_own_bit()
    {
        string[] expected = [.. Enumerable.Range(1, 40).SelectMany(n => n == 9 ? new[] { "INV-09a", "INV-09b" } : [$"INV-{n:00}"])];
        Assert.Equal(expected.Order(StringComparer.Ordinal), InvariantList.All.Select(invariant => invariant.Id).Order(StringComparer.Ordinal));
        Assert.Equal(InvariantList.All.Count, InvariantList.All.Select(invariant => invariant.Bit).Distinct().Count());
    }

    [Fact]
    public void Every_invariant_is_evaluated_somewhere_or_says_why_not()
    {
        Assert.All(InvariantList.All, invariant => Assert.Equal(
            invariant.NotEvaluated is null,
            invariant.InModels != CheckPoint.Never || invariant.InRecords != CheckPoint.Never));
    }

    [Fact]
    public void The_document_lists_what_the_program_lists()
    {
        string[] documented = [.. File.ReadLines(Path.Combine(Captures.ReplayedCapture.RepositoryRoot(), "docs", "invariants.md")).Where(line => line.StartsWith("| INV-", StringComparison.Ordinal))];
        Assert.Equal(
            InvariantList.All.Select(i => $"| {i.Id} | {i.Name} | {i.Statement} | {(i.NotEvaluated is { } why ? "nothing: " + why : i.EvaluatedOn)} | {i.Needs} |").Order(StringComparer.Ordinal),
            documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_held_is_counted()
    {
        Scenario s = new Scenario("current@6.12").Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        s.Fault(Gfn, write: true);
        s.WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page);
        Assert.Equal(
            (1, 1, 1, 1),
            (Checked("INV-01"), Checked("INV-11"), Checked("INV-12"), Checked("INV-19")));
        Assert.Equal("", s.Broken());

        long Checked(string id) => s.Invariants.Checked(InvariantList.All.Single(invariant => invariant.Id == id).InModels);
    }

    [Fact]
    public void V11_drops_its_reference_by_design_and_that_is_counted_not_listed()
    {
        Scenario s = new Scenario("v11@posted").Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
        s.Fault(Gfn, write: true);
        Invariant held = InvariantList.All.Single(invariant => invariant.Name == "REF_HELD");
        Assert.Equal((1, 0, 1), (s.Invariants.Checked(held.InModels), s.Invariants.Violated(held), s.Invariants.ByDesign(held)));
    }

    private static void Play(Scenario s, string breach)
    {
        switch (breach[..(breach.IndexOf(' ', StringComparison.Ordinal))])
        {
            case "INV-06":
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).Pte(Hva + Page, Pfn + 1, writable: true).Fault(Gfn, write: true);
                if (breach.Contains("inside", StringComparison.Ordinal))
                {
                    s.WindowBegins(Hva, Hva + Page);
                }

                s.PageFreed(Pfn);
                if (breach.EndsWith("again", StringComparison.Ordinal))
                {
                    s.Invariants.Complete();
                }
                else
                {
                    s.Fault(Gfn + 1, write: true);
                }

                break;
            case "INV-09b":
                s.Slot(Gfn, 1).TtmBlock(Hva, Pfn, order: 0).Fault(Gfn, write: true);
                break;
            case "INV-12":
                // The window may begin before the fault's check under mmu_lock or after it. The kernel mapped the page, so it was after.
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).FaultBesideWindow(Gfn, Hva, Hva + Page);
                break;
            case "INV-13" when breach.EndsWith("too low", StringComparison.Ordinal):
                // The end of one of two windows is recorded as if it were the only one. The other is open all the same, and the fault retries.
                s.Slot(Gfn, 16).WindowBegins(Hva, Hva + Page).WindowBegins(Hva + (5 * Page), Hva + (6 * Page));
                s.WindowEnds(Hva + (5 * Page), Hva + (6 * Page), seqPlusOne: 1, inProgress: 1).Pte(Hva, Pfn, writable: true).Fault(Gfn, write: true);
                s.WindowEnds(Hva, Hva + Page);
                break;
            case "INV-13":
                s.Slot(Gfn, 16).WindowEnds(Hva, Hva + Page);
                break;
            case "INV-15":
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).SnapshotOf(Gfn, seq: 5);
                s.WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page);
                break;
            case "INV-19" or "INV-25":
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).Fault(Gfn, write: true);
                s.Pte(Hva, Pfn + 9, writable: true).Fault(Gfn, write: false);
                break;
            case "INV-20":
                s.Slot(Gfn, 512).Pte(Hva, Pfn, writable: true, level: 2).Fault(Gfn, write: false);
                s.Pte(Hva, Pfn, writable: true).Fault(Gfn, write: false);
                break;
            case "INV-24":
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).Fault(Gfn, write: true);
                s.DeleteSlotEnds();
                break;
            case "INV-34":
                s.Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2).Fault(Gfn + 1, write: true);
                s.SplitBlock(Pfn).WindowBegins(Hva, Hva + (4 * Page));
                break;
            case "INV-35":
                s.Slot(Gfn, 4).Vma(Hva, 4, Remapped).Pte(Hva, Pfn, writable: true, special: true).VcpuMap(Gfn);
                break;
            case "INV-39":
                s.Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2).Fault(Gfn, write: true);
                if (breach.Contains("after", StringComparison.Ordinal))
                {
                    s.WindowBegins(Hva, Hva + (4 * Page)).WindowEnds(Hva, Hva + (4 * Page));
                }

                s.BoMoves(Scenario.Bo, 2).Fault(Gfn + 1, write: true);
                break;
            case "INV-40":
                s.Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2).Pages.Get(Pfn + 1);
                s.Fault(Gfn + 1, write: true);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(breach), breach, "no such scenario");
        }
    }
}
