using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Cost.CostCountRow>;

namespace TraceReplay.Replay.Cost;

/// <summary>A row of <c>cost_counts</c>; one object for all rows, filled anew.</summary>
internal sealed class CostCountRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public IFaultModel Model = null!;

    public CostRow Cost;
}

/// <summary>The <c>cost_counts</c> table: operations of spec section 12 for each fault and each work of the host, by model.</summary>
internal static class CostCountTable
{
    public static ResultTable<CostCountRow> Open(string path) => new(
        path,
        [
            Text("trace_id", row => row.TraceId),
            Text("model", row => row.Model.Name),
            Text("setting", row => row.Model.Settings.Name),
            NumberOrNull<long>("fault_id", row => row.Cost.FaultId < 0 ? null : row.Cost.FaultId),
            Number("seq", row => row.Cost.Seq),
            Text("work", row => Work(row.Cost.Work)),
            TextOrNull("path", row => OutcomeTable.Path(row.Cost.Path)),
            TextOrNull("outcome", row => row.Cost.FaultId < 0 ? null : row.Cost.Outcome.Name()),
            TextOrNull("page_kind", row => row.Cost.FaultId < 0 ? null : row.Cost.Kind.Key()),
            TextOrNull("access", row => row.Cost.FaultId < 0 ? null : Access(row.Cost.Access)),
            Number("leaves", row => row.Cost.Leaves),
            .. Enum.GetValues<CostOperation>().Select(operation => Number(CostOperations.Names[(int)operation], row => row.Cost.Counts[operation])),
        ]);

    /// <summary>The kind of work as the tables spell it.</summary>
    public static string Work(OperationKind kind) => kind switch
    {
        OperationKind.FaultMap => "fault",
        OperationKind.WindowBegin => "window_begin",
        OperationKind.WindowEnd => "window_end",
        OperationKind.SlotInvalidate or OperationKind.ZapAll => "zap_all",
        OperationKind.ZapLeaf => "zap_leaf",
        OperationKind.WriteProtect or OperationKind.ClearDirty => "dirty_log",
        OperationKind.SplitHuge => "split",
        OperationKind.CollapseHuge => "collapse",
        OperationKind.Age => "age",
        OperationKind.VcpuMap or OperationKind.VcpuUnmap => "vcpu_map",
        OperationKind.PrefetchNeighbours => "prefetch",
        _ => "other",
    };

    private static string Access(FaultAccess access) => FaultTable.Access(access);
}
