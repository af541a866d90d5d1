using CsCheck;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.PerfData;
using Xunit;

namespace TraceReplay.Ingest.Tests.PerfData;

/// <summary>Order of time, against a slow sort.</summary>
public sealed class PerfOrderTests
{
    private sealed class Items : IItemSink
    {
        public List<(long Time, int Number)> Given { get; } = [];

        public void Item(long timestamp, in ItemHead head, ReadOnlySpan<byte> payload)
        {
            Assert.True(payload.IndexOfAnyExcept((byte)~head.Tid) < 0, "an item's bytes changed");
            Given.Add((timestamp, head.Tid));
        }
    }

    /// <summary>With bytes that tell the item, in an array that ends with them or goes on.</summary>
    private static void Add(EventSorter sorter, long time, int number, int size)
    {
        byte[] bytes = new byte[size + (number % 2 == 0 ? 0 : 64)];
        bytes.AsSpan(0, size).Fill((byte)~number);
        sorter.Add(time, new ItemHead { Tid = number }, ref bytes[0], size, bytes.Length);
    }

    [Fact]
    public void Rounds_are_given_out_as_a_stable_sort_would_with_and_without_memory()
    {
        // Times of a round, how far later the next one is, whether the whole fits in memory.
        Gen.Select(Gen.Int[0, 40].Array[0, 60].Array[1, 8], Gen.Bool, Gen.OneOf(Gen.Int[1, 300], Gen.Int[301, 60_000])).Sample(
            (rounds, fits, size) =>
            {
                Items sink = new();
                using EventSorter sorter = new(sink, fits ? EventSorter.DefaultLimit : 1);
                List<(long, int)> all = [];
                int n = 0;
                long latest = 0;
                long before = 0;
                for (int r = 0; r < rounds.Length; r++)
                {
                    foreach (int t in rounds[r])
                    {
                        // Nothing is older than the newest of the round before the last.
                        long time = before + t;
                        Add(sorter, time, n, size);
                        all.Add((time, n++));
                        latest = Math.Max(latest, time);
                    }

                    sorter.Flush(before);
                    Assert.Equal(all.Count(i => i.Item1 <= before), sink.Given.Count);
                    before = latest;
                }

                sorter.Flush(long.MaxValue);
                Assert.Equal(all.OrderBy(i => i.Item1), sink.Given);
            },
            iter: 300);
    }

    [Fact]
    public void What_exceeds_memory_is_merged_from_a_file()
    {
        Items sink = new();
        using EventSorter sorter = new(sink, 1);
        Random random = new(1);
        List<(long, int)> all = [];
        for (int n = 0; n < 30_000; n++)
        {
            long time = random.Next(1000);
            Add(sorter, time, n, 500);
            all.Add((time, n));
        }

        Assert.InRange(sorter.Spills, 5, 20);
        sorter.Flush(499);
        Assert.Equal(all.Where(i => i.Item1 <= 499).OrderBy(i => i.Item1), sink.Given);
        sorter.Flush(long.MaxValue);
        Assert.Equal(all.OrderBy(i => i.Item1), sink.Given);
    }

    [Fact]
    public void A_recording_is_sorted_over_rounds_and_without_any()
    {
        Gen.Select(Gen.Int[0, 50].Array[1, 40].Array[1, 5], Gen.Bool, Gen.Bool).Sample(
            (rounds, marked, compressed) =>
            {
                PerfDataBuilder b = new() { Compressed = compressed ? 81 : 0 };
                b.AddTracepoint();
                List<(long Time, ulong Number)> all = [];
                long latest = 1;
                foreach (int[] round in rounds)
                {
                    long start = latest;
                    foreach (int t in round)
                    {
                        all.Add((start + t, (ulong)all.Count));
                        latest = Math.Max(latest, start + t);
                        b.Records.Add(b.Tracepoint((ulong)(start + t), (uint)all.Count - 1));
                    }

                    if (marked)
                    {
                        b.Records.Add(b.Round());
                    }
                }

                (Recorder r, CaptureInfo info, CaptureDamage? damage) = Recorder.Read(b.Build());
                Assert.Null(damage);
                Assert.Empty(info.Warnings);
                Assert.Equal(all.OrderBy(e => e.Time), r.Events.Select(e => (e.Timestamp, (ulong)e.Fields["load"])));
            },
            iter: 100);
    }

    [Fact]
    public void A_round_that_breaks_its_promise_is_told()
    {
        PerfDataBuilder b = new();
        b.AddTracepoint();
        b.Records.AddRange([b.Tracepoint(100, 1), b.Round(), b.Round(), b.Tracepoint(50, 2)]);
        (Recorder r, CaptureInfo info, _) = Recorder.Read(b.Build());
        Assert.Equal([100L, 50L], r.Events.Select(e => e.Timestamp));
        Assert.StartsWith("1 events came after a FINISHED_ROUND", Assert.Single(info.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("data")]
    public void The_files_of_a_directory_are_merged(string named)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("tracereplay-test-");
        try
        {
            // Each file has rounds and a zstd stream of its own.
            PerfDataBuilder b = new() { Compressed = 81, Directory = true };
            b.AddTracepoint();
            b.Records.AddRange([b.Comm(40, 42, "main", 0), b.Tracepoint(300, 3), b.Round(), b.Round(), b.Tracepoint(600, 6)]);
            File.WriteAllBytes(Path.Combine(directory.FullName, "data"), b.Build());
            foreach ((string name, uint[] numbers) in ((string, uint[])[])[("data.2", [2, 5]), ("data.10", [1, 4, 7])])
            {
                b.Records.Clear();
                foreach (uint n in numbers)
                {
                    b.Records.AddRange([b.Tracepoint(100 * n, n), b.Round(), b.Round()]);
                }

                File.WriteAllBytes(Path.Combine(directory.FullName, name), b.BuildRecords());
            }

            using ICapture capture = CaptureFormats.Open(Path.Combine(directory.FullName, named));
            Recorder r = new(capture.Info);
            Assert.Null(capture.ReadEvents(r, new ReadOptions(), TestContext.Current.CancellationToken));
            Assert.Equal("2 (directory)", capture.Info.Version);
            Assert.Equal(Enumerable.Range(1, 7).Select(n => (100L * n, (ulong)n, (string?)"main")), r.Events.Select(e => (e.Timestamp, (ulong)e.Fields["load"], e.Comm)));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_main_file_of_a_directory_alone_is_not_taken_for_the_whole()
    {
        PerfDataBuilder b = new() { Directory = true };
        b.AddTracepoint();
        b.Records.Add(b.Tracepoint(300, 3));
        (Recorder r, _, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Single(r.Events);
        Assert.Equal("the main file of a perf.data directory alone", damage!.Found);
    }

    [Fact]
    public void A_directory_that_is_no_recording_is_refused_in_one_line()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("tracereplay-test-");
        try
        {
            File.WriteAllText(Path.Combine(directory.FullName, "data"), "nothing");
            CaptureException e = Assert.Throws<CaptureException>(() => CaptureFormats.Open(directory.FullName));
            Assert.Equal($"{directory.FullName}: offset 0x0: a directory, expected a file, or a perf.data directory", e.Message);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
