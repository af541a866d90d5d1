using TraceReplay.Ingest.Dataset;
using TraceReplay.TraceCmdCompare;

namespace TraceReplay.PerfScriptCompare;

/// <summary>All events of one capture of a dataset, in the order of <c>seq</c>.</summary>
internal sealed class DatasetRows : IDisposable
{
    private readonly PriorityQueue<(string Name, TableRows Rows), long> _next = new();
    private readonly List<TableRows> _open = [];
    private (string Name, TableRows Rows)? _at;

    public DatasetRows(string dataset, string traceId)
    {
        DatasetReader reader = DatasetReader.Open(dataset);
        foreach (string name in reader.Traces.Single(t => t.TraceId == traceId).EventCounts.Keys)
        {
            TableRows rows = new(reader.EventPath(traceId, name));
            _open.Add(rows);
            Queue(name, rows);
        }
    }

    /// <summary>The table of the event at hand, <c>system.event</c>.</summary>
    public string Event => _at!.Value.Name;

    public object? this[string column] => _at!.Value.Rows[column];

    public bool Has(string column) => _at!.Value.Rows.Columns.Contains(column);

    public bool MoveNext()
    {
        if (_at is { } before)
        {
            Queue(before.Name, before.Rows);
        }

        _at = _next.TryDequeue(out (string, TableRows) next, out _) ? next : null;
        return _at is not null;
    }

    public void Dispose() => _open.ForEach(r => r.Dispose());

    private void Queue(string name, TableRows rows)
    {
        if (rows.Next())
        {
            _next.Enqueue((name, rows), (long)rows["seq"]!);
        }
    }
}
