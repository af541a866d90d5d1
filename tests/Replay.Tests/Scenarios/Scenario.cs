using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>
/// A guest, its VMM and its host, played by hand against one model: the language of spec 15.5. Plays the host's part of a
/// lookup too (breaking copy-on-write opens a notifier window), the models see only what a kernel would.
/// </summary>
public sealed class Scenario
{
    public const ulong Hva = 0x7f00_0000_0000;

    /// <summary>The buffer object of <see cref="TtmBlock"/>.</summary>
    public const ulong Bo = 0xb0;

    private readonly IFaultModel _model;
    private readonly bool _arm64;
    private readonly List<FaultResult> _results = [];
    private readonly Dictionary<ulong, ulong> _copyOnWrite = [];
    private readonly Dictionary<ulong, Memslot> _slots = [];
    private long _faults;
    private int _open;
    private ulong _nextPfn = 0x200000;

    /// <param name="model">name@setting, such as v11@6.8.</param>
    /// <param name="arm64">The model of arm64's stage 2.</param>
    public Scenario(string model, bool arm64 = false)
    {
        string[] parts = model.Split('@');
        _arm64 = arm64;
        _model = ModelCatalog.Create(parts[0], parts.Length > 1 ? parts[1] : null, arm64 ? SpteLayout.Stage2 : SpteLayout.Npt);
    }

    /// <summary>A model with a setting that no kernel of the catalog has, such as a module parameter.</summary>
    public Scenario(IFaultModel model, bool arm64 = false) => (_model, _arm64) = (model, arm64);

    public InvariantTally Invariants => _model.Invariants;

    /// <summary>Takes the gfn out of the dirty log; false if it was not in it.</summary>
    public bool TakeDirtyLog(ulong gfn) => _model.TakeDirtyLog(0, 0, gfn);

    /// <summary>Invariants broken so far, in faults and outside of them; `?` marks the violable ones.</summary>
    public string Broken() => string.Join(' ', InvariantList.All
        .Where(invariant => Invariants.Violated(invariant) + Invariants.Violable(invariant) > 0)
        .Select(invariant => invariant.Id + (Invariants.Violated(invariant) > 0 ? "" : "?")));

    public PageLedger Pages => _model.Pages;

    public Scenario Slot(ulong gfn, ulong pages, ulong hva = Hva, MemslotFlags flags = MemslotFlags.None)
    {
        Memslot slot = new(0, 1, gfn, pages, hva, flags);
        _slots[1] = slot;
        return Do(OperationKind.SlotPut, slot.BaseGfn, slot.Npages, slot.UserspaceAddr, (uint)flags | (1UL << 32));
    }

    /// <summary>Another memslot than the one that <see cref="Fault"/> finds its host address in.</summary>
    public Scenario SlotNumbered(int id, ulong gfn, ulong pages, ulong hva) => Do(OperationKind.SlotPut, gfn, pages, hva, (ulong)id << 32);

    public Scenario WriteProtectRange(ulong from, ulong end) => Do(OperationKind.WriteProtectRange, from, end);

    public Scenario DeleteSlotBegins() => Do(OperationKind.SlotInvalidate, d: 1UL << 32);

    public Scenario DeleteSlotEnds() => Do(OperationKind.SlotRemove, d: 1UL << 32);

    public Scenario Vma(ulong start, ulong pages, VmaFlags flags, ulong bo = 0) =>
        Do(OperationKind.VmaMap, start, start + (pages << 12), (ulong)flags, bo);

    /// <summary>A mapping whose kind of page is known.</summary>
    public Scenario VmaOf(PageKind kind, ulong start, ulong pages, VmaFlags flags) =>
        Do(OperationKind.VmaMapKind, start, start + (pages << 12), (ulong)flags, (ulong)kind);

    /// <summary>A block of pages, compound or not, that some driver allocated.</summary>
    public Scenario Block(ulong pfn, int order, bool compound) => Do(OperationKind.PageAlloc, pfn, (ulong)order, compound ? 1UL << 18 : 0);

    /// <summary>Dirty logging write-protects the leaf.</summary>
    public Scenario WriteProtect(ulong gfn) => Do(OperationKind.WriteProtect, gfn, 1);

    /// <summary>Dirty logging with PML clears the leaf's dirty bit.</summary>
    public Scenario ClearDirty(ulong gfn) => Do(OperationKind.ClearDirty, gfn, 1);

    public Scenario SplitHuge(ulong gfn) => Do(OperationKind.SplitHuge, gfn, 2);

