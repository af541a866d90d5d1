using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using static TraceReplay.Replay.Operations.LookupFact;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>One row: what is played, and what each kernel does on arm64.</summary>
/// <param name="Name">Number of the point in the captures' description, then what it is.</param>
/// <param name="Play">Sets the scene and returns the fault that is asked about.</param>
/// <param name="Kernel61">current@6.1.</param>
/// <param name="Kernel612">current@6.12.</param>
/// <param name="V11">v11@posted.</param>
/// <param name="Kernel7">merged@7.x on a CPU with S2FWB and DIC.</param>
public sealed record Stage2Row(string Name, Func<Scenario, Replay.Models.Skeleton.FaultContext> Play, string Kernel61, string Kernel612, string V11, string Kernel7)
{
    public Stage2Row(string name, Func<Scenario, Replay.Models.Skeleton.FaultContext> play, string all)
        : this(name, play, all, all, all, all)
    {
    }

    public override string ToString() => Name;
}

/// <summary>
/// Spec 7 as decision rows. What they expect was seen in captures of real arm64 kernels (6.1, 6.12, 7.2) where the name has a number; it is
/// the number of the point in their description. A cell: outcome and permissions, level, references got and put, marks.
/// </summary>
public static class Stage2Table
{
    public const ulong Gfn = 0x1000;
    public const ulong Hva = Scenario.Hva;
    public const ulong Pfn = 0x100000;
    private const VmaFlags ReadWrite = VmaFlags.Read | VmaFlags.Write;
    private const VmaFlags Remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Shared | ReadWrite;
    private const VmaFlags Bar = Remapped | VmaFlags.Contiguous;
    private const FaultAccess Exec = FaultAccess.Exec;
    private const string Efault = "EFAULT +0-0";
    private const string Mmio = "EMULATE +0-0";
    private const string Abort = "ABORT +0-0";
    private const string Enosys = "ENOSYS +0-0";

