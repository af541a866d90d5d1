using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle.Orders;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <summary>One fault on its way, and what came of it.</summary>
public sealed class Fault
{
    public required long Id { get; init; }

    public required int AsId { get; init; }

    public required ulong Gfn { get; init; }

    public required FaultAccess Access { get; init; }

    public bool Write => Access.HasFlag(FaultAccess.Write);

    public bool Shadow => Access.HasFlag(FaultAccess.Shadow);

    public bool Prefetch => Access.HasFlag(FaultAccess.Prefetch);

    /// <summary>arm64: level of the leaf that the CPU's walk met; 0 if none.</summary>
    public int MetLevel { get; init; }

    /// <summary>What its checks read, if somebody else knows.</summary>
    public Readings? Told { get; init; }

    // Taken at the start (spec 3.3, step 4).
    public ulong SeqSnapshot { get; set; }

    public uint Root { get; set; }

    public uint MemslotGeneration { get; set; }

    public Slot? Slot { get; set; }

    // Found by the lookup.
    public bool LookedUp { get; set; }

    /// <summary>hva_to_pfn was called: what a READONLY memslot refuses does not come that far.</summary>
    public bool MadeLookup { get; set; }

    /// <summary>It is behind all checks, with mmu_lock held.</summary>
    public bool ReachedLock { get; set; }

    public ulong LookupPfn { get; set; }

    public bool MapWritable { get; set; }

    /// <summary>The page on which this fault holds a reference; null if none.</summary>
    public ulong? HeldHead { get; set; }

    /// <summary>v11's accessed_page, merged's refcounted_page: the head of the page, whether or not a reference is held.</summary>
    public ulong? RefcountedHead { get; set; }

    /// <summary>The frame that `current` will release (spec 1.2, fix A).</summary>
    public ulong ReleasePfn { get; set; }

    // The row of outcomes.
    public bool Ended { get; private set; }

    public FaultOutcome Outcome { get; private set; }

    public ulong Pfn { get; set; }

    public int Level { get; set; } = 1;

    public bool Writable { get; set; }

    public int RefsGot { get; set; }

    public int RefsPut { get; set; }

    public int MarkedAccessed { get; set; }

    public int MarkedDirty { get; set; }

    public RetryCause RetryCause { get; private set; }

    public PageKind Kind { get; set; }

    public FaultPath Path { get; set; }

    public bool IsMapped => Outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious;

    public void End(FaultOutcome outcome)
    {
        Outcome = outcome;
        Ended = true;
    }

    public void Retry(RetryCause cause)
    {
        RetryCause = cause;
        End(FaultOutcome.Retry);
    }

    public void QueueAsync()
    {
        RetryCause = RetryCause.Async;
        End(FaultOutcome.Async);
    }

    /// <summary>The guest goes on with a leaf that is there.</summary>
    public void EndWith(FaultOutcome outcome, Spte leaf)
    {
        Level = leaf.Level;
        Writable = leaf.Writable;
        Pfn = leaf.Pfn + (Gfn % Oracle.Level.Pages(leaf.Level));
        End(outcome);
    }
}
