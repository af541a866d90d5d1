using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models;

/// <summary>A model that executes the timeline. One call a batch, so that the hot path inside has no virtual call.</summary>
public interface IFaultModel
{
    string Name { get; }

    ModelSettings Settings { get; }

    PageLedger Pages { get; }

    /// <summary>What the checks of spec 11 found in this model.</summary>
    InvariantTally Invariants { get; }

    /// <summary>Where the model compares itself with records; null if it is not the captured kernel's.</summary>
    ObservationChecks? Checks { get; set; }

    /// <summary>Notifier windows were not recorded, and there were some: any check may have met one.</summary>
    bool WindowsUntold { get; set; }

    /// <summary>Followed leaves were not recorded: whether an unknown VMA's page came by GUP or is a driver's, another model can only assume.</summary>
    bool FollowsUntold { get; set; }

    /// <summary>Executes operations in order; each fault that ends is appended to <paramref name="results"/>.</summary>
    void Execute(ReadOnlySpan<Operation> operations, List<FaultResult> results);

    /// <summary>Takes the gfn's entry out of its memslot's dirty log, as KVM_CLEAR_DIRTY_LOG does; false if it had none.</summary>
    bool TakeDirtyLog(int vm, int asId, ulong gfn);

    /// <summary>The leaf that translates <paramref name="gfn"/> now, 0 if none.</summary>
    ulong Leaf(int vm, int asId, ulong gfn, out int level);
}

/// <summary>What a model says of one fault; the row of the <c>outcomes</c> view.</summary>
public struct FaultResult
{
    public long FaultId;
    public FaultContext Fault;
}
