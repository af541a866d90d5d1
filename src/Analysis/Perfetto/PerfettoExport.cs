using DuckDB.NET.Data;
using TraceReplay.Analysis.Report.Around;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>
/// Responsible for: one trace as ui.perfetto.dev reads it: what the models say on tracks, and the kernel's records. DuckDB sorts part by
/// part, and the rows stream through; in memory are a part's rows, the tracks, the windows that are open and some bundles of records.
/// </summary>
public static class PerfettoExport
{
    private const int FaultsInPart = 100_000;

    /// <summary>Writes a whole Perfetto trace (protobuf: TrackEvent, and FtraceEvent for records). Times are those of the capture's clock; where that does not count ns its units stand for them.</summary>
    /// <param name="session">A dataset.</param>
    /// <param name="traceId">A trace of it.</param>
    /// <param name="choice">What of it.</param>
    /// <param name="output">Takes the bytes; not closed.</param>
    /// <param name="ct">Stops between rows.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="AnalysisException">The dataset cannot be read, or has no event that is asked for.</exception>
    public static Exported Write(DatasetSession session, string traceId, ExportChoice choice, Stream output, CancellationToken ct) =>
        Write(session, traceId, choice, output, FaultsInPart, ct);

    /// <param name="faultsInPart">Faults whose rows are sorted together.</param>
    internal static Exported Write(DatasetSession session, string traceId, ExportChoice choice, Stream output, int faultsInPart, CancellationToken ct)
    {
        long slices = WriteTimeline(session, traceId, choice, output, faultsInPart, ct);
        return new Exported(slices, new RecordedEvents(output).Write(session, traceId, choice, ct));
    }

