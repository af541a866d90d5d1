using System.Globalization;
using System.Text;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Report.Around;

/// <summary>Reads events of all kinds near places of one trace.</summary>
internal static class EventsAround
{
    private const int LongestFields = 400;

    private static readonly HashSet<string> s_common = ["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "instance", "host", "date", "common_flags", "common_preempt_count"];

    /// <param name="session">The dataset.</param>
    /// <param name="traceId">The trace.</param>
    /// <param name="places">First and last seq of each place; few, and short.</param>
    /// <param name="most">Events of one kind that are read at most.</param>
    /// <returns>The events in order.</returns>
    public static IReadOnlyList<RecordedEvent> Read(DatasetSession session, string traceId, IReadOnlyList<(long From, long To)> places, int most)
    {
        var files = new EventFiles(session, traceId);
        string wanted = string.Join(" OR ", places.Select(p => string.Create(CultureInfo.InvariantCulture, $"seq BETWEEN {p.From} AND {p.To}")));
        var events = new List<RecordedEvent>();
        List<(string Name, string File)> all = places.Count == 0 ? [] : [.. files.Kinds().SelectMany(kind => files.Of(kind).Select(file => (kind[(kind.IndexOf('.', StringComparison.Ordinal) + 1)..], file)))];
        foreach ((string name, string file) in Near(session, traceId, all, wanted))
        {
            events.AddRange(session.Select(
                $"SELECT * FROM read_parquet({Sql.Literal(Sql.GlobSafe(file))}, hive_partitioning = false) WHERE trace_id = $id AND ({wanted}) ORDER BY seq LIMIT {most.ToString(CultureInfo.InvariantCulture)}",
                r => Event(r, name),
                ("id", traceId)));
        }

        return [.. events.OrderBy(e => e.Seq)];
    }

    /// <summary>The files that have such rows: to plan a statement for each of the others takes longer than to ask all of them at once for a column.</summary>
    private static IEnumerable<(string Name, string File)> Near(DatasetSession session, string traceId, List<(string Name, string File)> all, string wanted)
    {
        if (all.Count == 0)
        {
            return [];
        }

        HashSet<string> near = [.. session.Select(
            $"SELECT DISTINCT filename FROM read_parquet([{string.Join(", ", all.Select(f => Sql.Literal(Sql.GlobSafe(f.File))))}], hive_partitioning = false, filename = true) WHERE trace_id = $id AND ({wanted})",
            r => r.GetString(0),
            ("id", traceId))];
        return all.Where(f => near.Contains(f.File));
    }

    private static RecordedEvent Event(DuckDBDataReader reader, string name)
    {
        long seq = 0, ts = 0;
        int? cpu = null, pid = null;
        string? comm = null;
        var fields = new StringBuilder();
        for (int i = 0; i < reader.FieldCount && fields.Length < LongestFields; i++)
        {
            object? value = reader.IsDBNull(i) ? null : reader.GetValue(i);
            switch (reader.GetName(i))
            {
                case "seq": seq = (long)value!; break;
                case "ts_ns": ts = value is null ? 0 : Convert.ToInt64(value, CultureInfo.InvariantCulture); break;
                case "cpu": cpu = Small(value); break;
                case "pid": pid = Small(value); break;
                case "comm": comm = value as string; break;
                case string field when !s_common.Contains(field) && value is not null:
                    fields.Append(fields.Length == 0 ? "" : " ").Append(field).Append('=').Append(Field(value));
                    break;
            }
        }

        string shown = fields.ToString();
        return new RecordedEvent(seq, ts, cpu, pid, comm, name, shown.Length <= LongestFields ? shown : shown[..LongestFields] + "…");
    }

    private static int? Small(object? value) => value is null ? null : Convert.ToInt32(value, CultureInfo.InvariantCulture);

    // Pointers and addresses are UBIGINT; small counts of that type read no worse in hexadecimal.
    private static string Field(object value) => value switch
    {
        ulong address => "0x" + address.ToString("x", CultureInfo.InvariantCulture),
        string text => text,
        Stream bytes => $"({bytes.Length} bytes)",
        System.Collections.IEnumerable list => "{" + string.Join(',', list.Cast<object?>().Take(8).Select(v => v is null ? "" : Field(v))) + "}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
