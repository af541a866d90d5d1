using CsCheck;
using TraceReplay.Ingest.Capture;
using Xunit;

namespace TraceReplay.Ingest.Tests.PerfData;

/// <summary>Nothing in a file may crash, hang or fill memory; what was complete before the damage is kept.</summary>
public sealed class PerfRobustnessTests
{
    private static PerfDataBuilder Whole(bool pipe, int compressed)
    {
        PerfDataBuilder b = new() { Pipe = pipe, Compressed = compressed };
        b.AddTracepoint();
        b.Events.Add(("cycles", 0, 0, PerfDataBuilder.Usual | PerfDataBuilder.Callchain | PerfDataBuilder.BranchStack | PerfDataBuilder.Read | PerfDataBuilder.StackUser, 8, [8]));
        b.Records.Add(b.Comm(40, 42, "name", 0));
        for (uint i = 0; i < 40; i++)
        {
            b.Records.Add(b.Tracepoint(1000 + i, i));
            b.Records.Add(b.Record(9,
            [
                .. b.U64(8), .. b.U64(1), .. b.U32(1), .. b.U32(2), .. b.U64(1000 + i), .. b.U32(0), .. b.U32(0), .. b.U64(1),
                .. b.U64(1), .. b.U64(5), .. b.U64(1), .. b.U64(0xc1), .. b.U32(4), 1, 2, 3, 4, .. b.U64(0), .. b.U64(0),
            ]));
            if (i % 10 == 9)
            {
                b.Records.AddRange([b.Lost(1, 1000 + i, 0), b.Round()]);
            }
        }

        return b;
    }

    private static (int Events, CaptureDamage? Damage) ReadAny(byte[] file)
    {
        try
        {
            (Recorder r, _, CaptureDamage? damage) = Recorder.Read(file);
            return (r.Events.Count, damage);
        }
        catch (CaptureException e)
        {
            return (0, e.Damage);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(81)]
    [InlineData(83)]
    public void A_file_cut_anywhere_says_where_it_ends_and_keeps_what_was_whole(int compressed)
    {
        PerfDataBuilder b = Whole(pipe: false, compressed);
        byte[] whole = b.Build();
        Assert.Equal((80, null), ReadAny(whole));
        int most = 0;
        foreach (int cut in Enumerable.Range(0, whole.Length).Where(i => i % 7 == 0).Concat(b.Boundaries.SelectMany(x => (int[])[x - 1, x, x + 1])).Where(c => c < whole.Length).Order())
        {
            (int events, CaptureDamage? damage) = ReadAny(whole[..cut]);
            Assert.True(damage is not null, $"cut at {cut} of {whole.Length} went unnoticed");
            Assert.InRange(damage.Offset, 0, cut);
            Assert.DoesNotContain('\n', damage.ToString());
            Assert.True(events >= most, $"cut at {cut} lost events that a shorter file has");
            most = events;
        }

        Assert.Equal(80, most);
    }

    [Fact]
    public void A_pipe_cut_within_a_record_keeps_the_records_before()
    {
        PerfDataBuilder b = Whole(pipe: true, 0);
        byte[] whole = b.Build();
        int last = b.Records[^1].Length + b.Records[^2].Length + b.Records[^3].Length;
        (int events, CaptureDamage? damage) = ReadAny(whole[..^(last - 10)]);
        Assert.Equal(79, events);
        Assert.Equal(whole.Length - last, damage!.Offset);
    }

    [Fact]
    public void A_record_of_size_zero_ends_the_reading()
    {
        PerfDataBuilder b = Whole(pipe: true, 0);
        b.Records[10] = new byte[8];
        (int events, CaptureDamage? damage) = ReadAny(b.Build());
        Assert.Equal(9, events);
        Assert.Equal("a record of 0 bytes", damage!.Found);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 81)]
    [InlineData(true, 83)]
    public void Any_changed_bytes_are_survived(bool pipe, int compressed)
    {
        byte[] whole = Whole(pipe, compressed).Build();
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[1, 8]).List[1, 4].Sample(
            changes =>
            {
                byte[] file = (byte[])whole.Clone();
                foreach ((int at, byte value, int count) in changes)
                {
                    file.AsSpan(at, Math.Min(count, file.Length - at)).Fill(value);
                }

                (int events, CaptureDamage? damage) = ReadAny(file);
                Assert.InRange(events, 0, 100_000);
                Assert.InRange(damage?.Offset ?? 0, 0, file.Length);
            },
            iter: 400);
    }

    [Theory]
    [InlineData("PERFILE2")]
    [InlineData("2ELIFREP")]
    [InlineData("PERFFILE")]
    public void Garbage_behind_the_magic_is_survived(string magic) =>
        Gen.Byte.Array[0, 300].Sample(bytes => ReadAny([.. System.Text.Encoding.ASCII.GetBytes(magic), .. bytes]), iter: 500);
}