    /// <summary>The choice of a fault and some records before it and behind its end, whatever else goes on at those times.</summary>
    /// <param name="session">A dataset.</param>
    /// <param name="traceId">A trace of it.</param>
    /// <param name="faultId">The fault.</param>
    /// <param name="records">How many records on either side.</param>
    /// <exception cref="AnalysisException">There is no such fault, or the dataset cannot be read.</exception>
    public static ExportChoice Around(DatasetSession session, string traceId, long faultId, int records)
    {
        (long first, long last) = FaultContext.Place(session, traceId, faultId);
        var files = new EventFiles(session, traceId);
        string[] all = [.. files.Kinds().SelectMany(files.Of).Select(file => Sql.Literal(Sql.GlobSafe(file)))];
        string seqs = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"seq BETWEEN {Math.Max(0, first - records)} AND {last + records}");
        List<(long From, long Until)> times = all.Length == 0 ? [] : session.Select(
            $"SELECT min(ts_ns), max(ts_ns) FROM read_parquet([{string.Join(", ", all)}], union_by_name = true, hive_partitioning = false) WHERE trace_id = $id AND {seqs} HAVING count(ts_ns) > 0",
            r => (r.GetInt64(0), r.GetInt64(1)),
            ("id", traceId));
        return times is [var found] ? new ExportChoice { From = found.From, Until = found.Until } : ExportChoice.All;
    }

    private static long WriteTimeline(DatasetSession session, string traceId, ExportChoice choice, Stream output, int faultsInPart, CancellationToken ct)
    {
        (string name, long start) = session.Select(
            "SELECT format('{} {} ({}{})', trace_id, regexp_extract(path, '[^/]+$'), coalesce(kernel, 'kernel unknown'), if(clock_unit = 'ns', '', ', times in ' || coalesce(clock_unit, 'unknown units') || ', shown as ns')), coalesce(start_ns, 0) FROM traces WHERE trace_id = $trace",
            r => (r.GetString(0), r.GetInt64(1)),
            ("trace", traceId))[0];
        using PacketWriter writer = new(output, start);
        Timeline timeline = new(writer, new TrackTree(writer, traceId, name));
        try
        {
            using (DuckDBCommand flows = session.Command(Resource.Text("Perfetto.flows.sql")))
            {
                using CancellationTokenRegistration stop = ct.Register(flows.Cancel);
                Bind(flows, traceId, choice);
                session.Frugally(flows.ExecuteNonQuery);
            }

            long begin = long.MinValue;
            foreach (long next in PartsOf(session, traceId, choice, faultsInPart).Append(long.MaxValue))
            {
                long last = next == long.MaxValue ? next : next - 1;
                WritePart(session, traceId, choice, (begin, last), timeline, ct);
                begin = next;
            }
        }
        catch (DuckDBException e)
        {
            ct.ThrowIfCancellationRequested();
            throw new AnalysisException(AnalysisFailure.Input, $"{session.Dataset}: {SqlErrors.OneLine(e)}", e);
        }

        return timeline.Slices;
    }

    /// <summary>Times at which a new part begins. A part's rows are sorted as a whole, with all that is said of each: of a large capture they would not fit in memory.</summary>
    private static List<long> PartsOf(DatasetSession session, string traceId, ExportChoice choice, int faults) => session.Select(
        $"SELECT DISTINCT min(ts_ns) AS ts FROM faults WHERE trace_id = $id AND ts_ns BETWEEN $from AND $until GROUP BY fault_id // {faults} HAVING fault_id // {faults} > 0 ORDER BY ts",
        r => r.GetInt64(0),
        ("id", traceId),
        ("from", choice.From),
        ("until", choice.Until));

    private static void WritePart(DatasetSession session, string traceId, ExportChoice choice, (long Begin, long Last) part, Timeline timeline, CancellationToken ct)
    {
        using DuckDBCommand command = session.Command(Resource.Text("Perfetto.timeline.sql"));
        command.UseStreamingMode = true;
        Bind(command, traceId, choice);
        command.Parameters.Add(new DuckDBParameter("begin", part.Begin));
        command.Parameters.Add(new DuckDBParameter("last", part.Last));
        using CancellationTokenRegistration stop = ct.Register(command.Cancel);

        // All rows are sorted before the first is there: until then nothing is written.
        bool begun = false;
        session.Frugally(
            () =>
            {
                using DuckDBDataReader rows = command.ExecuteReader();
                for (; rows.Read(); begun = true)
                {
                    ct.ThrowIfCancellationRequested();
                    timeline.Add(rows);
                }

                return timeline.Slices;
            },
            () => !begun);
    }

    private static void Bind(DuckDBCommand command, string traceId, ExportChoice choice)
    {
        command.Parameters.Add(new DuckDBParameter("trace", traceId));
        command.Parameters.Add(new DuckDBParameter("from", choice.From));
        command.Parameters.Add(new DuckDBParameter("until", choice.Until));
    }

    /// <summary>What the rows of timeline.sql mean on tracks.</summary>
    private sealed class Timeline(PacketWriter writer, TrackTree tracks)
    {
        private readonly Dictionary<int, Lanes> _lanes = [];
        private long _pages;

        public long Slices { get; private set; }

        public void Add(DuckDBDataReader row)
        {
            long time = row.GetInt64(0);
            int phase = row.GetInt32(1);
            Slices += phase is 1 or 2 ? 1 : 0;
            switch (row.GetString(2))
            {
                case "fault":
                    ulong vcpu = tracks.Vcpu(row.GetInt32(3), row.IsDBNull(4) ? null : row.GetInt32(4), row.GetInt32(5));
                    Put(row, time, phase, vcpu, "fault", phase == 0 ? "" : row.GetString(7), flowsEnd: true);
                    break;
                case "window":
                    Window(row, time, phase);
                    break;
                case "bo":
                    Put(row, time, phase, tracks.Bo(row.GetString(7)), "ttm", phase == 0 ? "" : What(row.GetString(10)), flowsEnd: false);
                    break;
                default:
                    _pages += row.GetInt64(8);
                    writer.Counter(time, tracks.MappedPages, _pages);
                    break;
            }
        }

        private void Window(DuckDBDataReader row, long time, int phase)
        {
            int vm = row.GetInt32(3);
            if (!_lanes.TryGetValue(vm, out Lanes? lanes))
            {
                _lanes.Add(vm, lanes = new Lanes());
            }

            long id = row.GetInt64(6);
            int lane = phase == 1 ? lanes.Take(id) : lanes.Free(id);
            Put(row, time, phase, tracks.Windows(vm, lane), "window", phase == 0 ? "" : row.GetString(7), flowsEnd: false);
            if (row.GetInt32(4) != 0)
            {
                lanes.InProgress += phase == 1 ? 1 : -1;
                writer.Counter(time, tracks.InProgress(vm), lanes.InProgress);
            }
        }

        private void Put(DuckDBDataReader row, long time, int phase, ulong track, string category, string name, bool flowsEnd)
        {
            if (phase == 0)
            {
                writer.SliceEnd(time, track);
                return;
            }

            writer.Slice(time, track, instant: phase == 2, category, name, row.IsDBNull(9) ? null : row.GetString(9), flowsEnd, row.IsDBNull(10) ? null : row.GetString(10));
        }

        // The first annotation of a buffer's slice says what it is.
        private static string What(string args) => args.Split('\x1e')[0].Split('\x1f')[2];
    }

    /// <summary>Which lane the open windows of a VM are on.</summary>
    private sealed class Lanes
    {
        private readonly List<long?> _lanes = [];

        public long InProgress { get; set; }

        public int Take(long id)
        {
            int lane = _lanes.IndexOf(null);
            if (lane < 0)
            {
                lane = _lanes.Count;
                _lanes.Add(null);
            }

            _lanes[lane] = id;
            return lane;
        }

        public int Free(long id)
        {
            int lane = _lanes.IndexOf(id);
            _lanes[lane] = null;
            return lane;
        }
    }
}