    public static IReadOnlyList<Stage2Row> Rows { get; } =
    [
        new("2 anonymous page, write", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, true), "FIXED rw L1 +1-1 AD"),
        new("2 anonymous page that the host maps writable, read", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, false), "FIXED rw L1 +1-1 AD"),
        new("2 read-only page, read", s => s.Slot(Gfn, 16).VmaOf(PageKind.F1, Hva, 16, VmaFlags.Read).Pte(Hva, Pfn, false).Fault(Gfn, false), "FIXED r L1 +1-1 A"),
        new("2 instruction fetch from memory", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, false, access: Exec), "FIXED rwx L1 +1-1 AD"),
        new("2 window anywhere in the VM's memory: RETRY", s => s.Slot(Gfn, 1024).Pte(Hva, Pfn, true).Fault(Gfn, true,
            beforeLock: () => s.WindowBegins(Hva + 0x20_0000, Hva + 0x20_1000).WindowEnds(Hva + 0x20_0000, Hva + 0x20_1000)), "RETRY +1-1 A", "RETRY +1-1 A", "RETRY +1-1 A", "RETRY +1-1"),
        new("2 window over no memslot: none", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, true,
            beforeLock: () => s.WindowBegins(Hva + 0x20_0000, Hva + 0x20_1000).WindowEnds(Hva + 0x20_0000, Hva + 0x20_1000)), "FIXED rw L1 +1-1 AD"),
        new("2 the same page is mapped already: -EAGAIN", s => AfterMap(s).Fault(Gfn, true, present: false), "RETRY +1-1 A", "RETRY +1-1 A", "RETRY +1-1 A", "RETRY +1-1"),
        new("3 no memslot, write", s => s.Slot(Gfn, 16).Fault(0x9000, true, fact: None), Mmio),
        new("3 READONLY memslot, write", s => s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, true).Fault(Gfn, true), Mmio),
        new("3 READONLY memslot, read", s => s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Pte(Hva, Pfn, true).Fault(Gfn, false), "FIXED r L1 +1-1 A"),
        new("3 no memslot, no valid syndrome", s => s.Slot(Gfn, 16).Fault(0x9000, true, fact: None, access: FaultAccess.NoSyndrome), Enosys),
        new("3 READONLY memslot, no valid syndrome", s => s.Slot(Gfn, 16, flags: MemslotFlags.ReadOnly).Fault(Gfn, true, fact: None, access: FaultAccess.NoSyndrome), Enosys),
        new("3 memory, no valid syndrome: it does not matter", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, true, access: FaultAccess.NoSyndrome), "FIXED rw L1 +1-1 AD"),
        new("3 cache maintenance on no memslot is skipped", s => s.Slot(Gfn, 16).Fault(0x9000, true, fact: None, access: FaultAccess.NoSyndrome | FaultAccess.CacheMaintenance), Mmio),
        new("memslot INVALID while it goes", s => s.Slot(Gfn, 16).Pte(Hva, Pfn, true).DeleteSlotBegins().Fault(Gfn, true, fact: None), Mmio),
        new("4 instruction fetch from device memory", s => s.Slot(Gfn, 16).Vma(Hva, 16, Bar).Pte(Hva, Pfn, true, true).Fault(Gfn, false, access: Exec), Abort, Abort, Efault, Abort),
        new("4 instruction fetch from no memslot", s => s.Slot(Gfn, 16).Fault(0x9000, false, fact: None, access: Exec), Abort),
        new("4 walk of the guest's tables in no memslot", s => s.Slot(Gfn, 16).Fault(0x9000, false, fact: None, access: FaultAccess.TableWalk), Abort),
        new("5 present read-only PFNMAP leaf, write", s => s.Slot(Gfn, 16).Vma(Hva, 16, Bar).Pte(Hva, Pfn, false, true).Fault(Gfn, true), Efault),
        new("5 the same, read", s => s.Slot(Gfn, 16).Vma(Hva, 16, Bar).Pte(Hva, Pfn, false, true).Fault(Gfn, false), "FIXED r L1 +0-0", "FIXED r L1 +0-0", Efault, "FIXED r L1 +0-0"),
        new("5 read-only leaf of a page that has a count", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 0).Pte(Hva, Pfn, false, true).Fault(Gfn, true), Efault),
        new("7 TTM tail page", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Fault(Gfn + 1, true), Efault, Efault, Efault, "FIXED rw L1 +0-0"),
        new("7 TTM head page", s => s.Slot(Gfn, 16).TtmBlock(Hva, Pfn, 2).Fault(Gfn, true), "FIXED rw L1 +1-1 AD", "FIXED rw L1 +1-1 AD", "FIXED rw L1 +1-1 AD", "FIXED rw L1 +0-0"),
        new("8 BAR, write", s => s.Slot(Gfn, 16).Vma(Hva, 16, Bar).Pte(Hva, Pfn, true, true).Fault(Gfn, true), "FIXED rw L1 +0-0", "FIXED rw L1 +0-0", Efault, "FIXED rw L1 +0-0"),
        new("9 BAR in a block of 2 MiB", s => s.Slot(Gfn, 1024).Vma(Hva, 1024, Bar).Pte(Hva + 0x3000, Pfn + 3, true, true).Fault(Gfn + 3, true),
            "FIXED rw L2 +0-0", "FIXED rw L2 +0-0", Efault, "FIXED rw L2 +0-0"),
        new("9 the mapping ends within the block, its first page faults", s => s.Slot(Gfn, 1024).Vma(Hva, 256, Bar).Pte(Hva, Pfn, true, true).Fault(Gfn, true),
            "FIXED rw L2 +0-0", "FIXED rw L2 +0-0", Efault, "FIXED rw L2 +0-0"),
        new("9 the mapping ends within the block, another page faults", s => s.Slot(Gfn, 1024).Vma(Hva, 256, Bar).Pte(Hva + 0x1000, Pfn + 1, true, true).Fault(Gfn + 1, true),
            "FIXED rw L1 +0-0", "FIXED rw L1 +0-0", Efault, "FIXED rw L1 +0-0"),
        new("9 frame and address are not congruent", s => s.Slot(Gfn, 1024).Vma(Hva, 1024, Bar).Pte(Hva, Pfn + 1, true, true).Fault(Gfn, true),
            "FIXED rw L1 +0-0", "FIXED rw L1 +0-0", Efault, "FIXED rw L1 +0-0"),
        new("10 copy-on-write: its own window makes it retry", s => s.Slot(Gfn, 16).CopyOnWrite(Hva).Fault(Gfn, true), "RETRY +1-1 A", "RETRY +1-1 A", "RETRY +1-1 A", "RETRY +1-1"),
        new("12 access flag", s => AfterMap(s).Ages(Hva, Hva + 0x1000).Fault(Gfn, false, access: FaultAccess.AccessFlag, present: true),
            "FIXED rw L1 +0-0 A", "FIXED rw L1 +0-0 A", "FIXED rw L1 +0-0 A", "FIXED rw L1 +0-0"),
        new("13 huge page: 6.1 moves its reference to the head", s => s.Slot(Gfn, 1024).Pte(Hva + 0x3000, Pfn + 3, true, level: 2).Fault(Gfn + 3, true),
            "FIXED rw L2 +2-2 AD", "FIXED rw L2 +1-1 AD", "FIXED rw L2 +1-1 AD", "FIXED rw L2 +1-1 AD"),
        new("13 dirty logging, read", s => s.Slot(Gfn, 16, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, true).Fault(Gfn, false), "FIXED r L1 +1-1 A"),
        new("13 dirty logging, write", s => s.Slot(Gfn, 16, flags: MemslotFlags.LogDirty).Pte(Hva, Pfn, true).Fault(Gfn, true), "FIXED rw L1 +1-1 AD"),
        new("13 dirty logging maps single pages", s => s.Slot(Gfn, 1024, flags: MemslotFlags.LogDirty).Pte(Hva + 0x3000, Pfn + 3, true, level: 2).Fault(Gfn + 3, true), "FIXED rw L1 +1-1 AD"),
        new("permission fault on a block keeps its size", s => AfterBlock(s).Fault(Gfn + 7, true, present: true), "FIXED rw L2 +1-1 AD"),
        new("no VMA", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: Forbidden), Efault),
        new("poisoned page", s => s.Slot(Gfn, 16).Fault(Gfn, true, fact: Poisoned), "SIGBUS +0-0"),
    ];

    private static Scenario AfterMap(Scenario s)
    {
        s.Slot(Gfn, 16).Pte(Hva, Pfn, true).Fault(Gfn, true);
        return s;
    }

    // A block of which the host shows one page to be huge and the next lookup a single page.
    private static Scenario AfterBlock(Scenario s)
    {
        s.Slot(Gfn, 1024).VmaOf(PageKind.F1, Hva, 1024, ReadWrite).Pte(Hva + 0x3000, Pfn + 3, false, level: 2).Fault(Gfn + 3, false);
        return s.Pte(Hva + 0x7000, Pfn + 7, true, level: 1);
    }
}
