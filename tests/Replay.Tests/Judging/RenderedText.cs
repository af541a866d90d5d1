using System.Globalization;
using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Tests.Judging;

/// <summary>
/// A capture that is no text as an ftrace text with raw fields, so that it can be altered as one: of the events that a replay
/// understands, in the capture's order.
/// </summary>
internal static class RenderedText
{
    private static readonly HashSet<string> s_columns = ["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "instance"];

    public static RecordedText Of(ReplayedCapture capture)
    {
        List<(long Seq, string Line)> lines = [];
        foreach (string table in capture.Manifest.EventCounts.Keys)
        {
            (string system, string name) = (table[..table.IndexOf('.', StringComparison.Ordinal)], table[(table.IndexOf('.', StringComparison.Ordinal) + 1)..]);
            string? function = EventCatalog.All.Any(source => source.Event == table) ? "" : system is "kvm" or "kvmmmu" or "kmem" or "syscalls" ? null : EventCatalog.FunctionByDefinition(name);
            if (function is null)
            {
                continue;
            }

            string where = function.Length == 0 ? "" : name.EndsWith("_ret", StringComparison.Ordinal) ? $"(caller+0x4/0x100 <- {function})" : $"({function}+0x4/0x100)";
            foreach (Dictionary<string, string?> row in capture.Events(table))
            {
                lines.Add((Long(row["seq"]), Line(name, where, row)));
            }
        }

        return new RecordedText([.. lines.OrderBy(line => line.Seq).Select(line => line.Line)]);
    }

    private static string Line(string name, string where, Dictionary<string, string?> row)
    {
        long time = Long(row["ts_ns"]);
        IEnumerable<string> values = row
            .Where(cell => cell.Value is not null && !s_columns.Contains(cell.Key) && (where.Length == 0 || !cell.Key.StartsWith("__probe", StringComparison.Ordinal)))
            .Select(cell => $"{(where.Length > 0 && cell.Key == "field_seq" ? "seq" : cell.Key)}={Number(cell.Value!)}");
        string body = string.Join(' ', where.Length == 0 ? values : values.Prepend(where));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{row["comm"] ?? "task",16}-{row["pid"]} [{int.Parse(row["cpu"]!, CultureInfo.InvariantCulture):000}] ..... {time / 1_000_000_000}.{time % 1_000_000_000:000000000}: {name}: {body}");
    }

    private static string Number(string value) => ulong.TryParse(value, CultureInfo.InvariantCulture, out ulong number) ? $"0x{number:x}" : value;

    private static long Long(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);
}
