using System.Globalization;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Views;

/// <summary>The files of one trace's events. The views would open those of every trace of the dataset.</summary>
internal sealed class EventFiles
{
    private readonly string _dataset;
    private readonly string _traceId;
    private readonly DateOnly _date;
    private readonly string _host;

    public EventFiles(DatasetSession session, string traceId)
    {
        _dataset = session.Dataset;
        _traceId = traceId;
        (_date, _host) = session.Select(
            "SELECT date, host FROM traces WHERE trace_id = $id",
            r => (DateOnly.Parse(r.GetValue(0).ToString()!, CultureInfo.InvariantCulture), r.GetString(1)),
            ("id", traceId))[0];
    }

    /// <summary>The kinds of events that the dataset has files of, as <c>system.event</c>, in order.</summary>
    public IEnumerable<string> Kinds()
    {
        string folder = Path.Combine(_dataset, DatasetLayout.Events);
        return Directory.Exists(folder) ? Directory.EnumerateDirectories(folder).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal) : [];
    }

    /// <summary>The trace's own file of a kind; once compacted, its day's parts, which hold rows of other traces too.</summary>
    public IEnumerable<string> Of(string kind)
    {
        string own = DatasetLayout.Event(_dataset, kind, _date, _host, _traceId);
        string day = CompactedLayout.Day(_dataset, $"{DatasetLayout.Events}/{kind}", _date);
        return File.Exists(own) ? [own] : Directory.Exists(day) ? Directory.EnumerateFiles(day, "*.parquet").Order(StringComparer.Ordinal) : [];
    }
}
