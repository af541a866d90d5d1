using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Current;
using TraceReplay.Replay.Models.Merged;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Models.X86;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// Invariants that no model and no host breaks: each is shown by rules with one deliberate defect, so that its check is
/// seen to fail. The same scenario breaks nothing without the defect.
/// </summary>
public class BrokenRuleTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const ulong Page = 4096;

    public static TheoryData<string, string> Defects => new()
    {
        { nameof(PutsInTheLookup), "INV-05" },
        { nameof(MarksReservedPages), "INV-09a" },
        { nameof(ForgetsDirtyBits), "INV-10" },
        { nameof(RetriesWithoutCause), "INV-32" },
        { nameof(MarksOutsideTheLock), "INV-36" },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public void A_defect_in_the_rules_breaks_its_invariant(string defect, string invariant)
    {
        (Scenario broken, Scenario sound, PageKind kind) = defect switch
        {
            nameof(PutsInTheLookup) => (Model<PutsInTheLookup>(), Model<MergedRules>(), PageKind.A1),
            nameof(MarksReservedPages) => (Model<MarksReservedPages>(), Model<MergedRules>(), PageKind.A3),
            nameof(ForgetsDirtyBits) => (Model<ForgetsDirtyBits>(), Model<CurrentRules>(), PageKind.F1),
            nameof(RetriesWithoutCause) => (Model<RetriesWithoutCause>(), Model<MergedRules>(), PageKind.A1),
            nameof(MarksOutsideTheLock) => (Model<MarksOutsideTheLock>(), Model<MergedRules>(), PageKind.A1),
            _ => throw new ArgumentOutOfRangeException(nameof(defect), defect, "no such defect"),
        };
        Assert.Equal((invariant, ""), (Play(broken, kind), Play(sound, kind)));
    }

    [Fact]
    public void A_huge_leaf_that_outlives_its_memslot_breaks_LEVEL_SLOT()
    {
        Scenario s = new Scenario("merged").Slot(Gfn, 512).Pte(Hva, Pfn, writable: false, level: 2);
        s.Fault(Gfn, write: false);

        // The memslot shrinks and nothing is zapped.
        s.Slot(Gfn, 511).Pte(Hva, Pfn, writable: true, level: 2).Fault(Gfn, write: true);
        Assert.Contains("INV-21", s.Broken(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_mmio_spte_of_this_generation_under_a_memslot_breaks_MMIO_GEN()
    {
        Scenario s = new Scenario("merged").Slot(Gfn, 16);
        s.LeafKnown(Gfn, SpteLayout.Mmio(1)).Fault(Gfn, write: false);
        Assert.Equal("INV-27", s.Broken());
    }

    private static Scenario Model<TRules>()
        where TRules : struct, IFaultRules => new(new X86Model<TRules, NotCounted>("broken", ModelSettings.Kernel612, SpteLayout.Npt));

    private static string Play(Scenario s, PageKind kind)
    {
        s.Slot(Gfn, 16).VmaOf(kind, Hva, 16, VmaFlags.Read | VmaFlags.Write).Pte(Hva, Pfn, writable: kind != PageKind.A3);
        s.Fault(Gfn, write: kind != PageKind.A3);
        s.WindowBegins(Hva, Hva + Page).WindowEnds(Hva, Hva + Page);
        return s.Broken();
    }

    /// <summary>`merged`, but for what a defect says otherwise.</summary>
    private interface IAlmostMerged : IFaultRules
    {
        static bool IFaultRules.RemappedWritableWithoutUpgrade => MergedRules.RemappedWritableWithoutUpgrade;

        static bool IFaultRules.MarksUnderLock => MergedRules.MarksUnderLock;

        static void IFaultRules.GupTaken(ref FaultContext fault, PageLedger pages) => MergedRules.GupTaken(ref fault, pages);

        static bool IFaultRules.RemappedTaken(ref FaultContext fault, PageLedger pages) => MergedRules.RemappedTaken(ref fault, pages);

        static bool IFaultRules.ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => MergedRules.ReadOnlyFaultIsKept(in fault, page);

        static void IFaultRules.ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages) => MergedRules.ReleaseAtPrecheck(ref fault, pages);

        static void IFaultRules.Finish(ref FaultContext fault, PageLedger pages) => MergedRules.Finish(ref fault, pages);

        static ulong IFaultRules.LeafBits(in FaultContext fault) => MergedRules.LeafBits(in fault);

        static PageMarks IFaultRules.BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty) => PageMarks.None;
    }

    private readonly struct PutsInTheLookup : IAlmostMerged
    {
        static void IFaultRules.GupTaken(ref FaultContext fault, PageLedger pages) => fault.Put(pages, fault.LookupPfn);
    }

    private readonly struct MarksReservedPages : IAlmostMerged
    {
        static void IFaultRules.Finish(ref FaultContext fault, PageLedger pages)
        {
            pages.MarkAccessed(fault.LookupPfn);
            fault.MarkedAccessed++;
            MergedRules.Finish(ref fault, pages);
        }
    }

    /// <summary>References as up to 6.12, and the leaf's dirty bit goes nowhere.</summary>
    private readonly struct ForgetsDirtyBits : IAlmostMerged
    {
        static void IFaultRules.Finish(ref FaultContext fault, PageLedger pages) => CurrentRules.Finish(ref fault, pages);
    }

    private readonly struct RetriesWithoutCause : IAlmostMerged
    {
        static void IFaultRules.GupTaken(ref FaultContext fault, PageLedger pages)
        {
            fault.Put(pages, fault.LookupPfn);
            fault.End(FaultOutcome.Retry);
        }
    }

    private readonly struct MarksOutsideTheLock : IAlmostMerged
    {
        static void IFaultRules.Finish(ref FaultContext fault, PageLedger pages)
        {
            fault.UnderLock = false;
            MergedRules.Finish(ref fault, pages);
        }
    }
}
