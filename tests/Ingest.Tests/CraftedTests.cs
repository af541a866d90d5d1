using System.Globalization;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>Captures that are made to break a reader or a dataset, one for each kind; what they claim is bounded, what they hold is kept.</summary>
public sealed class CraftedTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    private string Dataset => Path.Combine(_work, "dataset");

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Fact]
    public void Two_events_of_one_name_share_a_table_if_they_record_the_same_and_keep_apart_if_not()
    {
        TraceDatBuilder b = Plain();
        b.Formats.Add(("kvm", TraceDatBuilder.Format("twice", 310, "u32 a;\toffset:8;\tsize:4;\tsigned:0;")));
        b.Formats.Add(("kvm", TraceDatBuilder.Format("twice", 311, "u32 a;\toffset:8;\tsize:4;\tsigned:0;")));
        b.Formats.Add(("kvm", TraceDatBuilder.Format("twice", 312, "u64 other;\toffset:8;\tsize:8;\tsigned:0;")));
        b.Buffers.Add(("", [(0, [b.Page(1, 0, [.. Enumerable.Range(0, 9).Select(i => b.Record(1, b.Payload(310 + (i % 3), 1, b.U64((ulong)i))))])])]));
        TraceManifest manifest = Ingest(b).Manifest;
        Assert.Equal([("kvm.twice", 6L), ("kvm.twice_id312", 3L)], manifest.EventCounts.Select(c => (c.Key, c.Value)));
    }

    [Theory]
    [InlineData(40)]
    [InlineData(300)]
    [InlineData(1000)]
    public void A_long_name_is_a_table_of_its_own(int length)
    {
        TraceDatBuilder b = Plain();
        foreach ((char letter, int id) in (ReadOnlySpan<(char, int)>)[('x', 310), ('y', 311)])
        {
            b.Formats.Add(("kvm", TraceDatBuilder.Format(new string('/', length) + letter, id, "u32 a;\toffset:8;\tsize:4;\tsigned:0;")));
        }

        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(1, b.Payload(310, 1, b.U32(1))), b.Record(1, b.Payload(311, 1, b.U32(2))))])]));
        IngestResult result = Ingest(b);
        Assert.Equal(2, result.Manifest.Events);
        DatasetReader reader = DatasetReader.Open(Dataset);
        string[] paths = [.. result.Manifest.EventCounts.Keys.Select(name => reader.EventPath(result.TraceId, name))];
        Assert.Equal(2, paths.Distinct().Count());
        Assert.All(paths, path => Assert.True(File.Exists(path)));
        Assert.All(paths, path => Assert.All(path.Split('/'), part => Assert.InRange(part.Length, 0, 210)));
    }

    [Fact]
    public void A_hundred_thousand_warnings_of_a_kind_are_counted()
    {
        WarningList warnings = [];
        for (int i = 0; i < 100_000; i++)
        {
            warnings.Add($"a format of system x is not usable and its events are left out: {i}");
            warnings.Add($"{i} records with event id {i}, which the capture has no format for, are left out");
        }

        string[] told = [.. warnings];
        Assert.Equal((2 * WarningList.MostOfAKind) + 2, told.Length);
        Assert.Equal(2, told.Count(w => w.StartsWith("and 99992 more of the kind", StringComparison.Ordinal)));
        Assert.Equal(told.Length, warnings.Count);
        Assert.Equal(told, Enumerable.Range(0, warnings.Count).Select(i => warnings[i]));
    }

    [Fact]
    public void Warnings_of_ever_new_kinds_and_any_length_are_bounded()
    {
        WarningList warnings = [];
        for (int i = 0; i < 5000; i++)
        {
            warnings.Add(new string((char)('a' + (i % 26)), 50 + (i / 26)) + new string('z', 5000));
        }

        Assert.InRange(warnings.Count, 1, WarningList.Most + 2);
        Assert.InRange(warnings.Sum(w => w.Length), 1, (WarningList.Most + 300) * (WarningList.Longest + 100));
        Assert.StartsWith("and ", warnings[^1], StringComparison.Ordinal);
    }

    /// <summary>Samples of a guest's clock that no two clocks show: extreme differences, one tick apart.</summary>
    [Theory]
    [InlineData(long.MaxValue, long.MinValue, long.MinValue, long.MaxValue)]
    [InlineData(0, -1, long.MinValue, 0)]
    [InlineData(-1, 0, long.MinValue, 0)]
    [InlineData(5, 6, long.MaxValue, long.MinValue)]
    public void A_time_shift_of_any_samples_gives_times(long time1, long time2, long offset1, long offset2)
    {
        TraceDatBuilder b = Plain();
        b.Options.Add((12, [.. b.U64(7), .. b.U32(1), .. b.U32(1), .. b.U32(2), .. b.U64((ulong)time1), .. b.U64((ulong)time2), .. b.U64((ulong)offset1), .. b.U64((ulong)offset2), .. b.U64(1), .. b.U64(1)]));
        b.Buffers.Add(("", [(0, [b.Page(1000, 0, b.Record(1, b.Payload(301, 1)), b.Record(1, b.Payload(301, 1)))])]));
        Assert.Equal(2, Ingest(b).Manifest.Events);
    }

    [Fact]
    public void Options_that_no_version_writes_are_counted_and_the_capture_may_lack_something()
    {
        TraceDatBuilder b = Plain();
        b.Options.Add((0x4003, [1, 2, 3]));
        b.Options.Add((0x4003, [1, 2, 3]));
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(1, b.Payload(301, 1)))])]));
        TraceManifest manifest = Ingest(b).Manifest;
        Assert.False(manifest.Complete);
        Assert.Contains("2 options of unknown id 16387 were passed over: what they tell is missing", manifest.Warnings);
    }

    [Fact]
    public void A_file_whose_options_were_never_written_or_name_no_buffer_is_damaged()
    {
        TraceDatBuilder b = Plain();
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(1, b.Payload(301, 1)))])]));
        byte[] file = b.Build();
        int at = "\x17\x08\x44tracing7\0"u8.Length + 2 + 4 + "none\0"u8.Length + "1.0\0"u8.Length;
        file.AsSpan(at, 8).Clear();
        CaptureException never = Assert.Throws<CaptureException>(() => Ingest(file));
        Assert.Equal((long)at, never.Damage.Offset);

        Assert.Contains("no buffer", Assert.Throws<CaptureException>(() => Ingest(Plain())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_of_CPUs_that_share_bytes_are_damage()
    {
        TraceDatBuilder b = Plain();
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(1, b.Payload(301, 1)))]), (1, [b.Page(1, 0, b.Record(1, b.Payload(301, 1)))])]));
        byte[] file = b.Build();

        // The place of the second CPU's page, which stands in the option of the buffer, becomes the first's.
        long[] pages = [.. b.Boundaries.Where(o => o > 0 && o % b.PageSize == 0).Order()];
        b.U64((ulong)pages[0]).CopyTo(file, Find(file, b.U64((ulong)pages[1])));
        Assert.Contains("within those of CPU", Assert.Throws<CaptureException>(() => Ingest(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_event_of_twenty_thousand_fields_of_one_name_costs_no_more_than_its_text()
    {
        TraceDatBuilder b = Plain();
        b.Formats.Add(("kvm", TraceDatBuilder.Format("wide", 310, [.. Enumerable.Repeat("u8 same;\toffset:8;\tsize:1;\tsigned:0;", 20_000)])));
        b.Formats.Add(("kvm", TraceDatBuilder.Format("less", 311, [.. Enumerable.Repeat("u8 same;\toffset:8;\tsize:1;\tsigned:0;", 500)])));
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(1, b.Payload(310, 1, b.U32(1))), b.Record(1, b.Payload(311, 1, b.U32(1))))])]));
        Assert.Equal(1, Ingest(b).Manifest.Events);
    }

    [Theory]
    [InlineData("plain ünï 漢字 😀", "plain ünï 漢字 😀")]
    [InlineData("a\u001b[31mb\r\nc\td", "a\ufffd[31mb\ufffd\ufffdc\ufffdd")]
    [InlineData("\u007f\u0080\u009f\u00a0", "\ufffd\ufffd\ufffd\u00a0")]
    [InlineData("\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u2028\u2029", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd")]
    public void What_steers_a_terminal_is_not_shown(string text, string shown)
    {
        Assert.Equal(shown, Printable.Line(text));
        using StringWriter output = new(CultureInfo.InvariantCulture);
        using (PrintableWriter writer = new(output))
        {
            writer.Write(text + "\n");
        }

        Assert.Equal(shown.Length + 1, output.ToString().Length);
        Assert.DoesNotContain('\u001b', output.ToString());
    }

    [Fact]
    public void Half_a_surrogate_pair_is_not_shown() => Assert.Equal("\ufffdx\ufffd", Printable.Line(new string([(char)0xd800, 'x', (char)0xdc00])));

    /// <summary>Threads of one process are as foreign to each other here as processes are: each holds its lock alone.</summary>
    [Fact]
    public void A_lock_is_held_by_one_at_a_time()
    {
        string path = Path.Combine(_work, "x");
        int inside = 0, worst = 0, taken = 0;
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 40; i++)
            {
                using DatasetLock held = DatasetLock.Take(path, TestContext.Current.CancellationToken);
                worst = Math.Max(worst, Interlocked.Increment(ref inside));
                Interlocked.Increment(ref taken);
                Interlocked.Decrement(ref inside);
            }
        });
        Assert.Equal((1, 320), (worst, taken));
        Assert.Empty(Directory.GetFiles(_work));
    }

    private static TraceDatBuilder Plain()
    {
        TraceDatBuilder b = new();
        b.Formats.Add(("test", TraceDatBuilder.Format("plain", 301)));
        return b;
    }

    private static int Find(byte[] file, byte[] what)
    {
        int at = file.AsSpan().LastIndexOf(what);
        Assert.True(at > 0);
        return at;
    }

    private IngestResult Ingest(TraceDatBuilder b) => Ingest(b.Build());

    private IngestResult Ingest(byte[] file)
    {
        string path = Path.Combine(_work, "crafted.dat");
        File.WriteAllBytes(path, file);
        return Ingestor.Ingest(path, Dataset, new IngestOptions(), TestContext.Current.CancellationToken);
    }
}
