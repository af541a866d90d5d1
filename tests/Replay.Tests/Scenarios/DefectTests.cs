using TraceReplay.Replay.Models.Shadow;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// The known defects of spec 14, each by the invariants that it breaks (`?`: violable) in the model that has it and in one that does
/// not. B11 is not here: it lies between two atomic steps on one SPTE, and an operation of the models is one step.
/// </summary>
public class DefectTests
{
    private const ulong Gfn = 0x1000;
    private const ulong Hva = Scenario.Hva;
    private const ulong Pfn = 0x100000;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared;
    private const VmaFlags ReadWrite = VmaFlags.Read | VmaFlags.Write;

    public static TheoryData<string, string, string> Defects => new()
    {
        // defect                                     model             broken
        { "B1 tail page refused",                     "current@6.12",   "INV-31" },
        { "B1 tail page refused",                     "v11@posted",     "" },
        { "B1 tail page refused",                     "merged",         "" },
        { "B2 get on count 0, put frees the tail",    "current@pre2021", "INV-02 INV-07 INV-09b" },
        { "B2 get on count 0, put frees the tail",    "current@6.1",    "INV-31" },
        { "B3 double put, zero page written",         "v11@6.8",        "INV-01 INV-03 INV-07" },
        { "B3 double put, zero page written",         "v11@posted",     "INV-08?" },
        { "B3 double put, zero page written",         "current@6.8",    "" },
        { "B3 double put, zero page written",         "merged",         "" },
        { "B4 touch after put",                       "v11@6.8",        "INV-08?" },
        { "B4 touch after put",                       "current@6.8",    "" },
        { "B4+ touch after put, freed in the window", "v11@6.8",        "INV-08" },
        { "B4+ touch after put, freed in the window", "current@6.8",    "" },
        { "B4+ touch after put, freed in the window", "merged",         "" },
        { "B5 READONLY slot over PFNMAP",             "v11@posted",     "INV-17" },
        { "B5 READONLY slot over PFNMAP",             "current@6.8",    "" },
        { "B5 READONLY slot over PFNMAP",             "merged",         "" },
        { "B6 RO_FAULT downgraded, TDP off",          "v11@posted",     "INV-31" },
        { "B6 RO_FAULT downgraded, TDP off",          "current@6.8",    "" },
        { "B7 put of the masked pfn",                 "current@6.8",    "INV-01 INV-03 INV-04 INV-07" },
        { "B7 put of the masked pfn",                 "current@6.12",   "" },
        { "B7 put of the masked pfn",                 "v11@6.8",        "" },
        { "B8 MMIO SPTE over a present one",          "current@6.8",    "INV-28" },
        { "B8 MMIO SPTE over a present one",          "current@6.12",   "" },
        { "B8 MMIO SPTE over a present one",          "merged",         "" },
        { "B9 arm64, reference leaked on early exit", "merged@6.13",    "INV-01" },
        { "B9 arm64, reference leaked on early exit", "merged@7.x",     "" },
        { "B9 arm64, reference leaked on early exit", "current@6.12",   "" },
        { "B10 pfn cache outside of memslots",        "merged@7.x",     "INV-37" },
        { "B10 pfn cache outside of memslots",        "current@6.12",   "INV-37" },
        { "B10 pfn cache outside of memslots",        "merged@7.3",     "" },
        { "B12 arm64, read-only PFNMAP written",      "merged",         "INV-31" },
        { "B12 arm64, read-only PFNMAP written",      "current@6.12",   "INV-31" },
        { "B13 huge PFNMAP unusable",                 "current@6.8",    "INV-31" },
        { "B13 huge PFNMAP unusable",                 "current@6.12",   "" },
        { "B17 kvm_vcpu_map reused without unmap",    "merged@7.x",     "INV-01" },
        { "B17 kvm_vcpu_map reused without unmap",    "merged@7.3",     "" },
        { "B18 arm64, device passthrough refused",    "v11@posted",     "INV-31" },
        { "B18 arm64, device passthrough refused",    "current@6.8",    "" },
        { "B18 arm64, device passthrough refused",    "merged",         "" },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public void Defect(string defect, string model, string broken)
    {
        Scenario s = new(model, arm64: defect.Contains("arm64", StringComparison.Ordinal));
        Play(s, defect[..defect.IndexOf(' ', StringComparison.Ordinal)]);
        Assert.Equal(broken, s.Broken());
    }

    [Fact]
    public void B2_the_guest_has_the_tail_page_mapped_when_its_last_reference_is_put()
    {
        Scenario s = new Scenario("current@pre2021").Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2);
        FaultContext fault = s.Fault(Gfn + 1, write: true);
        Assert.Equal((FaultOutcome.Fixed, 1, 1), (fault.Outcome, (int)fault.RefsGot, (int)fault.RefsPut));
        Assert.Equal(0, s.Pages.Count(Pfn + 1));

        // The put has given it back to the allocator, whose record would be this.
        s.PageFreed(Pfn + 1).Fault(Gfn, write: true);
        Assert.Contains("INV-06", s.Broken(), StringComparison.Ordinal);
    }

    [Fact]
    public void B8_leaves_a_reverse_map_entry_that_leads_to_the_MMIO_SPTE()
    {
        ShadowSptes shadow = new();
        shadow.Map(0x5000, Gfn, SpteLayout.MmuPresent | (Pfn << 12));
        Assert.False(shadow.MapMmio(0x5000, SpteLayout.Mmio(3), zapFirst: false));
        shadow.Zap(Gfn, Gfn + 1);
        Assert.Equal((1, SpteLayout.Mmio(3)), (shadow.StaleRmaps, shadow.At(0x5000)));

        shadow.Map(0x6000, Gfn, SpteLayout.MmuPresent | (Pfn << 12));
        Assert.True(shadow.MapMmio(0x6000, SpteLayout.Mmio(3), zapFirst: true));
        shadow.Zap(Gfn, Gfn + 1);
        Assert.Equal(1, shadow.StaleRmaps);
    }

