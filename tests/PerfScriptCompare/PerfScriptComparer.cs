using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.PerfScriptCompare;

/// <summary>Sets the rows of an ingest beside what perf made of the same file, one by one in perf's order.</summary>
internal sealed partial class PerfScriptComparer
{
    private const int MaxDifferences = 20;

    // Columns of the dataset's own; an event's field of that name has a prefix.
    private static readonly HashSet<string> s_leading = ["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "instance", "date", "host"];

    private long _fields;
    private long _lines;
    private long _textFields;

    public List<string> Differences { get; } = [];

    /// <summary>Compared so far.</summary>
    public long Events { get; private set; }

    public override string ToString() =>
        $"{Events} events and {_fields} fields as perf decodes them, {_lines} lines of text with {_textFields} named values; {Differences.Count} differences";

    /// <param name="fields">What <c>perf script -s fields.py</c> wrote.</param>
    /// <param name="text">What <c>perf script</c> printed; null if there is none.</param>
    public void Compare(string capture, TextReader fields, TextReader? text)
    {
        string dataset = Directory.CreateTempSubdirectory("tracereplay-compare-").FullName;
        try
        {
            IngestResult result = Ingestor.Ingest(capture, dataset, new IngestOptions());
            using DatasetRows rows = new(dataset, result.TraceId);
            while (fields.ReadLine() is { } json)
            {
                string? line = text is null ? null : NextLine(text) ?? "";
                if (!rows.MoveNext())
                {
                    Differ($"perf has more events than the {Events} of the dataset");
                    return;
                }

                Events++;
                using JsonDocument decoded = JsonDocument.Parse(json);
                CompareDecoded(rows, decoded.RootElement);
                if (line is not null)
                {
                    CompareText(rows, line);
                }
            }

            if (rows.MoveNext())
            {
                Differ($"the dataset has more events than the {Events} of perf");
            }

            if (text is not null && NextLine(text) is { } more)
            {
                Differ($"perf's text goes on: {more}");
            }
        }
        finally
        {
            Directory.Delete(dataset, recursive: true);
        }
    }

    private static string? NextLine(TextReader text)
    {
        string? line;
        do
        {
            line = text.ReadLine();
        }
        while (line is { Length: 0 });

        return line;
    }

    private void CompareDecoded(DatasetRows rows, JsonElement perf)
    {
        Check(rows, "event", Plain(rows.Event), Plain(perf.GetProperty("event").GetString()!));
        CheckComm(rows, perf.GetProperty("comm").GetString()!);
        JsonElement sample = perf.GetProperty("sample");
        Check(rows, "tid", rows["pid"], sample.GetProperty("tid").GetInt64());
        Check(rows, "pid", rows["tgid"] ?? -1, sample.GetProperty("pid").GetInt64());
        Check(rows, "time", rows["ts_ns"], sample.GetProperty("time").GetInt64());
        if (!rows["cpu"]!.Equals(-1))
        {
            Check(rows, "cpu", rows["cpu"], sample.GetProperty("cpu").GetInt64());
        }

        JsonElement fields = perf.GetProperty("fields");
        if (fields.ValueKind == JsonValueKind.Null)
        {
            foreach (string name in (string[])["ip", "addr", "period"])
            {
                if (rows.Has(name))
                {
                    _fields++;
                    Check(rows, name, Bits(rows[name]!), Bits(sample.GetProperty(name)));
                }
            }

            return;
        }

        foreach (JsonProperty field in fields.EnumerateObject())
        {
            _fields++;
            string column = s_leading.Contains(field.Name) ? "field_" + field.Name : field.Name;
            if (!rows.Has(column) || !PerfValue.Equal(rows[column], field.Value))
            {
                Differ($"event {Events} {rows.Event}: {field.Name} is {(rows.Has(column) ? PerfValue.Show(rows[column]) : "missing")}, perf has {field.Value}");
            }
        }
    }

    private void CompareText(DatasetRows rows, string line)
    {
        Match m = Line().Match(line);
        if (!m.Success)
        {
            Differ($"event {Events} {rows.Event}: perf's line is not understood: {line}");
            return;
        }

        _lines++;
        CheckComm(rows, m.Groups["comm"].Value);
        Check(rows, "tid", rows["pid"], long.Parse(m.Groups["tid"].ValueSpan, CultureInfo.InvariantCulture));
        Check(rows, "pid", rows["tgid"] ?? -1, long.Parse(m.Groups["pid"].ValueSpan, CultureInfo.InvariantCulture));
        Check(rows, "cpu", rows["cpu"], long.Parse(m.Groups["cpu"].ValueSpan, CultureInfo.InvariantCulture));
        Check(rows, "time", rows["ts_ns"], long.Parse(m.Groups["s"].Value + m.Groups["ns"].Value, CultureInfo.InvariantCulture));
        Check(rows, "event", Plain(rows.Event), Plain(m.Groups["event"].Value.Contains(':') ? m.Groups["event"].Value : "perf:" + m.Groups["event"].Value));

        // Where the event's own text names a value, it must be the row's.
        foreach (Match named in NamedValue().Matches(m.Groups["trace"].Value))
        {
            string name = named.Groups["name"].Value;
            string column = s_leading.Contains(name) ? "field_" + name : name;
            if (rows.Has(column) && rows[column] is not (null or string or byte[]))
            {
                _textFields++;
                if (!PerfValue.IsShownAs(rows[column]!, named.Groups["value"].ValueSpan))
                {
                    Differ($"event {Events} {rows.Event}: {name} is {PerfValue.Show(rows[column])}, perf's text has {named.Groups["value"].Value}");
                }
            }
        }
    }

    /// <summary>perf shows a thread whose name it never learnt by its number.</summary>
    private void CheckComm(DatasetRows rows, string comm) => Check(rows, "comm", rows["comm"] ?? $":{rows["pid"]}", comm);

    private void Check(DatasetRows rows, string what, object? ours, object theirs)
    {
        if (Convert.ToString(ours, CultureInfo.InvariantCulture) != Convert.ToString(theirs, CultureInfo.InvariantCulture))
        {
            Differ($"event {Events} {rows.Event}: {what} is {ours}, perf has {theirs}");
        }
    }

    private void Differ(string difference)
    {
        if (Differences.Count < MaxDifferences)
        {
            Differences.Add(difference);
        }
    }

    private static ulong Bits(object value) => PerfValue.Bits(value).Bits;

    private static ulong Bits(JsonElement value) => value.TryGetUInt64(out ulong u) ? u : (ulong)value.GetInt64();

    private static string Plain(string name) => NoName().Replace(name, "_").Trim('_');

    [GeneratedRegex(@"^\s*(?<comm>.*?)\s+(?<pid>-?\d+)/(?<tid>-?\d+)\s+\[(?<cpu>\d+)\]\s+(?<s>\d+)\.(?<ns>\d{9}):\s+(?<event>\S+):(?: (?<trace>.*))?$")]
    private static partial Regex Line();

    [GeneratedRegex(@"(?<![\w.])(?<name>[A-Za-z_]\w*)(=|: )(?<value>(0x)?[0-9a-fA-F]{2,}|\d|-\d+)(?=[\s,)]|$)")]
    private static partial Regex NamedValue();

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex NoName();
}
