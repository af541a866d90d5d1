using System.Diagnostics.CodeAnalysis;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.TraceCmdCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests;

public sealed class DatasetTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    private string Dataset => Path.Combine(_work, "dataset");

    public void Dispose() => Directory.Delete(_work, recursive: true);

    private string Save(TraceDatBuilder b, string name = "a.dat")
    {
        string path = Path.Combine(_work, name);
        File.WriteAllBytes(path, b.Build());
        return path;
    }

    private static TraceDatBuilder Small(string instance = "")
    {
        TraceDatBuilder b = new();
        b.Formats.Add(("test", TraceDatBuilder.Format("tick", 301, "u64 seq;\toffset:8;\tsize:8;\tsigned:0;", "bool host;\toffset:16;\tsize:1;\tsigned:0;")));
        b.Formats.Add(("probes", TraceDatBuilder.Format("mine", 302, "unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;")));
        b.Formats.Add(("probes", TraceDatBuilder.Format("mine_ret", 303, "unsigned long __probe_func;\toffset:8;\tsize:8;\tsigned:0;", "unsigned long __probe_ret_ip;\toffset:16;\tsize:8;\tsigned:0;")));
        b.Formats.Add(("ftrace", TraceDatBuilder.Format("function", 1, "unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;", "unsigned long parent_ip;\toffset:16;\tsize:8;\tsigned:0;")));
        byte[][] records =
        [
            b.Record(0, b.Payload(301, 42, b.U64(ulong.MaxValue), [1])),
            b.Record(1, b.Payload(302, 42, b.U64(0xffffffff81000104))),
            b.Record(1, b.Payload(303, 42, b.U64(0xffffffff81000100), b.U64(0xffffffff81000210))),
            b.Record(1, b.Payload(1, 42, b.U64(0xffffffff81000200), b.U64(0x1000))),
        ];
        b.Buffers.Add((instance, [(3, [b.Page(100, 0, records[0], records[1]), b.Page(200, -1, records[2], records[3])])]));
        return b;
    }

    private static List<Dictionary<string, object?>> Rows(string path)
    {
        Assert.True(File.Exists(path), path);
        List<Dictionary<string, object?>> rows = [];
        using TableRows table = new(path);
        while (table.Next())
        {
            rows.Add(table.Columns.ToDictionary(c => c, c => table[c]));
        }

        return rows;
    }

    [Fact]
    public void Progress_rises_to_the_share_of_the_file_that_holds_events()
    {
        string sample = Path.Combine(AppContext.BaseDirectory, "sample-traces", "6.1-ttmevict.trace.dat");
        Seen told = new();
        IngestResult result = Ingestor.Ingest(sample, Dataset, new IngestOptions { Progress = told }, TestContext.Current.CancellationToken);
        Assert.True(told.All.Count >= 4, $"{told.All.Count} times for {result.Manifest.Events} events");
        Assert.Equal(result.Manifest.Events, told.All[^1].Events);
        Assert.Equal(told.All.OrderBy(p => p.Events).ThenBy(p => p.Share), told.All);
        Assert.All(told.All, p => Assert.InRange(p.Share, 0, 1));

        // Half of so small a file is symbols and formats.
        Assert.InRange(told.All[^1].Share, 0.4, 1);
        Assert.InRange(told.All[0].Share, 0.01, 0.9);
    }

    private sealed class Seen : IProgress<IngestProgress>
    {
        public List<IngestProgress> All { get; } = [];

        public void Report(IngestProgress value) => All.Add(value);
    }

    [Fact]
    public void Columns_stand_in_the_contracts_order_and_hold_raw_values()
    {
        IngestResult result = Ingestor.Ingest(Save(Small()), Dataset, new IngestOptions { Date = new DateOnly(2030, 1, 2), Host = "a b" }, TestContext.Current.CancellationToken);
        DatasetReader reader = DatasetReader.Open(Dataset);
        string path = reader.EventPath(result.TraceId, "test.tick");
        Assert.EndsWith($"events/test.tick/date=2030-01-02/host=a%20b/{result.TraceId}.parquet", path, StringComparison.Ordinal);
        Dictionary<string, object?> row = Rows(path).Single();
        Assert.Equal(["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "field_seq", "field_host", "common_flags", "common_preempt_count"], row.Keys);
        object?[] expected = [result.TraceId, 0L, 100L, 3, 42, null, "worker one", ulong.MaxValue, (byte)1, (byte)1, (byte)2];
        Assert.Equal(expected, row.Values);
    }

    [Fact]
    public void Probes_are_placed_by_address_and_functions_named_from_symbols()
    {
        string id = Ingestor.Ingest(Save(Small()), Dataset, new IngestOptions(), TestContext.Current.CancellationToken).TraceId;
        DatasetReader reader = DatasetReader.Open(Dataset);
        Assert.Equal(
            [("probes.mine", "probed_function", false, 0xffffffff81000104), ("probes.mine_ret", "probed_function", true, 0xffffffff81000100)],
            Rows(reader.TraceTablePath(id, DatasetLayout.ProbeSites)).Select(r => ((string)r["event"]!, (string)r["function"]!, (bool)r["is_return"]!, (ulong)r["address"]!)));
        Dictionary<string, object?> function = Rows(reader.EventPath(id, "ftrace.function")).Single();
        Assert.Equal(("other", null), ((string?)function["function"], (string?)function["parent_function"]));
        Dictionary<string, object?> hole = Rows(reader.TraceTablePath(id, DatasetLayout.LostEvents)).Single();
        Assert.Equal((id, 3, 1L, 201L, null), ((string)hole["trace_id"]!, (int)hole["cpu"]!, (long)hole["after_seq"]!, (long)hole["ts_ns"]!, (long?)hole["count"]));
    }

    [Fact]
    public void Ingest_twice_is_ingest_once_and_packing_does_not_change_the_identity()
    {
        string plain = Save(Small());
        IngestResult first = Ingestor.Ingest(plain, Dataset, new IngestOptions(), TestContext.Current.CancellationToken);
        string packed = Path.Combine(_work, "other-name.zst");
        using (ZstdSharp.Compressor z = new())
        {
            File.WriteAllBytes(packed, z.Wrap(File.ReadAllBytes(plain)).ToArray());
        }

        IngestResult second = Ingestor.Ingest(packed, Dataset, new IngestOptions(), TestContext.Current.CancellationToken);
        Assert.False(first.AlreadyPresent);
        Assert.True(second.AlreadyPresent);
        Assert.Equal(first.TraceId, second.TraceId);
        Assert.Equal((4L, 1L, true, "amd"), (second.Manifest.Events, second.Manifest.Lost, second.Manifest.Complete, second.Manifest.CpuVendor));
    }

    [Fact]
    public void Leftovers_of_a_killed_ingest_are_overwritten()
    {
        string path = Save(Small());
        string id = Ingestor.Ingest(path, Dataset, new IngestOptions(), TestContext.Current.CancellationToken).TraceId;
        File.Delete(DatasetLayout.Manifest(Dataset, id));
        string events = Directory.EnumerateFiles(Path.Combine(Dataset, "events"), "*.parquet", SearchOption.AllDirectories).First();
        File.WriteAllText(events, "half");
        using (System.Diagnostics.Process ended = System.Diagnostics.Process.Start("true"))
        {
            ended.WaitForExit();
            File.WriteAllText($"{events}.{Environment.MachineName}.{ended.Id}-1.tmp", "half");
        }

        Assert.Empty(DatasetReader.Open(Dataset).Traces);
        Assert.False(Ingestor.Ingest(path, Dataset, new IngestOptions(), TestContext.Current.CancellationToken).AlreadyPresent);
        Assert.NotEmpty(Rows(events));
        Assert.DoesNotContain(Directory.EnumerateFiles(Dataset, "*", SearchOption.AllDirectories), f => f.EndsWith(".tmp", StringComparison.Ordinal) || f.EndsWith(".lock", StringComparison.Ordinal));
    }

    [Fact]
    public void A_damaged_capture_keeps_what_was_complete_and_says_so()
    {
        TraceDatBuilder b = TraceDatTests.Plain(version: 6);
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(0, b.Payload(301, 1))), b.Page(2, 0, b.Record(0, b.Payload(301, 1)))])]));
        byte[] file = b.Build();
        string path = Path.Combine(_work, "cut.dat");
        File.WriteAllBytes(path, file[..^4096]);
        IngestResult result = Ingestor.Ingest(path, Dataset, new IngestOptions(), TestContext.Current.CancellationToken);
        Assert.Equal((1L, false), (result.Manifest.Events, result.Manifest.Complete));
        Assert.Equal($"{path}: offset 0x{file.Length - 4096:x}: the file ends at 0x{file.Length - 4096:x}, expected the data of CPU 0 up to 0x{file.Length:x}", result.Damage!.ToString());
        Assert.Contains(result.Damage.ToString(), result.Manifest.Warnings);
    }

    [Fact]
    public void Globs_choose_events_and_leave_the_positions()
    {
        string id = Ingestor.Ingest(Save(Small("only")), Dataset, new IngestOptions { EventGlobs = ["probes:mine*"] }, TestContext.Current.CancellationToken).TraceId;
        DatasetReader reader = DatasetReader.Open(Dataset);
        Assert.Equal(["probes.mine", "probes.mine_ret"], reader.Traces[0].EventCounts.Keys);
        Dictionary<string, object?> row = Rows(reader.EventPath(id, "probes.mine_ret")).Single();
        Assert.Equal((2L, "only"), ((long)row["seq"]!, (string)row["instance"]!));
    }

    [Fact]
    public void What_is_no_dataset_is_told_in_one_line()
    {
        Assert.Contains("no such directory", Assert.Throws<NotADatasetException>(() => DatasetReader.Open(Dataset)).Message, StringComparison.Ordinal);
        Assert.Contains("no traces/manifests", Assert.Throws<NotADatasetException>(() => DatasetReader.Open(_work)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dataset_that_cannot_be_made_is_an_environments_failure()
    {
        string file = Path.Combine(_work, "file");
        File.WriteAllText(file, "");
        string capture = Save(Small());
        Assert.Throws<EnvironmentFailedException>(() => Ingestor.Ingest(capture, Path.Combine(file, "dataset"), new IngestOptions(), TestContext.Current.CancellationToken));
    }

    [Fact]
    [SuppressMessage("Performance", "CA1861", Justification = "one test")]
    public void A_table_reads_back_as_written()
    {
        string path = Path.Combine(_work, "t.parquet");
        Column<ulong> number = new("n");
        Column<double> share = new("share", nullable: true);
        StringColumn text = new("text");
        BytesColumn bytes = new("bytes");
        Random random = new(1);
        List<object?[]> expected = [];
        using (TableWriter table = new(path, [number, share, text, bytes], rowGroupRows: 1000))
        {
            for (int i = 0; i < 3500; i++)
            {
                object?[] row = [(ulong)random.NextInt64(), random.Next(3) == 0 ? null : random.NextDouble(), random.Next(3) == 0 ? null : $"t{random.Next(500)}é", random.Next(3) == 0 ? null : new byte[random.Next(5)]];
                expected.Add(row);
                number.Add((ulong)row[0]!);
                share.Add((double?)row[1]);
                text.Add((string?)row[2]);
                bytes.Add((byte[]?)row[3]);
                table.EndRow();
            }

            Assert.False(File.Exists(path));
            table.Complete();
        }

        Assert.Equal(expected, Rows(path).Select(r => r.Values.ToArray()));
        using (TableWriter abandoned = new(Path.Combine(_work, "u.parquet"), [new Column<int>("n")]))
        {
        }

        Assert.Equal(["t.parquet"], Directory.EnumerateFiles(_work).Select(Path.GetFileName));
    }
}
