using System.Text;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// Spec 10.1, row by row, for `current` (6.8), `v11` (6.8) and `merged`. A cell reads: outcome, writability, level, SPTE bit 59;
/// references got and put (r0: none); marks when the fault completes; marks when the SPTE is zapped.
/// Not here: the rows of callers other than the fault handler (32, 33), arm64 (31), waiting for I/O (13, 15), prefetch (50, 53),
/// guest_memfd (49), secretmem (42, 48), the write-notify of files (18), NX huge pages (10) and reserved pages (34, 39).
/// </summary>
public class SteadyStateTableTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const VmaFlags ReadWrite = VmaFlags.Read | VmaFlags.Write;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Shared | ReadWrite;

    public static TheoryData<string, string, string, string> Rows => new()
    {
        // row and host state                       current                        v11                                merged
        { "1 A1, PTE writable, write",              "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; +1-1; A,D; -" },
        { "2 A1, PTE writable, read",               "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; +1-1; A,D; -" },
        { "3 A1, PTE read-only, read",              "MAPro L1; +1-1; A; A@Z",      "MAPro L1 b59; +1-1; A; A@Z",      "MAPro L1; +1-1; A; -" },
        { "4 A1, to be copied, write",              "RT; +1-1; A; -",              "RT; +1-2; A; -",                  "RT; +1-1; -; -" },
        { "6 A2, congruent, write",                 "MAPrw L2; +1-1; A; A,D@Z",    "MAPrw L2 b59; +1-1; A; A,D@Z",    "MAPrw L2; +1-1; A,D; -" },
        { "7 A2, not congruent, write",             "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; +1-1; A,D; -" },
        { "8 A2, slot logs dirty, write",           "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; +1-1; A,D; -" },
        { "9 A2, slot logs dirty, read",            "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; +1-1; A,D; -" },
        { "11 hugetlb 1G, write",                   "MAPrw L3; +1-1; A; A,D@Z",    "MAPrw L3 b59; +1-1; A; A,D@Z",    "MAPrw L3; +1-1; A,D; -" },
        { "12 A1 swapped out, async possible",      "APF; r0; -; -",               "APF; r0; -; -",                   "APF; r0; -; -" },
        { "14 signal while waiting",                "EINTR; r0; -; -",             "EINTR; r0; -; -",                 "EINTR; r0; -; -" },
        { "16 F1, VMA read-only, read",             "MAPro L1; +1-1; A; A@Z",      "MAPro L1 b59; +1-1; A; A@Z",      "MAPro L1; +1-1; A; -" },
        { "17 F1, VMA read-only, write",            "EF; r0; -; -",                "EF; r0; -; -",                    "EF; r0; -; -" },
        { "19 READONLY slot, A1, read",             "MAPro L1; +1-1; A; A@Z",      "MAPro L1 b59; +1-1; A; A@Z",      "MAPro L1; +1-1; A; -" },
        { "20 READONLY slot, write",                "EMU; r0; -; -",               "EMU; r0; -; -",                   "EMU; r0; -; -" },
        { "21 READONLY slot over PFNMAP, read",     "MAPro L1; r0; -; -",          "MAPrw L1; r0; -; -",              "MAPro L1; r0; -; -" },
        { "22 P0 BAR, write",                       "MAPrw L1; r0; -; -",          "MAPrw L1; r0; -; -",              "MAPrw L1; r0; -; -" },
        { "24 P0, driver refuses",                  "EF; r0; -; -",                "EF; r0; -; -",                    "EF; r0; -; -" },
        { "25 huge PFNMAP leaf",                    "EF; r0; -; -",                "EF; r0; -; -",                    "MAPrw L2; r0; -; -" },
        { "26 P2 TTM order 0",                      "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; r0; -; -" },
        { "27 P3 TTM head",                         "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; r0; -; -" },
        { "28 P4 TTM tail",                         "EF; r0; -; -",                "MAPrw L1; r0; -; -",              "MAPrw L1; r0; -; -" },
        { "30 P4 TTM tail, TDP off",                "EF; r0; -; -",                "EF; r0; -; -",                    "MAPrw L1; r0; -; -" },
        { "35 P6 compound driver page",             "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; r0; -; -" },
        { "36 P7 dma_coherent, head",               "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; r0; -; -" },
        { "36 P7 dma_coherent, tail",               "EF; r0; -; -",                "MAPrw L1; r0; -; -",              "MAPrw L1; r0; -; -" },
        { "37 P8 insert_page, PTE rw",              "MAPrw L1; +1-1; A; A,D@Z",    "MAPrw L1 b59; +1-1; A; A,D@Z",    "MAPrw L1; +1-1; A,D; -" },
        { "40 PFNMAP, PTE ro, read",                "MAPro L1; r0; -; -",          "MAPro L1; r0; -; -",              "MAPro L1; r0; -; -" },
        { "41 PFNMAP, PTE ro, write",               "EMU; r0; -; -",               "EMU; r0; -; -",                   "EMU; r0; -; -" },
        { "41 PFNMAP, PTE ro, write, TDP off",      "EMU; r0; -; -",               "EF; r0; -; -",                    "EMU; r0; -; -" },
        { "43 no VMA",                              "EF; r0; -; -",                "EF; r0; -; -",                    "EF; r0; -; -" },
        { "44 poisoned",                            "SIGBUS; r0; -; -",            "SIGBUS; r0; -; -",                "SIGBUS; r0; -; -" },
        { "45 no slot",                             "EMU; r0; -; -",               "EMU; r0; -; -",                   "EMU; r0; -; -" },
        { "46 slot being deleted",                  "RT; r0; -; -",                "RT; r0; -; -",                    "RT; r0; -; -" },
        { "51 W cleared by dirty log, write",       "FAST rw L1; r0; -; A,D@Z",    "FAST rw L1 b59; r0; -; A,D@Z",    "FAST rw L1; r0; -; -" },
        { "52 present and sufficient, write",       "SPUR rw L1; r0; -; A,D@Z",    "SPUR rw L1 b59; r0; -; A,D@Z",    "SPUR rw L1; r0; -; -" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Row(string row, string current, string v11, string merged)
    {
        Assert.Equal(current, Cell(row, "current@6.8"));
        Assert.Equal(v11, Cell(row, "v11@6.8"));
        Assert.Equal(merged, Cell(row, "merged"));
    }

    [Theory]
    [InlineData("current@6.8", -1, 1)]
    [InlineData("current@6.12", 0, 0)]
    [InlineData("v11@posted", 0, 0)]
    [InlineData("merged", 0, 0)]
    public void Row_47_and_T10_fsdax_pmd_read_at_page_5(string model, int atBlock, int atPage)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 512).VmaOf(PageKind.D1, Hva, 512, ReadWrite | VmaFlags.Shared);
        s.Pte(Hva + 0x5000, Pfn + 5, writable: true, level: 2);
        Assert.Equal((FaultOutcome.Fixed, 2), (s.Fault(Gfn + 5, write: false).Outcome, 2));
        Assert.Equal((atBlock, atPage), (s.Pages.Delta(Pfn), s.Pages.Delta(Pfn + 5)));
    }

    private static string Cell(string row, string model)
    {
        Scenario s = new(model);
        int number = int.Parse(row.AsSpan(0, row.IndexOf(' ', StringComparison.Ordinal)), System.Globalization.CultureInfo.InvariantCulture);
        (ulong gfn, bool write, LookupFact fact) = Play(s, number, row.EndsWith("tail", StringComparison.Ordinal));
        bool shadow = row.EndsWith("TDP off", StringComparison.Ordinal);
        FaultContext fault = s.Fault(gfn, write, fact: fact, shadow: shadow);
        ulong pfn = fault.Pfn;
        (int A, int D) atFault = (fault.MarkedAccessed, fault.MarkedDirty);
        bool bit59 = (s.Leaf(gfn, out int level) & SpteLayout.RefcountedBit) != 0;
        (int A, int D) before = (s.Pages.AccessedMarks(Folio(s, pfn)), s.Pages.DirtyMarks(Folio(s, pfn)));
        s.WindowBegins(Hva, Hva + (1UL << 31));
        (int A, int D) atZap = (s.Pages.AccessedMarks(Folio(s, pfn)) - before.A, s.Pages.DirtyMarks(Folio(s, pfn)) - before.D);

        StringBuilder cell = new();
        cell.Append(fault.Outcome switch
        {
            FaultOutcome.Fixed => fault.Writable ? "MAPrw" : "MAPro",
            FaultOutcome.FixedFast => fault.Writable ? "FAST rw" : "FAST ro",
            FaultOutcome.Spurious => fault.Writable ? "SPUR rw" : "SPUR ro",
            FaultOutcome.Efault => "EF",
            FaultOutcome.Emulate => "EMU",
            FaultOutcome.Retry => "RT",
            FaultOutcome.Async => "APF",
            _ => fault.Outcome.Name(),
        });
        bool mapped = fault.Outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious;
        cell.Append(mapped ? $" L{level}{(bit59 ? " b59" : "")}" : "");
        cell.Append("; ").Append(fault.RefsGot + fault.RefsPut == 0 ? "r0" : $"+{fault.RefsGot}-{fault.RefsPut}");
        cell.Append("; ").Append(Marks(atFault, "")).Append("; ").Append(Marks(atZap, "@Z"));
        return cell.ToString();
    }

    /// <summary>Sets the host up as the row says; returns where the guest touches, how, and what else the lookup meets.</summary>
    private static (ulong Gfn, bool Write, LookupFact Fact) Play(Scenario s, int row, bool tail)
    {
        switch (row)
        {
            case 1: s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true); return (Gfn, true, LookupFact.Found);
            case 2: s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true); return (Gfn, false, LookupFact.Found);
            case 3: s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: false); return (Gfn, false, LookupFact.Found);
            case 4: s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: false).CopyOnWrite(Hva); return (Gfn, true, LookupFact.Found);
            case 6: s.Slot(Gfn, 512).Pte(Hva, Pfn, writable: true, level: 2); return (Gfn, true, LookupFact.Found);
            case 7: s.Slot(Gfn + 1, 512).Pte(Hva, Pfn, writable: true, level: 2); return (Gfn + 1, true, LookupFact.Found);
            case 8: s.Slot(Gfn, 512, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, writable: true, level: 2); return (Gfn, true, LookupFact.Found);
            case 9: s.Slot(Gfn, 512, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, writable: true, level: 2); return (Gfn, false, LookupFact.Found);
            case 11: s.Slot(0x40000, 0x40000).Pte(Hva, 0x100000, writable: true, level: 3); return (0x40000, true, LookupFact.Found);
            case 12: s.Slot(Gfn, 16); return (Gfn, true, LookupFact.AsyncQueued);
            case 14: s.Slot(Gfn, 16); return (Gfn, true, LookupFact.Interrupted);
            case 16: s.Slot(Gfn, 16).VmaOf(PageKind.F1, Hva, 16, VmaFlags.Read).Pte(Hva, Pfn, writable: false); return (Gfn, false, LookupFact.Found);
            case 17: s.Slot(Gfn, 16).VmaOf(PageKind.F1, Hva, 16, VmaFlags.Read).Pte(Hva, Pfn, writable: false); return (Gfn, true, LookupFact.None);
            case 19: s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, writable: true); return (Gfn, false, LookupFact.Found);
            case 20: s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, writable: true); return (Gfn, true, LookupFact.Found);
            case 21: s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Vma(Hva, 16, Remapped).Pte(Hva, Pfn, writable: true, special: true); return (Gfn, false, LookupFact.Found);
            case 22: s.Slot(Gfn, 16).Vma(Hva, 16, Remapped).Pte(Hva, Pfn, writable: true, special: true); return (Gfn, true, LookupFact.Found);
            case 24: s.Slot(Gfn, 16).Vma(Hva, 16, Remapped); return (Gfn, true, LookupFact.DriverRefused);
            case 25: s.Slot(Gfn, 512).Vma(Hva, 512, Remapped).Pte(Hva, Pfn, writable: true, special: true, level: 2); return (Gfn, true, LookupFact.Found);
            case 26: s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, order: 0); return (Gfn, true, LookupFact.Found);
            case 27: s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, order: 2); return (Gfn, true, LookupFact.Found);
            case 28 or 30: s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, order: 2); return (Gfn + 1, true, LookupFact.Found);
            case 35: s.Slot(Gfn, 16).Block(Pfn, 3, compound: true).Vma(Hva, 16, Remapped).Pte(Hva, Pfn, writable: true, special: true); return (Gfn, true, LookupFact.Found);
            case 36:
                s.Slot(Gfn, 16).Block(Pfn, 3, compound: false).Vma(Hva, 16, Remapped);
                s.Pte(Hva, Pfn, writable: true, special: true).Pte(Hva + 4096, Pfn + 1, writable: true, special: true);
                return (tail ? Gfn + 1 : Gfn, true, LookupFact.Found);
            case 37: s.Slot(Gfn, 16).Vma(Hva, 16, VmaFlags.Io | VmaFlags.MixedMap | ReadWrite).Pte(Hva, Pfn, writable: true); return (Gfn, true, LookupFact.Found);
            case 40: s.Slot(Gfn, 16).Vma(Hva, 16, Remapped).Pte(Hva, Pfn, writable: false, special: true); return (Gfn, false, LookupFact.Found);
            case 41: s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, order: 0).Pte(Hva, Pfn, writable: false, special: true); return (Gfn, true, LookupFact.Found);
            case 43: s.Slot(Gfn, 16); return (Gfn, true, LookupFact.Forbidden);
            case 44: s.Slot(Gfn, 16); return (Gfn, true, LookupFact.Poisoned);
            case 45: s.Slot(Gfn, 16); return (0x9000, true, LookupFact.None);
            case 46: s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true).DeleteSlotBegins(); return (Gfn, true, LookupFact.Found);
            case 51:
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
                s.Fault(Gfn, write: true);
                s.WriteProtect(Gfn);
                return (Gfn, true, LookupFact.Found);
            case 52:
                s.Slot(Gfn, 16).Pte(Hva, Pfn, writable: true);
                s.Fault(Gfn, write: true);
                return (Gfn, true, LookupFact.Found);
            default: throw new ArgumentOutOfRangeException(nameof(row), row, "the row has no host state");
        }
    }

    private static ulong Folio(Scenario s, ulong pfn) => s.Pages.Folio(pfn);

    private static string Marks((int A, int D) marks, string place) =>
        (marks.A > 0, marks.D > 0) switch { (true, true) => "A,D" + place, (true, false) => "A" + place, (false, true) => "D" + place, _ => "-" };
}
