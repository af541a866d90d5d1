using CsCheck;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Timeline;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline;

/// <summary>Event tables become one sequence again, by whichever reader they are read.</summary>
public sealed class EventStreamTests : IDisposable
{
    private static readonly string[] s_columns = ["seq", "ts_ns", "cpu", "pid", "value", "absent"];

    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
    private int _files;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Fact]
    public void Every_event_comes_once_and_in_order()
    {
        Gen.Select(Gen.Int[1, 9], Gen.OneOf(Gen.Int[0, 50], Gen.Int[0, 20_000]), Gen.Int[1, 100_000], Gen.Int).Sample(
            (tables, events, most, seed) =>
            {
                Random random = new(seed);
                List<long>[] seqs = [.. Enumerable.Range(0, tables).Select(_ => new List<long>())];
                long seq = random.Next(10);
                int table = 0;
                for (int i = 0; i < events; i++)
                {
                    table = random.Next(3) == 0 ? random.Next(tables) : table;
                    seqs[table].Add(seq);
                    seq += random.Next(20) == 0 ? random.Next(1, most) : 1;
                }

                string[] paths = [.. seqs.Select(rows => Write(rows, 1 << 12))];
                using EventStream stream = new(paths.Select(path => EventCursor.Open(path, Source)));
                foreach (long expected in seqs.SelectMany(rows => rows).Order())
                {
                    Assert.True(stream.MoveNext());
                    EventCursor e = stream.Current;
                    Assert.Equal(expected, e.Seq);
                    Assert.Equal((expected * 10, Value(expected), expected % 3 != 0), (e.Time, e.Knows(0) ? (long)e[0] : null, e.Knows(0)));
                    Assert.Equal((0UL, false, -1), (e[1], e.Knows(1), e.Cpu));
                }

                Assert.False(stream.MoveNext());
                Array.ForEach(paths, File.Delete);
            },
            iter: 40,
            threads: 1);
    }

    [Fact]
    public void One_table_that_serves_two_kinds_gives_each_event_to_both_in_the_order_of_the_sources()
    {
        List<long> rows = [.. Enumerable.Range(0, 5000).Select(i => (long)i * 2)];
        string path = Write(rows, 1000);
        string other = Write([.. rows.Select(seq => seq + 1)], 1000);
        using EventStream stream = new([
            EventCursor.Open(path, new EventSource(EventKind.Exit, "t", "value?")),
            EventCursor.Open(other, Source),
            EventCursor.Open(path, new EventSource(EventKind.PageFault, "t", "value?"))]);
        foreach (long seq in rows)
        {
            foreach ((long at, EventKind kind) in ((long, EventKind)[])[(seq, EventKind.Exit), (seq, EventKind.PageFault), (seq + 1, EventKind.Entry)])
            {
                Assert.True(stream.MoveNext());
                Assert.Equal((at, kind), (stream.Current.Seq, stream.Current.Kind));
            }
        }

        Assert.False(stream.MoveNext());
    }

    [Fact]
    public void A_table_out_of_order_is_said_to_be()
    {
        using EventStream stream = new([EventCursor.Open(Write([1, 2, 2, 3], 1000), Source)]);
        Assert.Throws<CaptureException>(() =>
        {
            while (stream.MoveNext())
            {
            }
        });
    }

    [Fact]
    public void Both_readers_give_the_same_rows()
    {
        string path = Write([.. Enumerable.Range(0, 10_000).Select(i => (long)i)], 3000);
        List<(long, long, bool)> whole = Rows(RowSource.Open(path, s_columns));
        Assert.Equal(10_000, whole.Count);
        Assert.Equal(whole, Rows(LibraryRows.Open(path, s_columns)));
    }

    /// <summary>A file that our reader opens gives the values that Parquet.Net has, or is said to be damaged.</summary>
    [Fact]
    public void A_damaged_table_gives_what_Parquet_Net_gives_or_is_said_to_be_damaged()
    {
        string path = Write([.. Enumerable.Range(0, 3000).Select(i => (long)i)], 1000);
        byte[] whole = File.ReadAllBytes(path);
        Gen.Select(Gen.Int[4, whole.Length - 1], Gen.Int[0, 7]).Sample(
            (at, bit) =>
            {
                byte[] damaged = [.. whole];
                damaged[at] ^= (byte)(1 << bit);
                File.WriteAllBytes(path, damaged);
                List<(long, long, bool)>? values = Try(() => Stream(path));
                List<(long, long, bool)>? others = Try(() => Rows(LibraryRows.Open(path, s_columns)));
                if (values is not null && others is not null)
                {
                    Assert.Equal(others, values);
                }
            },
            iter: 300,
            threads: 1);
    }

    private static EventSource Source => new(EventKind.Entry, "t", "value?", "absent?");

    private static long? Value(long seq) => seq % 3 == 0 ? null : seq * -7;

    private static List<(long, long, bool)>? Try(Func<List<(long, long, bool)>> read)
    {
        try
        {
            return read();
        }
        catch (CaptureException)
        {
            return null;
        }
    }

    private static List<(long, long, bool)> Stream(string path)
    {
        using EventStream stream = new([EventCursor.Open(path, Source)]);
        List<(long, long, bool)> rows = [];
        while (stream.MoveNext())
        {
            rows.Add((stream.Current.Seq, (long)stream.Current[0], !stream.Current.Knows(0)));
        }

        return rows;
    }

    private static List<(long, long, bool)> Rows(RowSource source)
    {
        using (source)
        {
            RowBlock block = new(s_columns.Length);
            List<(long, long, bool)> rows = [];
            if (!source.Has(0) || !source.Has(4))
            {
                throw new CaptureException(new CaptureDamage("", 0, "another name of a column", "expected seq and value"));
            }

            for (int count; (count = source.Read(block)) > 0;)
            {
                for (int i = 0; i < count; i++)
                {
                    rows.Add((block.Values[0][i], block.Values[4][i], source.IsNullable(4) && block.Unknown[4][i]));
                }
            }

            return rows;
        }
    }

    private string Write(List<long> seqs, int groupRows)
    {
        Column<long> seq = new("seq");
        Column<long> time = new("ts_ns");
        Column<int> cpu = new("cpu", nullable: true);
        Column<int> pid = new("pid");
        Column<long> value = new("value", nullable: true);
        string path = Path.Combine(_work, $"{++_files}.parquet");
        using TableWriter table = new(path, [seq, time, cpu, pid, value], groupRows);
        foreach (long at in seqs)
        {
            seq.Add(at);
            time.Add(at * 10);
            cpu.AddNull();
            pid.Add((int)(at / 100));
            value.Add(Value(at));
            table.EndRow();
        }

        table.Complete();
        return path;
    }
}
