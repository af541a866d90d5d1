using Parquet;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Timeline;

/// <summary>Finds the tables of a trace that the timeline understands.</summary>
internal static class TraceEvents
{
    /// <param name="reader">The dataset.</param>
    /// <param name="trace">The trace.</param>
    /// <param name="ignoreProbes">Leave the probe events out.</param>
    /// <param name="kinds">The kinds wanted; null = all that the catalog knows.</param>
    public static EventStream Open(DatasetReader reader, TraceManifest trace, bool ignoreProbes, IReadOnlySet<EventKind>? kinds = null) =>
        Open(reader, trace, ignoreProbes, EventCatalog.All.Concat(X86.ExitFaults.Sources(trace)).Where(source => kinds?.Contains(source.Kind) ?? true));

    /// <summary>As the other, for a reader that asks for other fields than the timeline does.</summary>
    public static EventStream Open(DatasetReader reader, TraceManifest trace, bool ignoreProbes, IEnumerable<EventSource> sources)
    {
        List<ProbeSite> sites = ignoreProbes ? [] : ReadProbeSites(reader, trace);
        List<EventCursor> cursors = [];
        foreach (EventSource source in sources)
        {
            string? path = source.Event is { } name ? reader.EventPath(trace.TraceId, name) : BestProbe(reader, trace, source, sites);
            if (path is not null && File.Exists(path))
            {
                cursors.Add(EventCursor.Open(path, source));
            }
        }

        return new EventStream(cursors);
    }

    /// <summary>The trace has probes on the memslot calls or on the lookup.</summary>
    public static bool HasProbes(DatasetReader reader, TraceManifest trace)
    {
        List<ProbeSite> sites = ReadProbeSites(reader, trace);
        return EventCatalog.All.Any(source => source.Kind is EventKind.SetRegion or EventKind.Faultin or EventKind.GfnToPfn or EventKind.UserMemAbort or EventKind.S2Map && BestProbe(reader, trace, source, sites) is not null);
    }

    /// <summary>Of several probes on one function (kprobe and fprobe, say) the one that records most of what is asked for.</summary>
    private static string? BestProbe(DatasetReader reader, TraceManifest trace, EventSource source, List<ProbeSite> sites)
    {
        string? best = null;
        int bestColumns = -1;
        foreach (ProbeSite site in sites)
        {
            if (site.IsReturn != source.IsReturn || !source.Functions.Contains(WithoutSuffix(site.Function)))
            {
                continue;
            }

            string path = reader.EventPath(trace.TraceId, site.Event);
            if (!File.Exists(path))
            {
                continue;
            }

            using RowSource table = RowSource.Open(path, source.Columns);
            int columns = Enumerable.Range(0, source.Columns.Length).Count(table.Has);
            if (columns > bestColumns)
            {
                bestColumns = columns;
                best = path;
            }
        }

        return best;
    }

    // The compiler's copies of a function: name.isra.0, name.constprop.0.
    private static string WithoutSuffix(string function)
    {
        int dot = function.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? function : function[..dot];
    }

    /// <summary>The functions that probes sit on, as far as the capture tells.</summary>
    public static IReadOnlySet<string> ProbedFunctions(DatasetReader reader, TraceManifest trace, bool ignoreProbes) =>
        ignoreProbes ? new HashSet<string>() : ReadProbeSites(reader, trace).Where(site => !site.Assumed).Select(site => WithoutSuffix(site.Function)).ToHashSet();

    /// <summary>Probes that the timeline takes for what their names say, as no symbol tells where they sit.</summary>
    public static int CountAssumedProbes(DatasetReader reader, TraceManifest trace, bool ignoreProbes) =>
        ignoreProbes ? 0 : ReadProbeSites(reader, trace).Where(site => site.Assumed).Select(site => site.Event).Distinct().Count();

    private static List<ProbeSite> ReadProbeSites(DatasetReader reader, TraceManifest trace)
    {
        string path = reader.TraceTablePath(trace.TraceId, DatasetLayout.ProbeSites);
        List<ProbeSite> sites = [];
        if (!File.Exists(path))
        {
            return sites;
        }

        using ParquetTable table = ParquetTable.Open(path);
        long[] isReturn = [];
        for (int g = 0; g < table.RowGroups; g++)
        {
            using ParquetRowGroupReader group = table.OpenRowGroup(g);
            int rows = checked((int)group.RowCount);
            string?[] events = table.ReadTexts(group, table.Require("event"));
            string?[] functions = table.ReadTexts(group, table.Require("function"));
            table.ReadIntegers(group, table.Require("is_return"), ref isReturn, rows);
            for (int i = 0; i < rows; i++)
            {
                if (events[i] is { } name && (functions[i] ?? EventCatalog.FunctionByDefinition(name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..])) is { } function)
                {
                    sites.Add(new ProbeSite(name, function, isReturn[i] != 0, Assumed: functions[i] is null));
                }
            }
        }

        return sites;
    }

    private sealed record ProbeSite(string Event, string Function, bool IsReturn, bool Assumed);
}
