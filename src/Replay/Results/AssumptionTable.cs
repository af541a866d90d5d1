using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.AssumptionRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>assumptions</c>.</summary>
/// <param name="Assumption">AS-n of spec 16, or what else is inferred: writable, outcome, observed.</param>
/// <param name="Value">known, inferred, assumed or unknown.</param>
/// <param name="Share">The part of what the assumption is about that it covers, 0 to 1; null if nothing is countable.</param>
/// <param name="Detail">One sentence.</param>
/// <param name="Price">Where facts were inferred that probes of the same trace show: how many, and how many are the same.</param>
internal sealed record AssumptionRow(string TraceId, string Assumption, string Value, double? Share, string Detail, PricedInference? Price);

/// <summary>The <c>assumptions</c> table: what the verdicts rest on besides the records (spec 16).</summary>
internal static class AssumptionTable
{
    public static ResultTable<AssumptionRow> Open(string path) => new(
        path,
        Text("trace_id", row => row.TraceId),
        Text("assumption", row => row.Assumption),
        Text("value", row => row.Value),
        NumberOrNull("share", row => row.Share),
        Text("detail", row => row.Detail),
        NumberOrNull("inferred", row => row.Price?.Inferred),
        NumberOrNull("equal", row => row.Price?.Equal),
        NumberOrNull("error", row => row.Price?.Error));
}
