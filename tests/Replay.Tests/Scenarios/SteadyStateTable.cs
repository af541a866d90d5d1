using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using static TraceReplay.Replay.Operations.LookupFact;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>One row of spec 10.1: how it is played, and what each model does.</summary>
/// <param name="Name">Row number and words; a row may stand here more than once.</param>
/// <param name="Play">Sets the host up and touches; returns the fault that the row is about.</param>
internal sealed record SteadyStateRow(string Name, Func<Scenario, FaultContext> Play, string Current, string V11, string Merged);

/// <summary>
/// Spec 10.1 for `current` (6.8), `v11` (6.8) and `merged`. A cell reads: outcome, writability, level (x: executable fetch; b59: SPTE
/// bit 59; idle: left to access tracking); references got by fast (f) or slow (s) GUP, from a remapped page (r) or guest_memfd (g),
/// and put (r0: none); marks when the fault completes; marks when the SPTE is zapped. `log`: the slot's dirty log has the gfn.
/// `WARN`: the zone-device test warned.
/// </summary>
internal static class SteadyStateTable
{
    public const ulong Gfn = 0x1000;
    public const ulong Hva = Scenario.Hva;
    public const ulong Pfn = 0x100000;
    private const VmaFlags ReadWrite = VmaFlags.Read | VmaFlags.Write;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Shared | ReadWrite;
    private const VmaFlags Mixed = VmaFlags.Io | VmaFlags.MixedMap | ReadWrite;

    // What a page does that get_user_pages returned and the host maps writable.
    private const string Rw = "MAPrw L1; +1f-1; A; A,D@Z";
    private const string RwB59 = "MAPrw L1 b59; +1f-1; A; A,D@Z";
    private const string RwMerged = "MAPrw L1; +1f-1; A,D; -";
    private const string RwNoRef = "MAPrw L1; r0; -; -";
    private const string Efault = "EF; r0; -; -";

