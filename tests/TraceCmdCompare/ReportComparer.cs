using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.TraceCmdCompare;

/// <param name="Lossy">Field values that the report does not show.</param>
/// <param name="Differences">The first ones, in words.</param>
public sealed record CompareResult(long Events, long Fields, long Lost, long Lossy, IReadOnlyList<string> Differences)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(Differences.Count == 0 ? "equal" : "DIFFERENT")}: {Events} events, {Fields} field values, {Lost} holes, {Lossy} values that the report does not show");
}

/// <summary>
/// Compares what an ingest wrote with what <c>trace-cmd report -R -t</c> printed for the same file: number and order of events,
/// time stamp, CPU, pid, comm, instance, name, every field, and the lost records.
/// </summary>
public static partial class ReportComparer
{
    private const int MaxDifferences = 20;

    private static readonly HashSet<string> s_leading = new(["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "instance", "date", "host"], StringComparer.OrdinalIgnoreCase);

    public static CompareResult Compare(string capture, TextReader report)
    {
        string dataset = Path.Combine(Path.GetTempPath(), "tracereplay-compare-" + Path.GetRandomFileName());
        try
        {
            IngestResult ingested = Ingestor.Ingest(capture, dataset, new IngestOptions());
            using ICapture open = CaptureFormats.Open(capture);
            return new Comparison(DatasetReader.Open(dataset), ingested.TraceId, open.Info).Run(report);
        }
        finally
        {
            if (Directory.Exists(dataset))
            {
                Directory.Delete(dataset, recursive: true);
            }
        }
    }

    [GeneratedRegex(@"^(?<comm>.*)-(?<pid>\d+)\s+\[(?<cpu>\d+)\]\s*(?<ts>[\d.]+): (?<event>[^ :]+): ?(?<fields>.*)$", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex EventLine();

    [GeneratedRegex(@"^(?:\S+: *)?CPU:(?<cpu>\d+) \[(?:(?<n>\d+) )?EVENTS DROPPED\]$", RegexOptions.CultureInvariant)]
    private static partial Regex LostLine();

    private sealed class Comparison(DatasetReader dataset, string traceId, CaptureInfo info)
    {
        private readonly List<string> _differences = [];
        private readonly List<EventTableRows> _tables = [];
        private readonly Dictionary<string, (EventFormat Format, (EventField Field, string Column)[] Fields)> _formats = [];
        private readonly FieldText _text = new(info.Symbols);
        private readonly PriorityQueue<EventTableRows, long> _next = new();
        private long _events;
        private long _fields;
        private long _holes;

        public CompareResult Run(TextReader report)
        {
            TraceManifest manifest = dataset.Traces.Single(t => t.TraceId == traceId);
            foreach (string name in manifest.EventCounts.Keys)
            {
                EventTableRows rows = new(name, new TableRows(dataset.EventPath(traceId, name)));
                rows.Next();
                _tables.Add(rows);
                _next.Enqueue(rows, rows.Seq);
                EventFormat format = info.Events.All.First(f => f.FullName == name);
                _formats[name] = (format, [.. format.Fields.Where(f => !f.Common).Select(f => (f, s_leading.Contains(f.Name) ? "field_" + f.Name : f.Name))]);
            }

            LostRows lost = new(dataset.TraceTablePath(traceId, DatasetLayout.LostEvents));
            string? pending = null;
            List<(int Cpu, long? Count)> holes = [];
            foreach (string line in Lines(report))
            {
                if (pending is not null && !EventLine().IsMatch(line) && !LostLine().IsMatch(line))
                {
                    pending += "\n" + line;
                    continue;
                }

                Flush(ref pending, holes, lost);
                Match hole = LostLine().Match(line);
                if (hole.Success)
                {
                    holes.Add((int.Parse(hole.Groups["cpu"].Value, CultureInfo.InvariantCulture), hole.Groups["n"].Success ? long.Parse(hole.Groups["n"].Value, CultureInfo.InvariantCulture) : null));
                }
                else if (EventLine().IsMatch(line))
                {
                    pending = line;
                }
                else if (!line.StartsWith("cpus=", StringComparison.Ordinal) && !line.EndsWith("is empty", StringComparison.Ordinal) && line.Length > 0)
                {
                    Differ($"a line of the report is not understood: {line}");
                }
            }

            Flush(ref pending, holes, lost);
            if (_next.Count > 0 && _next.Peek().Seq != long.MaxValue)
            {
                Differ($"the dataset has more events than the report: {_events} there, {manifest.Events} here");
            }

            if (lost.Remaining > 0)
            {
                Differ($"the dataset has {lost.Remaining} more holes than the report");
            }

            _tables.ForEach(t => t.Rows.Dispose());
            return new CompareResult(_events, _fields, _holes, _text.Lossy, _differences);
        }

        private static IEnumerable<string> Lines(TextReader reader)
        {
            while (reader.ReadLine() is { } line)
            {
                yield return line;
            }
        }

        private void Flush(ref string? line, List<(int Cpu, long? Count)> holes, LostRows lost)
        {
            if (line is null)
            {
                return;
            }

            CompareEvent(line, holes, lost);
            holes.Clear();
            line = null;
        }

        private void CompareEvent(string line, List<(int Cpu, long? Count)> holes, LostRows lost)
        {
            _events++;
            if (!_next.TryDequeue(out EventTableRows? rows, out long seq) || seq == long.MaxValue)
            {
                Differ($"the report has more events than the dataset, first: {line}");
                return;
            }

            if (seq != _events - 1)
            {
                Differ($"event {_events - 1} of the dataset has seq {seq}");
            }

            (EventFormat format, (EventField Field, string Column)[] fields) = _formats[rows.FullName];
            Match m = EventLine().Match(line);
            string head = m.Groups["comm"].Value;
            string instance = rows.Rows.Columns.Contains("instance") ? (string)rows.Rows["instance"]! : "";
            if (instance.Length > 0)
            {
                Check(head.StartsWith(instance + ":", StringComparison.Ordinal), line, "instance", instance);
                head = head[(head.IndexOf(':', StringComparison.Ordinal) + 1)..];
            }

            long ts = (long)rows.Rows["ts_ns"]!;
            Check(head.TrimStart() == ((string?)rows.Rows["comm"] ?? "<...>"), line, "comm", rows.Rows["comm"]);
            Check(m.Groups["pid"].Value == Text(rows.Rows["pid"]), line, "pid", rows.Rows["pid"]);
            Check(int.Parse(m.Groups["cpu"].Value, CultureInfo.InvariantCulture) == (int)rows.Rows["cpu"]!, line, "cpu", rows.Rows["cpu"]);
            Check(long.Parse(m.Groups["ts"].Value.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) == ts, line, "ts_ns", ts);
            Check(m.Groups["event"].Value == format.Name, line, "event", rows.FullName);
            CompareFields(rows, fields, m.Groups["fields"].Value, line);
            foreach ((int cpu, long? count) in holes)
            {
                _holes++;
                (int Cpu, long? Count, long? Ts)? found = lost.Take();
                if (found is not { } f || f.Cpu != cpu || f.Count != count || f.Ts != ts)
                {
                    Differ($"lost records: the report has CPU {cpu} [{Text(count)}] before {ts}, the dataset {found}");
                }
            }

            rows.Next();
            _next.Enqueue(rows, rows.Seq);
        }

        private void CompareFields(EventTableRows rows, (EventField Field, string Column)[] fields, string text, string line)
        {
            int at = 0;
            for (int i = 0; i < fields.Length; i++)
            {
                string key = " " + fields[i].Field.Name + "=";
                int start = i == 0 ? (" " + text).IndexOf(key, StringComparison.Ordinal) : text.IndexOf(key, at, StringComparison.Ordinal) + 1;
                if (start < 0 || (i > 0 && start == 0))
                {
                    Differ($"field {fields[i].Field.Name} is not in the report: {line}");
                    return;
                }

                start += key.Length - 1;
                int end = i + 1 < fields.Length ? text.IndexOf(" " + fields[i + 1].Field.Name + "=", start, StringComparison.Ordinal) : text.Length;
                end = end < 0 ? text.Length : end;
                object? value = rows.Rows[fields[i].Column];
                _fields++;
                Check(_text.Matches(rows.FullName, fields[i].Field, value, text.AsSpan(start, end - start)), line, fields[i].Column, value);
                at = end;
            }
        }

        private void Check(bool equal, string line, string column, object? value)
        {
            if (!equal)
            {
                Differ($"{column} is {(value is byte[] b ? Convert.ToHexString(b) : Text(value))}: {line}");
            }
        }

        private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } s ? s : "NULL";

        private void Differ(string what)
        {
            if (_differences.Count < MaxDifferences)
            {
                _differences.Add(what);
            }
        }
    }

    private sealed class EventTableRows(string fullName, TableRows rows)
    {
        public string FullName => fullName;

        public TableRows Rows => rows;

        /// <summary>Position of the current row; long.MaxValue at the end.</summary>
        public long Seq { get; private set; }

        public void Next() => Seq = rows.Next() ? (long)rows["seq"]! : long.MaxValue;
    }

    private sealed class LostRows
    {
        private readonly Queue<(int Cpu, long? Count, long? Ts)> _rows = [];

        public LostRows(string path)
        {
            using TableRows table = new(path);
            while (table.Next())
            {
                _rows.Enqueue(((int)table["cpu"]!, (long?)table["count"], (long?)table["ts_ns"]));
            }
        }

        public int Remaining => _rows.Count;

        public (int Cpu, long? Count, long? Ts)? Take() => _rows.TryDequeue(out (int, long?, long?) row) ? row : null;
    }
}
