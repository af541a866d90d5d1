using System.IO.Enumeration;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Perfetto.Protos;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>
/// The kernel's records as bundles of ftrace events, one kind after the other, each in the order of its rows: Perfetto sorts. What
/// stays in memory is one bundle for each CPU, and of all CPUs together no more than some MiB.
/// </summary>
internal sealed class RecordedEvents(Stream output)
{
    private const int FullBundle = 1 << 16;
    private const int MostHeld = 8 << 20;

    // Not that of the models' tracks: nothing of theirs is said of these packets.
    private const uint SequenceId = 2;

    private const int PacketField = Trace.PacketFieldNumber;

    private readonly Dictionary<int, WireBuffer> _bundles = [];
    private readonly WireBuffer _packet = new();
    private readonly WireBuffer _head = new();
    private int _held;

    /// <summary>Writes the events that are asked for.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="AnalysisException">A name asked for fits no event that the trace recorded; a file cannot be read.</exception>
    public long Write(DatasetSession session, string traceId, ExportChoice choice, CancellationToken ct)
    {
        var files = new EventFiles(session, traceId);
        long written = 0;
        foreach (string kind in Chosen(session, traceId, choice.Events, files))
        {
            foreach (string file in files.Of(kind))
            {
                written += Write(session, file, Event(kind), traceId, choice, ct);
            }

            Flush();
        }

        return written;
    }

    private static string Event(string kind) => Uri.UnescapeDataString(kind[(kind.IndexOf('.', StringComparison.Ordinal) + 1)..]);

    private static List<string> Chosen(DatasetSession session, string traceId, IReadOnlyList<string> patterns, EventFiles files)
    {
        if (patterns.Count == 0)
        {
            return [];
        }

        List<string> recorded = session.Select("SELECT DISTINCT event FROM event_counts WHERE trace_id = $id ORDER BY event", r => r.GetString(0), ("id", traceId));
        List<string> kinds = [.. files.Kinds()];
        foreach (string pattern in patterns.Where(p => p != "*" && !kinds.Any(kind => Fits(p, kind))))
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"{traceId} recorded no event '{pattern}'{Nearest.Hint(pattern, recorded)} (query event_counts lists all; * stands for any letters)");
        }

        return [.. kinds.Where(kind => patterns.Any(p => Fits(p, kind)))];
    }

    private static bool Fits(string pattern, string kind) =>
        FileSystemName.MatchesSimpleExpression(pattern, Uri.UnescapeDataString(kind), ignoreCase: false) || FileSystemName.MatchesSimpleExpression(pattern, Event(kind), ignoreCase: false);

    private long Write(DatasetSession session, string file, string name, string traceId, ExportChoice choice, CancellationToken ct)
    {
        using DuckDBCommand command = session.Plain($"SELECT * FROM read_parquet({Sql.Literal(Sql.GlobSafe(file))}, hive_partitioning = false) WHERE trace_id = $id AND ts_ns BETWEEN $from AND $until");
        command.UseStreamingMode = true;
        command.Parameters.Add(new DuckDBParameter("id", traceId));
        command.Parameters.Add(new DuckDBParameter("from", choice.From));
        command.Parameters.Add(new DuckDBParameter("until", choice.Until));
        long written = 0;
        try
        {
            using CancellationTokenRegistration stop = ct.Register(command.Cancel);
            using DuckDBDataReader rows = command.ExecuteReader();
            List<(string Name, Type Type)> columns = [.. Enumerable.Range(0, rows.FieldCount).Select(i => (rows.GetName(i), rows.GetFieldType(i)))];
            int time = columns.FindIndex(c => c.Name == "ts_ns"), cpu = columns.FindIndex(c => c.Name == "cpu"), pid = columns.FindIndex(c => c.Name == "pid");
            var message = new FtraceMessage(name, columns);
            for (; rows.Read(); written++)
            {
                ct.ThrowIfCancellationRequested();
                Add(message, rows, rows.GetInt64(time), Number(rows, cpu) ?? 0, Number(rows, pid));
            }
        }
        catch (DuckDBException e)
        {
            ct.ThrowIfCancellationRequested();
            throw new AnalysisException(AnalysisFailure.Input, $"{file}: {SqlErrors.OneLine(e)}", e);
        }

        return written;
    }

    private static int? Number(DuckDBDataReader row, int column) => column < 0 || row.IsDBNull(column) ? null : row.GetInt32(column);

    private void Add(FtraceMessage message, DuckDBDataReader row, long time, int cpu, int? pid)
    {
        if (!_bundles.TryGetValue(cpu, out WireBuffer? bundle))
        {
            _bundles.Add(cpu, bundle = new WireBuffer());
        }

        if (bundle.Length == 0)
        {
            bundle.Number(FtraceEventBundle.CpuFieldNumber, (uint)cpu);
        }

        int before = bundle.Length;
        message.Write(bundle, row, time, pid);
        _held += bundle.Length - before;
        if (bundle.Length >= FullBundle)
        {
            Flush(bundle);
        }
        else if (_held >= MostHeld)
        {
            Flush();
        }
    }

    // The buffers go too: many CPUs that were once seen shall not keep theirs.
    private void Flush()
    {
        foreach (WireBuffer bundle in _bundles.Values.Where(b => b.Length > 0))
        {
            Flush(bundle);
        }

        _bundles.Clear();
        _held = 0;
    }

    private void Flush(WireBuffer bundle)
    {
        _packet.Clear();
        _packet.Number(TracePacket.TrustedPacketSequenceIdFieldNumber, SequenceId);
        _packet.Message(TracePacket.FtraceEventsFieldNumber, bundle);
        _head.Clear();
        _head.Head(PacketField, _packet.Length);
        output.Write(_head.Bytes);
        output.Write(_packet.Bytes);
        _held = Math.Max(0, _held - bundle.Length);
        bundle.Clear();
    }
}