    [Theory]
    [InlineData("current@6.8", 1)]
    [InlineData("current@6.12", 1)]
    [InlineData("merged", 0)]
    public void B14_a_page_that_was_not_used_is_marked_accessed(string model, int accessed)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 4).Pte(Hva, Pfn, writable: true);
        FaultContext fault = s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + 4096).WindowEnds(Hva, Hva + 4096));
        Assert.Equal((FaultOutcome.Retry, accessed), (fault.Outcome, (int)fault.MarkedAccessed));
        Assert.Equal(accessed, s.Pages.AccessedMarks(Pfn));
    }

    [Theory]
    [InlineData("current@6.12", 0, 1)]
    [InlineData("v11@posted", 0, 1)]
    [InlineData("merged", 1, 1)]
    public void B15_what_the_guest_only_read_is_marked_dirty(string model, int atFault, int afterZap)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 4, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, writable: true);
        Assert.Equal(atFault, (int)s.Fault(Gfn, write: false).MarkedDirty);
        Assert.True(s.TakeDirtyLog(Gfn));
        s.WindowBegins(Hva, Hva + 4096);
        Assert.Equal(afterZap, s.Pages.DirtyMarks(Pfn));
    }

    [Theory]
    [InlineData("current@6.12", 512)]
    [InlineData("merged", 0)]
    public void B16_the_zap_of_a_huge_folio_marked_page_by_page(string model, int touched)
    {
        // Mapped by 4 KiB leaves, as dirty logging does.
        Scenario s = new Scenario(model).Slot(Gfn, 512).VmaOf(PageKind.A2, Hva, 512, ReadWrite);
        for (ulong i = 0; i < 512; i++)
        {
            s.Pte(Hva + (i << 12), Pfn + i, writable: true).Fault(Gfn + i, write: true);
        }

        int before = Enumerable.Range(0, 512).Sum(i => s.Pages.DirtyMarks(Pfn + (ulong)i));
        s.WindowBegins(Hva, Hva + (512UL << 12));
        Assert.Equal(touched, Enumerable.Range(0, 512).Sum(i => s.Pages.DirtyMarks(Pfn + (ulong)i)) - before);
    }

    private static void Play(Scenario s, string defect)
    {
        switch (defect)
        {
            case "B1" or "B2":
                s.Slot(Gfn, 4).TtmBlock(Hva, Pfn, order: 2).Fault(Gfn + 1, write: true);
                break;
            case "B3":
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: false).CopyOnWrite(Hva).Fault(Gfn, write: false);
                s.Fault(Gfn, write: true);
                break;
            case "B4":
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: true);
                s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + 4096));
                break;
            case "B4+":
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: true);
                s.Fault(Gfn, write: true, beforeLock: () => s.WindowBegins(Hva, Hva + 4096).PageFreed(Pfn).WindowEnds(Hva, Hva + 4096));
                break;
            case "B5":
                s.Slot(Gfn, 1, flags: MemslotFlags.ReadOnly).Vma(Hva, 1, Remapped).Pte(Hva, Pfn, writable: true, special: true).Fault(Gfn, write: false);
                break;
            case "B6":
                s.Slot(Gfn, 1).TtmBlock(Hva, Pfn, order: 0).Pte(Hva, Pfn, writable: false, special: true).Fault(Gfn, write: true, shadow: true);
                break;
            case "B7":
                s.Slot(Gfn, 512).VmaOf(PageKind.D1, Hva, 512, ReadWrite | VmaFlags.Shared).Pte(Hva + 0x5000, Pfn + 5, writable: true, level: 2).Fault(Gfn + 5, write: false);
                break;
            case "B8":
                // The guest lets one of its addresses name RAM first, then a gfn without memslot.
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: true).Fault(Gfn, write: true, shadow: true, gva: 0x5000);
                s.Fault(0x9000, write: true, fact: LookupFact.None, shadow: true, gva: 0x5000);
                break;
            case "B9":
                s.Slot(Gfn, 4).VmaOf(PageKind.P8, Hva, 4, VmaFlags.Io | VmaFlags.MixedMap | ReadWrite).Pte(Hva, Pfn, writable: true);
                s.Fault(Gfn, write: false, access: FaultAccess.Exec);
                break;
            case "B10":
                const ulong outside = Hva - 0x10000;
                s.Slot(Gfn, 4).PfnCache(OperationKind.PfnCacheLookup, outside).WindowBegins(outside, outside + 4096).WindowEnds(outside, outside + 4096);
                s.PfnCache(OperationKind.PfnCacheCommit).PfnCache(OperationKind.PfnCacheUse);
                break;
            case "B12":
                s.Slot(Gfn, 1).TtmBlock(Hva, Pfn, order: 0).Pte(Hva, Pfn, writable: false, special: true).Fault(Gfn, write: true);
                break;
            case "B13":
                s.Slot(Gfn, 512).Vma(Hva, 512, Remapped).Pte(Hva, Pfn, writable: true, special: true, level: 2).Fault(Gfn, write: true);
                break;
            case "B17":
                s.Slot(Gfn, 4).Pte(Hva, Pfn, writable: true).VcpuMap(Gfn);
                s.VcpuMap(Gfn);
                s.VcpuUnmap();
                break;
            case "B18":
                s.Slot(Gfn, 4).Vma(Hva, 4, Remapped).Pte(Hva, Pfn, writable: true, special: true).Fault(Gfn, write: true);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(defect), defect, "no such defect");
        }
    }
}