    public static IReadOnlyList<SteadyStateRow> Rows { get; } =
    [
        new("1 A1, PTE writable, write", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, true), Rw, RwB59, RwMerged),
        new("2 A1, PTE writable, read", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, false), Rw, RwB59, RwMerged),
        new("3 A1, PTE read-only, read", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, false).Fault(Gfn, false),
            "MAPro L1; +1s-1; A; A@Z", "MAPro L1 b59; +1s-1; A; A@Z", "MAPro L1; +1s-1; A; -"),

        // The row says A@U for the zero page too; rule ad_tracked (spec 1.1) and INV-09a say that a reserved page is not marked.
        new("3 A3 zero page, read", s => s.Slot(Gfn, 16).VmaOf(PageKind.A3, Hva, 16, ReadWrite).Pte(Hva, Pfn, false).Fault(Gfn, false),
            "MAPro L1; +1s-1; -; -", "MAPro L1 b59; +1s-1; -; -", "MAPro L1; +1s-1; -; -"),
        new("4 A1, to be copied, write", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, false).CopyOnWrite(Hva).Fault(Gfn, true),
            "RT; +1f-1; A; -", "RT; +1f-2; A; -", "RT; +1f-1; -; -"),
        new("5 A1 never touched, write", s => Late(s.Slot(Gfn, 16), true, () => s.Pte(Hva, Pfn, true)),
            "MAPrw L1; +1s-1; A; A,D@Z", "MAPrw L1 b59; +1s-1; A; A,D@Z", "MAPrw L1; +1s-1; A,D; -"),
        new("5 A1 never touched, read: zero page", s => Late(s.Slot(Gfn, 16), false, () => s.Pte(Hva, Pfn, false)),
            "MAPro L1; +1s-1; A; A@Z", "MAPro L1 b59; +1s-1; A; A@Z", "MAPro L1; +1s-1; A; -"),
        new("6 A2, congruent, write", s => s.Slot(Gfn, 512).Pte(Hva, Pfn, true, level: 2).Fault(Gfn, true),
            "MAPrw L2; +1f-1; A; A,D@Z", "MAPrw L2 b59; +1f-1; A; A,D@Z", "MAPrw L2; +1f-1; A,D; -"),
        new("7 A2, not congruent, write", s => s.Slot(Gfn + 1, 512).Pte(Hva, Pfn, true, level: 2).Fault(Gfn + 1, true), Rw, RwB59, RwMerged),
        new("7 A2, block crosses the slot's end, write", s => s.Slot(Gfn, 511).Pte(Hva, Pfn, true, level: 2).Fault(Gfn, true), Rw, RwB59, RwMerged),
        new("8 A2, slot logs dirty, write", s => s.Slot(Gfn, 512, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, true, level: 2).Fault(Gfn, true),
            Rw + "; log", RwB59 + "; log", RwMerged + "; log"),
        new("9 A2, slot logs dirty, read", s => s.Slot(Gfn, 512, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, true, level: 2).Fault(Gfn, false),
            Rw + "; log", RwB59 + "; log", RwMerged + "; log"),
        new("10 A2, NX huge pages, exec", s => s.Slot(Gfn, 512).Pte(Hva, Pfn, true, level: 2).Fault(Gfn, false, access: FaultAccess.Exec),
            "MAPrw+x L1; +1f-1; A; A,D@Z", "MAPrw+x L1 b59; +1f-1; A; A,D@Z", "MAPrw+x L1; +1f-1; A,D; -"),
        new("11 hugetlb 1G, write", s => s.Slot(0x40000, 0x40000).Pte(Hva, 0x100000, true, level: 3).Fault(0x40000, true),
            "MAPrw L3; +1f-1; A; A,D@Z", "MAPrw L3 b59; +1f-1; A; A,D@Z", "MAPrw L3; +1f-1; A,D; -"),
        new("12 A1 swapped out, async possible", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: AsyncQueued), "APF; r0; -; -", "APF; r0; -; -", "APF; r0; -; -"),
        new("13 A1 swapped out, async impossible", s => Late(s.Slot(Gfn, 16), true, () => s.Pte(Hva, Pfn, true)),
            "MAPrw L1; +1s-1; A; A,D@Z", "MAPrw L1 b59; +1s-1; A; A,D@Z", "MAPrw L1; +1s-1; A,D; -"),
        new("14 signal while waiting", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: Interrupted), "EINTR; r0; -; -", "EINTR; r0; -; -", "EINTR; r0; -; -"),
        new("15 fatal signal, -EAGAIN from the lock", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: LockKilled), Efault, Efault, "EINTR; r0; -; -"),
        new("16 F1, VMA read-only, read", s => s.Slot(Gfn, 16).VmaOf(PageKind.F1, Hva, 16, VmaFlags.Read).Pte(Hva, Pfn, false).Fault(Gfn, false),
            "MAPro L1; +1s-1; A; A@Z", "MAPro L1 b59; +1s-1; A; A@Z", "MAPro L1; +1s-1; A; -"),
        new("17 F1, VMA read-only, write", s => s.Slot(Gfn, 16).VmaOf(PageKind.F1, Hva, 16, VmaFlags.Read).Pte(Hva, Pfn, false).Fault(Gfn, true, fact: None), Efault, Efault, Efault),
        new("18 F1 clean, write, mkwrite without a window", s => Late(SharedFile(s), true, () => s.Pte(Hva, Pfn, true)),
            "MAPrw L1; +1s-1; A; A,D@Z", "MAPrw L1 b59; +1s-1; A; A,D@Z", "MAPrw L1; +1s-1; A,D; -"),
        new("18 F1 clean, write, mkwrite with its own window", s => Late(SharedFile(s), true, () => Window(s).Pte(Hva, Pfn, true)),
            "RT; +1s-1; A; -", "RT; +1s-2; A; -", "RT; +1s-1; -; -"),
        new("19 READONLY slot, A1, read", s => s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, true).Fault(Gfn, false),
            "MAPro L1; +1s-1; A; A@Z", "MAPro L1 b59; +1s-1; A; A@Z", "MAPro L1; +1s-1; A; -"),
        new("20 READONLY slot, write", s => s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, true).Fault(Gfn, true), "EMU; r0; -; -", "EMU; r0; -; -", "EMU; r0; -; -"),
        new("21 READONLY slot over PFNMAP, read", s => s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Vma(Hva, 16, Remapped).Pte(Hva, Pfn, true, true).Fault(Gfn, false),
            "MAPro L1; r0; -; -", RwNoRef, "MAPro L1; r0; -; -"),
        new("22 P0 BAR, write", s => Bar(s).Pte(Hva, Pfn, true, true).Fault(Gfn, true), RwNoRef, RwNoRef, RwNoRef),
        new("23 P0, PTE absent, driver faults it in", s => Late(Bar(s), true, () => s.Pte(Hva, Pfn, true, true)), RwNoRef, RwNoRef, RwNoRef),
        new("24 P0, driver refuses", s => Bar(s).Fault(Gfn, true, fact: DriverRefused), Efault, Efault, Efault),
        new("25 huge PFNMAP leaf", s => s.Slot(Gfn, 512).Vma(Hva, 512, Remapped).Pte(Hva, Pfn, true, true, level: 2).Fault(Gfn, true), Efault, Efault, "MAPrw L2; r0; -; -"),
        new("26 P2 TTM order 0", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 0).Fault(Gfn, true),
            "MAPrw L1; +1r-1; A; A,D@Z", "MAPrw L1 b59; +1r-1; A; A,D@Z", RwNoRef),
        new("27 P3 TTM head", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Fault(Gfn, true),
            "MAPrw L1; +1r-1; A; A,D@Z", "MAPrw L1 b59; +1r-1; A; A,D@Z", RwNoRef),
        new("28 P4 TTM tail", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Fault(Gfn + 1, true), Efault, RwNoRef, RwNoRef),
        new("29 P4, PTE absent", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Unmapped(Hva + 4096).Fault(Gfn + 1, true,
            beforeLookup: () => s.Pte(Hva + 4096, Pfn + 1, true, true), fact: FaultedIn), Efault, RwNoRef, RwNoRef),
        new("30 P4 TTM tail, TDP off", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Fault(Gfn + 1, true, shadow: true), Efault, Efault, RwNoRef),
        new("31 P4 TTM tail, arm64", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Fault(Gfn + 1, true), Efault, Efault, RwNoRef),
        new("32 P4, kvm_vcpu_map", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).VcpuMap(Gfn + 1), "REF; r0", "REF; r0", "REF; r0"),
        new("32 P4, kvm_vcpu_map, unsafe allowed", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).VcpuMap(Gfn + 1), "REF; r0", "MAP; r0", "MAP; r0"),
        new("33 P0, kvm_vcpu_map", s => Bar(s).Pte(Hva, Pfn, true, true).VcpuMap(Gfn), "MAP; r0", "REF; r0", "REF; r0"),
        new("33 P1, kvm_vcpu_map", s => Hidden(s).VcpuMap(Gfn), "MAP; r0", "REF; r0", "REF; r0"),
        new("33 P1, kvm_vcpu_map, unsafe allowed", s => Hidden(s).VcpuMap(Gfn), "MAP; r0", "MAP; r0", "MAP; r0"),
        new("34 P1 hidden RAM", s => Hidden(s).Fault(Gfn, true), RwNoRef, RwNoRef, RwNoRef),
        new("35 P6 compound driver page", s => s.Slot(Gfn, 16).Block(Pfn, 3, true).Vma(Hva, 16, Remapped).Pte(Hva, Pfn, true, true).Fault(Gfn, true),
            "MAPrw L1; +1r-1; A; A,D@Z", "MAPrw L1 b59; +1r-1; A; A,D@Z", RwNoRef),
        new("36 P7 dma_coherent, head", s => Coherent(s).Fault(Gfn, true), "MAPrw L1; +1r-1; A; A,D@Z", "MAPrw L1 b59; +1r-1; A; A,D@Z", RwNoRef),
        new("36 P7 dma_coherent, tail", s => Coherent(s).Fault(Gfn + 1, true), Efault, RwNoRef, RwNoRef),
        new("37 P8 insert_page, PTE rw", s => s.Slot(Gfn, 16).Vma(Hva, 16, Mixed).Pte(Hva, Pfn, true).Fault(Gfn, true), Rw, RwB59, RwMerged),
        new("38 P8 insert_page, PTE ro, read", s => s.Slot(Gfn, 16).VmaOf(PageKind.P8, Hva, 16, Mixed).Pte(Hva, Pfn, false).Fault(Gfn, false),
            "MAPro L1; +1r-1; A; A@Z", "MAPro L1 b59; +1r-1; A; A@Z", "MAPro L1; r0; -; -"),
        new("39 Pz reserved, count 0", s => s.Slot(Gfn, 16).VmaOf(PageKind.Pz, Hva, 16, Remapped).Pte(Hva, Pfn, true, true).Fault(Gfn, true),
            RwNoRef + "; WARN", RwNoRef + "; WARN", RwNoRef),
        new("40 PFNMAP, PTE ro, read", s => Bar(s).Pte(Hva, Pfn, false, true).Fault(Gfn, false), "MAPro L1; r0; -; -", "MAPro L1; r0; -; -", "MAPro L1; r0; -; -"),
        new("40 PFNMAP of P2, PTE ro, read", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 0).Pte(Hva, Pfn, false, true).Fault(Gfn, false),
            "MAPro L1; +1r-1; A; A@Z", "MAPro L1 b59; +1r-1; A; A@Z", "MAPro L1; r0; -; -"),
        new("41 PFNMAP, PTE ro, write", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 0).Pte(Hva, Pfn, false, true).Fault(Gfn, true), "EMU; r0; -; -", "EMU; r0; -; -", "EMU; r0; -; -"),
        new("41 PFNMAP, PTE ro, write, TDP off", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 0).Pte(Hva, Pfn, false, true).Fault(Gfn, true, shadow: true),
            "EMU; r0; -; -", Efault, "EMU; r0; -; -"),
        new("41 PFNMAP, PTE ro, write, arm64", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 0).Pte(Hva, Pfn, false, true).Fault(Gfn, true), Efault, Efault, Efault),
        new("42 secretmem, first", s => Secret(s).Fault(Gfn, true, fact: AsyncQueued), "APF; r0; -; -", "APF; r0; -; -", "APF; r0; -; -"),
        new("42 secretmem, then", s => Secret(s).Pte(Hva, Pfn, true).Fault(Gfn, true), Efault, Efault, Efault),
        new("43 no VMA", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: Forbidden), Efault, Efault, Efault),
        new("44 poisoned", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: Poisoned), "SIGBUS; r0; -; -", "SIGBUS; r0; -; -", "SIGBUS; r0; -; -"),
        new("45 no slot", s => s.Slot(Gfn, 16).Fault(0x9000, true, fact: None), "EMU; r0; -; -", "EMU; r0; -; -", "EMU; r0; -; -"),
        new("46 slot being deleted", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).DeleteSlotBegins().Fault(Gfn, true), "RT; r0; -; -", "RT; r0; -; -", "RT; r0; -; -"),

        // Page 5: up to fix A the put goes to the block's first page, not to the page that was got (T10 counts both). The marks of
        // the zap go to the page that the SPTE names, which is the first one on all kernels.
        new("47 D1 FSDAX PMD leaf, page 0", s => Dax(s).Pte(Hva, Pfn, true, level: 2).Fault(Gfn, true),
            "MAPrw L2; +1f-1; A; A,D@Z", "MAPrw L2 b59; +1f-1; A; A,D@Z", "MAPrw L2; +1f-1; A,D; -"),
        new("47 D1 FSDAX PMD leaf, page 5", s => Dax(s).Pte(Hva + 0x5000, Pfn + 5, true, level: 2).Fault(Gfn + 5, true),
            "MAPrw L2; +1f-1 of another; A; -", "MAPrw L2 b59; +1f-1; A; -", "MAPrw L2; +1f-1; A,D; -"),
        new("48 MIXEDMAP only, special PTE", s => s.Slot(Gfn, 16).Vma(Hva, 16, VmaFlags.MixedMap | ReadWrite).Pte(Hva, Pfn, true, true).Fault(Gfn, true), Efault, Efault, Efault),
        new("49 guest_memfd", s => s.Slot(Gfn, 512, flags: MemslotFlags.GuestMemfd).Pte(Hva, Pfn, true).Fault(Gfn, true, fact: GuestMemfd),
            "MAPrw L1; +1g-1; A; A,D@Z", "MAPrw L1 b59; +1g-1; A; A,D@Z", "MAPrw L1; +1g-1; A,D; -"),
        new("50 prefetch of a neighbour, TDP off", s => s.Slot(Gfn, 16).Pte(Hva + 4096, Pfn, true).PrefetchNeighbours(Gfn),
            "MAPrw L1 idle; +1f-1; -; D@Z", "MAPrw L1 idle; +1f-1; -; D@Z", "MAPrw L1 idle; +1f-1; A,D; -"),
        new("51 W cleared by dirty log, write", s => Logged(s).Fault(Gfn, true), "FAST rw L1; r0; -; A,D@Z; log", "FAST rw L1 b59; r0; -; A,D@Z; log", "FAST rw L1; r0; -; -; log"),
        new("52 present and sufficient, write", s => Mapped(s).Fault(Gfn, true), "SPUR rw L1; r0; -; A,D@Z", "SPUR rw L1 b59; r0; -; A,D@Z", "SPUR rw L1; r0; -; -"),
        new("53 APF completion, nothing mapped", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, false, access: FaultAccess.Prefetch),
            "MAPrw L1 idle; +1f-1; A; D@Z", "MAPrw L1 b59 idle; +1f-1; A; D@Z", "MAPrw L1 idle; +1f-1; A,D; -"),
        new("53 APF completion, mapped already", s => Mapped(s).Fault(Gfn, false, access: FaultAccess.Prefetch),
            "MAPrw L1 idle; +1f-1; A; -", "MAPrw L1 b59 idle; +1f-1; A; -", "SPUR rw L1; +1f-1; A,D; -"),
    ];

    /// <summary>Rows of the spec's table that cannot be played, and why. Every number of 1 to 53 stands here or above.</summary>
    public static IReadOnlyDictionary<int, string> NotPlayed { get; } = new Dictionary<int, string>();

    /// <summary>A fault whose page appears only during the lookup.</summary>
    private static FaultContext Late(Scenario s, bool write, Action appears) => s.Fault(Gfn, write, beforeLookup: appears, fact: FaultedIn);

    private static Scenario Window(Scenario s) => s.WindowBegins(Hva, Hva + 4096).WindowEnds(Hva, Hva + 4096);

    private static Scenario SharedFile(Scenario s) => s.Slot(Gfn, 16).VmaOf(PageKind.F1, Hva, 16, ReadWrite | VmaFlags.Shared).Pte(Hva, Pfn, false);

    private static Scenario Bar(Scenario s) => s.Slot(Gfn, 16).Vma(Hva, 16, Remapped);

    private static Scenario Hidden(Scenario s) => s.Slot(Gfn, 16).VmaOf(PageKind.P1, Hva, 16, Remapped).Pte(Hva, Pfn, true, true);

    private static Scenario Secret(Scenario s) => s.Slot(Gfn, 16).VmaOf(PageKind.S, Hva, 16, ReadWrite);

    private static Scenario Dax(Scenario s) => s.Slot(Gfn, 512).VmaOf(PageKind.D1, Hva, 512, ReadWrite | VmaFlags.Shared);

    private static Scenario Coherent(Scenario s) => s.Slot(Gfn, 16).Block(Pfn, 3, false).Vma(Hva, 16, Remapped)
        .Pte(Hva, Pfn, true, true).Pte(Hva + 4096, Pfn + 1, true, true);

    private static Scenario Mapped(Scenario s)
    {
        s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, true);
        return s;
    }

    private static Scenario Logged(Scenario s)
    {
        s.Slot(Gfn, 16, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, true).Fault(Gfn, true);
        return s.WriteProtect(Gfn);
    }
}
