using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>Decides nothing and reports every fault all the same: what it takes is the harness's own cost.</summary>
internal sealed class NullModel : IFaultModel
{
    public string Name => "null";

    public ModelSettings Settings => ModelSettings.Kernel61;

    public PageLedger Pages { get; } = new();

    public InvariantTally Invariants { get; } = new();

    public ObservationChecks? Checks { get; set; }

    public bool WindowsUntold { get; set; }

    public bool FollowsUntold { get; set; }

    public void Execute(ReadOnlySpan<Operation> operations, List<FaultResult> results)
    {
        foreach (ref readonly Operation op in operations)
        {
            if (op.Kind == OperationKind.FaultMap)
            {
                results.Add(new FaultResult { FaultId = op.FaultId });
            }
        }
    }

    public bool TakeDirtyLog(int vm, int asId, ulong gfn) => false;

    public ulong Leaf(int vm, int asId, ulong gfn, out int level)
    {
        level = 1;
        return 0;
    }
}
