using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Cost.Measuring;
using TraceReplay.Replay.Results;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Cost.Measuring.MeasuredRow>;

namespace TraceReplay.Analysis.Cost;

/// <summary>The <c>cost_measured</c> table.</summary>
internal static class MeasuredTable
{
    public static SealedFile Write(string path, string traceId, IReadOnlyList<MeasuredRow> rows)
    {
        using ResultTable<MeasuredRow> table = new(
            path,
            Text("trace_id", _ => traceId),
            Text("model", row => row.Model),
            Text("setting", row => row.Setting),
            Text("path", row => row.Path),
            NumberOrNull("alike", row => row.Alike),
            Number("units", row => row.Units),
            Number("repetitions", row => row.Repetitions),
            Number("ns", row => row.Ns),
            Number("harness_ns", row => row.HarnessNs),
            NumberOrNull("ratio", row => row.Ratio?.Value),
            NumberOrNull("ratio_low", row => row.Ratio?.Low),
            NumberOrNull("ratio_high", row => row.Ratio?.High),
            Text("verdict", row => row.Model == "current" ? MeasuredRow.Baseline : row.Verdict),
            Number("left_out", row => row.LeftOut),
            NumberOrNull("instructions", row => row.Instructions),
            NumberOrNull("cache_misses", row => row.CacheMisses));
        foreach (MeasuredRow row in rows)
        {
            table.Add(row);
        }

        return table.Seal();
    }
}
