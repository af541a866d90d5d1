using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Cost.Measuring;
using TraceReplay.Replay.Results;

namespace TraceReplay.Analysis.Cost;

/// <summary>Fills the cost tables of a dataset: counts, measured times, traced latencies, prices and predictions.</summary>
public static class CostRunner
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceIds">Traces whose cost is asked for; prices rest on these alone.</param>
    /// <param name="measure">How models are measured; null = not at all.</param>
    /// <param name="begin">Is told each trace before its work begins.</param>
    /// <param name="end">Is called when it is done.</param>
    /// <param name="ct">Stops the work; what is told of a trace appears whole or not at all.</param>
    /// <exception cref="AnalysisException">The directory is not a dataset, or a view cannot be read.</exception>
    public static void Run(string dataset, IReadOnlyList<string> traceIds, MeasureOptions? measure, Action<string>? begin = null, Action? end = null, CancellationToken ct = default)
    {
        DatasetReader reader = DatasetReader.Open(dataset);
        List<CostedTrace> traces = [];
        using var compactor = new Compactor(dataset);
        foreach (string id in traceIds)
        {
            begin?.Invoke(id);
            if (reader.Traces.FirstOrDefault(t => t.TraceId == id) is not { } trace)
            {
                continue;
            }

            CostPassResult pass = compactor.WithOwnFiles(
                id,
                () =>
                {
                    List<SealedFile> files = [];
                    try
                    {
                        return Fill(reader, trace, measure, files, ct);
                    }
                    finally
                    {
                        files.ForEach(file => file.Dispose());
                    }
                },
                ct);
            traces.Add(new CostedTrace(trace, pass));
            end?.Invoke();
        }

        Bridge.Write(reader, traces, ct);
    }

    /// <summary>The tables of one trace, which get their names together.</summary>
    private static CostPassResult Fill(DatasetReader reader, TraceManifest trace, MeasureOptions? measure, List<SealedFile> files, CancellationToken ct)
    {
        string id = trace.TraceId;
        CostPassResult counted = CostPass.Run(reader.Directory, id, files, ct);
        List<TracedRow> traced = TracedCost.Of(counted);
        using (DatasetSession session = DatasetSession.Open(reader.Directory, ct))
        {
            traced.AddRange(TracedCost.OfFunctions(session, id));
        }

        files.Add(TracedCost.Write(reader.ResultPath(id, ResultTables.CostTraced), id, trace.ClockUnit, trace.Lost, traced));
        if (measure is not null)
        {
            files.Add(MeasuredTable.Write(reader.ResultPath(id, ResultTables.CostMeasured), id, MeasuredCost.OfTrace(reader.Directory, id, measure, ct)));
        }

        Placement.Place(reader.Directory, id, files);
        return counted;
    }
}

/// <summary>A trace and what its pass found.</summary>
internal sealed record CostedTrace(TraceManifest Manifest, CostPassResult Pass);