    public Scenario Pte(ulong hva, ulong pfn, bool writable, bool special = false, int level = 1) =>
        Do(OperationKind.PteKnown, hva, HostPte.Make(pfn, writable, special, level).Raw);

    /// <summary>The next write lookup of the page copies it, as for a zero or KSM page.</summary>
    public Scenario CopyOnWrite(ulong hva)
    {
        _copyOnWrite[hva] = _nextPfn++;
        return this;
    }

    public ulong CopyOf(ulong hva) => _copyOnWrite.TryGetValue(hva, out ulong pfn) ? pfn : _nextPfn - 1;

    /// <summary>A TTM buffer in system memory: one non-compound block, mapped page by page with special PTEs.</summary>
    public Scenario TtmBlock(ulong hva, ulong pfn, int order)
    {
        Do(OperationKind.PageAlloc, pfn, (ulong)order, 0);
        Do(OperationKind.BoPlace, Bo, 0);
        Vma(hva, 1UL << order, VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared, Bo);
        for (ulong i = 0; i < 1UL << order; i++)
        {
            Pte(hva + (i << 12), pfn + i, writable: true, special: true);
        }

        return this;
    }

    /// <summary>The page-table leaf is not there, and never was: no window.</summary>
    public Scenario Unmapped(ulong hva) => Do(OperationKind.PteKnown, hva, 0);

    public Scenario PageFreed(ulong pfn, int order = 0) => Do(OperationKind.PageFree, pfn, (ulong)order);

    public Scenario SplitBlock(ulong pfn) => Do(OperationKind.SplitBlock, pfn);

    public Scenario BoMoves(ulong bo, uint memoryType) => Do(OperationKind.BoPlace, bo, memoryType);

    /// <summary>A record shows the leaf that the kernel has there.</summary>
    public Scenario LeafKnown(ulong gfn, ulong spte, int level = 1) => Do(OperationKind.LeafKnown, gfn, spte, 1, (ulong)level);

    public Scenario ChangePte(ulong hva, ulong pfn, bool writable) => Do(OperationKind.ChangePte, hva, HostPte.Make(pfn, writable, special: false).Raw);

    public Scenario Ages(ulong start, ulong end) => Do(OperationKind.Age, start, end);

    public Scenario PfnCache(OperationKind step, ulong uhva = 0)
    {
        Execute(new Operation { Kind = step, Open = 7, FaultId = -1, A = uhva });
        return this;
    }

    public FaultContext VcpuMap(ulong gfn) => Caller(OperationKind.VcpuMap, gfn);

    public FaultContext VcpuUnmap() => Caller(OperationKind.VcpuUnmap, 0);

    public FaultContext PrefetchNeighbours(ulong gfn) => Caller(OperationKind.PrefetchNeighbours, gfn);

    public Scenario WindowBegins(ulong start, ulong end) => Do(OperationKind.WindowBegin, start, end);

    /// <param name="seqPlusOne">mmu_invalidate_seq before the end as a probe recorded it, plus one; 0 if none did.</param>
    public Scenario WindowEnds(ulong start, ulong end, ulong seqPlusOne = 0, ulong inProgress = 0) => Do(OperationKind.WindowEnd, start, end, seqPlusOne, inProgress);

    public Scenario LogDirty(ulong gfn, bool on)
    {
        Memslot slot = _slots[1];
        Slot(slot.BaseGfn, slot.Npages, slot.UserspaceAddr, on ? MemslotFlags.LogDirty : MemslotFlags.None);
        return Do(on ? OperationKind.WriteProtect : OperationKind.ZapLeaf, gfn, 2);
    }

    /// <summary>7.x: the 4 KiB leaves become one huge leaf, without a fault.</summary>
    public Scenario LogDirtyOffInPlace(ulong gfn, ulong pfn)
    {
        Memslot slot = _slots[1];
        Slot(slot.BaseGfn, slot.Npages, slot.UserspaceAddr);
        return Do(OperationKind.CollapseHuge, gfn, 2, pfn);
    }

    public ulong Leaf(ulong gfn, out int level) => _model.Leaf(0, 0, gfn, out level);

