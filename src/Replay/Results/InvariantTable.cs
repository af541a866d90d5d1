using TraceReplay.Replay.Invariants;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.InvariantRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>invariants</c>.</summary>
/// <param name="Model">A model's name, or `kernel`: the captured kernel's own records.</param>
/// <param name="Checked">How often the trace came to a point at which the invariant can be judged.</param>
/// <param name="ByDesign">Breaches in which the model's design consists; they stand in no other column.</param>
/// <param name="Note">Why it was never checked; null if it was.</param>
internal sealed record InvariantRow(string TraceId, string Model, string? Setting, Invariant Invariant, long Checked, long Violated, long Violable, long ByDesign, string? Note)
{
    public long Held => Math.Max(0, Checked - Violated - Violable - ByDesign);
}

/// <summary>The <c>invariants</c> table: how often each invariant was checked, held and broken; all of them, also those never checked.</summary>
internal static class InvariantTable
{
    public static ResultTable<InvariantRow> Open(string path) => new(
        path,
        Text("trace_id", row => row.TraceId),
        Text("model", row => row.Model),
        TextOrNull("setting", row => row.Setting),
        Text("invariant", row => row.Invariant.Id),
        Text("name", row => row.Invariant.Name),
        Number("checked", row => row.Checked),
        Number("held", row => row.Held),
        Number("violated", row => row.Violated),
        Number("violable", row => row.Violable),
        Number("by_design", row => row.ByDesign),
        TextOrNull("note", row => row.Note));

    public static void Write(ResultTable<InvariantRow> table, string traceId, string model, string? setting, InvariantTally tally)
    {
        foreach (Invariant invariant in InvariantList.All)
        {
            bool records = model == InvariantList.KernelName;
            CheckPoint point = records ? invariant.InRecords : invariant.Models.Contains(model) ? invariant.InModels : CheckPoint.Never;
            long times = tally.Checked(point);
            string? note = times > 0 ? null
                : invariant.NotEvaluated is { } reason ? reason
                : point != CheckPoint.Never ? $"never came up here; it needs {invariant.Needs}"
                : $"not of this: it is evaluated on {invariant.EvaluatedOn}";
            table.Add(new InvariantRow(traceId, model, setting, invariant, times, tally.Violated(invariant), tally.Violable(invariant), tally.ByDesign(invariant), note));
        }
    }
}
