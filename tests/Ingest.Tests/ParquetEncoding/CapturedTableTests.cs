using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Ingest.Dataset.ParquetDecoding;
using TraceReplay.Ingest.Tracefs;
using Xunit;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

/// <summary>The event tables of real captures, value by value against what the capture's reader delivers, decoded one field at a time.</summary>
public sealed class CapturedTableTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Theory]
    [InlineData("sample-traces/6.12-ttmsmall.trace.dat", 22)]
    [InlineData("Golden/instance-and-top.dat", 10)]
    [InlineData("Golden/function.dat", 10)]
    [InlineData("PerfData/Golden/mmio-6.1.perf.data.zst", 5)]
    [InlineData("FtraceText/6.12-ttmsmall.trace.txt.zst", 10)]
    [InlineData("FtraceText/function.default.txt.zst", 10)]
    [InlineData("NetTrace/kvm.nettrace.zst", 10)]
    public void Three_readers_find_every_value_that_the_capture_has(string name, int leastTables)
    {
        string capture = Path.Combine(AppContext.BaseDirectory, name);
        string id = Ingestor.Ingest(capture, _work, new IngestOptions(), TestContext.Current.CancellationToken).TraceId;
        DatasetReader dataset = DatasetReader.Open(_work);
        using ICapture open = CaptureFormats.Open(capture, cancellation: TestContext.Current.CancellationToken);
        ExpectedTables expected = new(open.Info, id);
        Assert.Null(open.ReadEvents(expected, new ReadOptions(), TestContext.Current.CancellationToken));
        Assert.InRange(expected.Tables.Count, leastTables, 1000);
        foreach ((string table, List<object?[]> rows) in expected.Tables)
        {
            string path = dataset.EventPath(id, table);
            object?[][] columns = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Select(r => r[c]).ToArray())];
            foreach ((string reader, Func<string, IReadOnlyList<object?[]>> read) in IndependentReaders.All)
            {
                IReadOnlyList<object?[]> found = read(path);
                Assert.Equal(columns.Length, found.Count);
                for (int c = 0; c < columns.Length; c++)
                {
                    string? difference = IndependentReaders.Difference(columns[c], found[c]);
                    Assert.True(difference is null, $"{reader}: {table}, column {c}: {difference}");
                }
            }

            PageIndexes.Check(path, columns, table);
            Assert.Null(ParquetCheck.Fault(path));
        }
    }

    [Fact]
    public void A_tables_footer_says_what_its_rows_are()
    {
        string capture = Path.Combine(AppContext.BaseDirectory, "Golden", "function.dat");
        string id = Ingestor.Ingest(capture, _work, new IngestOptions(), TestContext.Current.CancellationToken).TraceId;
        Dictionary<int, object> footer = PageIndexes.Footer(File.ReadAllBytes(DatasetReader.Open(_work).EventPath(id, "ftrace.function")));
        Dictionary<string, string> said = ((List<object>)footer[5]).Cast<Dictionary<int, object>>().ToDictionary(p => Encoding.UTF8.GetString((byte[])p[1]), p => Encoding.UTF8.GetString((byte[])p[2]));
        Assert.Equal(DatasetFormat.Current.ToString(System.Globalization.CultureInfo.InvariantCulture), said["tracereplay.dataset_format"]);
        Assert.Equal(DatasetFormat.Program, said["tracereplay.written_by"]);
        Assert.Equal("ns", said["tracereplay.clock_unit"]);
        Assert.Equal("local", said["tracereplay.clock"]);
        Assert.StartsWith("name: function\nID: 1\nformat:\n", said["tracereplay.format"], StringComparison.Ordinal);

        // Rows rise by seq, the second column.
        Dictionary<int, object> group = (Dictionary<int, object>)((List<object>)footer[4])[0];
        Dictionary<int, object> sorting = (Dictionary<int, object>)Assert.Single((List<object>)group[4]);
        Assert.Equal((1L, false), ((long)sorting[1], (bool)sorting[2]));
    }

    /// <summary>The rows of every table, as docs and contract say they are.</summary>
    private sealed class ExpectedTables(CaptureInfo info, string traceId) : IEventSink
    {
        private long _seq;

        public Dictionary<string, List<object?[]>> Tables { get; } = [];

        public void Event(ref readonly EventRecord record)
        {
            EventFormat format = record.Format;
            List<object?> row = [traceId, _seq++, record.Timestamp, record.Cpu == -1 && !info.CpuRecorded ? null : record.Cpu, record.Pid == -1 && !info.PidRecorded ? null : record.Pid, record.Tgid == -1 ? null : record.Tgid, record.Comm];
            if (info.Instances is not [""])
            {
                row.Add(info.Instances[record.Instance]);
            }

            byte[] payload = new byte[Math.Max(record.Payload.Length, format.FixedSize)];
            record.Payload.CopyTo(payload);
            AddFields(row, format, record.Nulls, payload.AsSpan(0, record.Payload.Length), payload, common: false);
            if (format.FullName == "ftrace.function" && !format.Nullable)
            {
                row.Add(info.Symbols.Find(FieldReader.Number(format, format.Field("ip")!, payload)!.Value));
                row.Add(info.Symbols.Find(FieldReader.Number(format, format.Field("parent_ip")!, payload)!.Value));
            }

            AddFields(row, format, record.Nulls, payload.AsSpan(0, record.Payload.Length), payload, common: true);
            if (!Tables.TryGetValue(format.FullName, out List<object?[]>? rows))
            {
                Tables.Add(format.FullName, rows = []);
            }

            rows.Add([.. row]);
        }

        public void Lost(in LostRecords lost)
        {
        }

        private static void AddFields(List<object?> row, EventFormat format, ulong nulls, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> padded, bool common)
        {
            for (int i = 0; i < format.Fields.Count; i++)
            {
                EventField field = format.Fields[i];
                if (field.Common == common && field.Name is not ("common_type" or "common_pid"))
                {
                    row.Add(format.Nullable && (nulls >> i & 1) != 0 ? null : Value(format, field, payload, padded));
                }
            }
        }

        private static object? Value(EventFormat format, EventField field, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> padded)
        {
            if (field.IsString)
            {
                return Encoding.UTF8.GetString(FieldReader.Bytes(field, payload, format.BigEndian));
            }

            if (field.IsBytes)
            {
                return FieldReader.Bytes(field, payload, format.BigEndian).ToArray();
            }

            if (field.Kind == FieldKind.Float)
            {
                return field.Size == 4 ? BitConverter.ToSingle(padded[field.Offset..]) : BitConverter.ToDouble(padded[field.Offset..]);
            }

            return FieldReader.Number(format, field, padded) is not { } bits ? null
                : field.Kind == FieldKind.Pointer ? bits
                : (field.Size, field.Signed) switch
                {
                    (1, false) => (byte)bits,
                    (1, true) => (sbyte)bits,
                    (2, false) => (ushort)bits,
                    (2, true) => (short)bits,
                    (4, false) => (uint)bits,
                    (4, true) => (int)bits,
                    (_, false) => bits,
                    _ => (object)(long)bits,
                };
        }
    }
}