    /// <summary>One fault, with what others do in between.</summary>
    /// <param name="beforeLookup">After the snapshot and the first check.</param>
    /// <param name="beforeLock">After the lookup and the second check.</param>
    /// <param name="access">More than write and present: an instruction fetch, a prefetch, what arm64's syndrome says.</param>
    /// <param name="gva">Shadow paging: the guest's virtual address.</param>
    /// <param name="present">The error code says present; null takes it from the leaf.</param>
    public FaultContext Fault(
        ulong gfn,
        bool write,
        Action? beforeLookup = null,
        Action? beforeLock = null,
        Action? duringLookup = null,
        LookupFact fact = LookupFact.Found,
        bool shadow = false,
        FaultAccess access = FaultAccess.None,
        ulong gva = 0,
        bool? present = null)
    {
        ulong leaf = _model.Leaf(0, 0, gfn, out int leafLevel);
        access |= (shadow ? FaultAccess.Shadow : 0) | (write ? FaultAccess.Write : 0) | (present ?? SpteLayout.IsPresent(leaf) ? FaultAccess.Present : 0)
            | (SpteLayout.IsMmio(leaf) ? FaultAccess.Reserved : 0);
        bool met = _arm64 && (access & FaultAccess.Present) != 0;
        Step(OperationKind.FaultBegin, gfn << 12, (ulong)access, met ? (ulong)leafLevel : gva);
        beforeLookup?.Invoke();
        BreakCopyOnWrite(gfn, write);
        duringLookup?.Invoke();
        Step(OperationKind.FaultLookup, (ulong)fact);
        beforeLock?.Invoke();
        Step(OperationKind.FaultMap);
        _faults++;
        return _results[^1].Fault;
    }

    /// <summary>A whole fault of another vCPU, in the middle of one that is under way.</summary>
    public FaultContext FaultOfAnotherVcpu(ulong gfn, bool write)
    {
        _open = 1;
        FaultContext fault = Fault(gfn, write);
        _open = 0;
        return fault;
    }

    private void BreakCopyOnWrite(ulong gfn, bool write)
    {
        Memslot slot = _slots[1];
        if (!write || gfn < slot.BaseGfn || gfn >= slot.EndGfn || !_copyOnWrite.Remove(slot.Hva(gfn), out ulong copy))
        {
            return;
        }

        ulong hva = slot.Hva(gfn);
        WindowBegins(hva, hva + 4096);
        WindowEnds(hva, hva + 4096);
        Pte(hva, copy, writable: true);
    }

    /// <summary>A fault whose recorded snapshot of mmu_invalidate_seq is <paramref name="seq"/>.</summary>
    public FaultContext SnapshotOf(ulong gfn, ulong seq)
    {
        Step(OperationKind.FaultBegin, gfn << 12, (ulong)FaultAccess.Write);
        Step(OperationKind.FaultLookup, (ulong)LookupFact.Found, seq + 1);
        Step(OperationKind.FaultMap);
        _faults++;
        return _results[^1].Fault;
    }

    /// <summary>A fault that ends in FIXED, and a window over its page that begins somewhere around its check.</summary>
    public FaultContext FaultBesideWindow(ulong gfn, ulong start, ulong end)
    {
        const int Places = 1000;
        const long Window = 1;
        Operation step = new() { Open = _open, FaultId = _faults };
        Operation window = new() { Open = -1, FaultId = Window, A = start, B = end, After = Places + 3, Before = Places + 6 };
        _model.Execute(
        [
            step with { Kind = OperationKind.FaultBegin, A = gfn << 12, B = (ulong)FaultAccess.Write, After = Places + 1, Before = Places + 1 },
            step with { Kind = OperationKind.FaultLookup, A = (ulong)LookupFact.Found, After = Places + 2, Before = Places + 2 },
            window with { Kind = OperationKind.WindowOpening },
            window with { Kind = OperationKind.WindowBegin },
            step with { Kind = OperationKind.FaultMap, After = Places + 4, Before = Places + 5, D = (ulong)FaultOutcome.Fixed + 1 },
        ], _results);
        _faults++;
        return _results[^1].Fault;
    }

    private FaultContext Caller(OperationKind kind, ulong gfn)
    {
        Execute(new Operation { Kind = kind, Open = 9, FaultId = -1, A = gfn });
        return _results[^1].Fault;
    }

    private void Step(OperationKind kind, ulong a = 0, ulong b = 0, ulong d = 0) =>
        Execute(new Operation { Kind = kind, Open = _open, FaultId = _faults, A = a, B = b, D = d });

    private Scenario Do(OperationKind kind, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0)
    {
        Execute(new Operation { Kind = kind, Open = -1, FaultId = -1, A = a, B = b, C = c, D = d });
        return this;
    }

    private void Execute(Operation operation) => _model.Execute([operation], _results);
}
