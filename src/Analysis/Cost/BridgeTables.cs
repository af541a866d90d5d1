using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Results;

namespace TraceReplay.Analysis.Cost;

/// <summary>A row of <c>cost_prices</c>: one operation on one machine and kernel.</summary>
internal sealed record PriceRow(
    string TraceId, string Kernel, string Host, int Traces, string Operation, double? Price, double? Low, double? High, long Faults, int Cells, double R2, string Note);

/// <summary>A row of <c>cost_predictions</c>: what a model would take for the faults of one trace, path and page kind.</summary>
internal sealed record PredictionRow(
    string TraceId, string Scenario, string? Path, string? PageKind, string Model, long Faults, double Captured, double? Predicted, double? Ratio, double? Low, double? High,
    string? ObservedTrace, double? Observed, double? ObservedRatio, double? ObservedLow, double? ObservedHigh, string Verdict);

/// <summary>Writes the bridge's tables.</summary>
internal static class BridgeTables
{
    public static SealedFile Write(string path, IEnumerable<PriceRow> rows) => Fill(rows, new ResultTable<PriceRow>(
        path,
        ResultColumn<PriceRow>.Text("trace_id", row => row.TraceId),
        ResultColumn<PriceRow>.Text("kernel", row => row.Kernel),
        ResultColumn<PriceRow>.Text("host", row => row.Host),
        ResultColumn<PriceRow>.Number("traces", row => row.Traces),
        ResultColumn<PriceRow>.Text("operation", row => row.Operation),
        ResultColumn<PriceRow>.NumberOrNull("price_ns", row => row.Price),
        ResultColumn<PriceRow>.NumberOrNull("low_ns", row => row.Low),
        ResultColumn<PriceRow>.NumberOrNull("high_ns", row => row.High),
        ResultColumn<PriceRow>.Number("faults", row => row.Faults),
        ResultColumn<PriceRow>.Number("cells", row => row.Cells),
        ResultColumn<PriceRow>.Number("r2", row => row.R2),
        ResultColumn<PriceRow>.Text("note", row => row.Note)));

    public static SealedFile Write(string path, IEnumerable<PredictionRow> rows) => Fill(rows, new ResultTable<PredictionRow>(
        path,
        ResultColumn<PredictionRow>.Text("trace_id", row => row.TraceId),
        ResultColumn<PredictionRow>.Text("scenario", row => row.Scenario),
        ResultColumn<PredictionRow>.TextOrNull("path", row => row.Path),
        ResultColumn<PredictionRow>.TextOrNull("page_kind", row => row.PageKind),
        ResultColumn<PredictionRow>.Text("model", row => row.Model),
        ResultColumn<PredictionRow>.Number("faults", row => row.Faults),
        ResultColumn<PredictionRow>.Number("captured_ns", row => row.Captured),
        ResultColumn<PredictionRow>.NumberOrNull("predicted_ns", row => row.Predicted),
        ResultColumn<PredictionRow>.NumberOrNull("predicted_ratio", row => row.Ratio),
        ResultColumn<PredictionRow>.NumberOrNull("predicted_low", row => row.Low),
        ResultColumn<PredictionRow>.NumberOrNull("predicted_high", row => row.High),
        ResultColumn<PredictionRow>.TextOrNull("observed_trace", row => row.ObservedTrace),
        ResultColumn<PredictionRow>.NumberOrNull("observed_ns", row => row.Observed),
        ResultColumn<PredictionRow>.NumberOrNull("observed_ratio", row => row.ObservedRatio),
        ResultColumn<PredictionRow>.NumberOrNull("observed_low", row => row.ObservedLow),
        ResultColumn<PredictionRow>.NumberOrNull("observed_high", row => row.ObservedHigh),
        ResultColumn<PredictionRow>.Text("verdict", row => row.Verdict)));

    private static SealedFile Fill<TRow>(IEnumerable<TRow> rows, ResultTable<TRow> table)
        where TRow : class
    {
        using (table)
        {
            foreach (TRow row in rows)
            {
                table.Add(row);
            }

            return table.Seal();
        }
    }
}
