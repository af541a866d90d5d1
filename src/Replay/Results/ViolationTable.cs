using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Timeline;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.ViolationRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>violations</c>; one object for all rows, filled anew.</summary>
internal sealed class ViolationRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public IFaultModel Model = null!;
    public Invariant Invariant = null!;
    public bool Certain;
    public ObservedFault Fault;
    public FaultContext Context;
}

/// <summary>The <c>violations</c> table: breaches of the invariants that are evaluated at the end of each fault.</summary>
internal sealed class ViolationTable(string path, string traceId) : IDisposable
{
    private readonly ViolationRow _row = new(traceId);
    private readonly ResultTable<ViolationRow> _table = new(
        path,
        Text("trace_id", row => row.TraceId),
        Text("model", row => row.Model.Name),
        Text("invariant", row => row.Invariant.Id),
        Text("name", row => row.Invariant.Name),
        Text("verdict", row => row.Certain ? "violated" : "violable"),
        NumberOrNull<long>("fault_id", row => row.Fault.FaultId),
        Number("seq", row => row.Fault.Seq),
        Number("ts_ns", row => row.Fault.Time),
        Number("vm", row => row.Fault.Vm),
        Number("gfn", row => row.Fault.Gpa >> 12),
        NumberOrNull<ulong>("pfn", row => State.SpecialPfn.IsError(row.Context.Pfn) ? null : row.Context.Pfn),
        Text("detail", row => row.Invariant.Statement));

    public void Add(IFaultModel model, in ObservedFault fault, in FaultContext context)
    {
        if ((context.Violated | context.Violable) == 0)
        {
            return;
        }

        _row.Model = model;
        _row.Fault = fault;
        _row.Context = context;
        foreach (Invariant invariant in InvariantList.All)
        {
            if (((context.Violated | context.Violable) & invariant.Bit) != 0)
            {
                _row.Invariant = invariant;
                _row.Certain = (context.Violated & invariant.Bit) != 0;
                _table.Add(_row);
            }
        }
    }

    public void Complete() => _table.Complete();

    public void Dispose() => _table.Dispose();
}
