using CsCheck;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>Nothing in a file may crash, hang or fill memory; what was complete before the damage is kept.</summary>
public sealed class RobustnessTests
{
    private static byte[] Whole(int version, string compression, out IReadOnlyList<long> boundaries)
    {
        TraceDatBuilder b = TraceDatTests.Plain(version: version, compression: compression);
        byte[][] pages = [.. Enumerable.Range(0, 8).Select(p => b.Page((ulong)(p * 10000), p == 3 ? 9 : 0, [.. Enumerable.Range(0, 100).Select(_ => b.Record(1, b.Payload(301, 42)))]))];
        b.Buffers.Add(("", [(0, [.. pages]), (1, [.. pages])]));
        byte[] file = b.Build();
        boundaries = b.Boundaries;
        return file;
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
    [InlineData(6, "none")]
    [InlineData(7, "none")]
    [InlineData(7, "zlib")]
    [InlineData(7, "zstd")]
    public void A_file_cut_anywhere_says_where_it_ends(int version, string compression)
    {
        byte[] whole = Whole(version, compression, out IReadOnlyList<long> boundaries);
        Assert.Equal((1600, null), ReadAny(whole));
        foreach (long at in boundaries.SelectMany(b => (long[])[b - 1, b, b + 1, b + 8, b + 17]).Concat(Enumerable.Range(0, 60).Select(i => i * (long)whole.Length / 60)))
        {
            long cut = Math.Clamp(at, 0, whole.Length - 1);
            (int events, CaptureDamage? damage) = ReadAny(whole[..(int)cut]);
            Assert.True(damage is not null, $"cut at {cut} of {whole.Length} went unnoticed");
            Assert.InRange(damage.Offset, 0, cut);
            Assert.DoesNotContain('\n', damage.ToString());
            Assert.InRange(events, 0, 1600);
        }
    }

    [Fact]
    public void What_was_complete_before_a_cut_is_kept()
    {
        byte[] whole = Whole(6, "none", out IReadOnlyList<long> boundaries);
        // The last boundary is CPU 1's data: 8 pages of 100 events.
        int cut = (int)boundaries[^1] + (3 * 4096) + 16 + (50 * 12);
        (int events, CaptureDamage? damage) = ReadAny(whole[..cut]);
        Assert.Equal(800 + 300 + 50, events);
        Assert.Equal(cut, damage!.Offset);
    }

    [Fact]
    public void A_real_v7_file_cut_before_its_last_options_still_gives_its_events()
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "function.dat"));
        List<Seen> all = Recorder.Read(whole).Recorder.Events;
        int most = 0;
        for (int cut = whole.Length - 1; cut > 0; cut -= 509)
        {
            try
            {
                (Recorder r, _, CaptureDamage? damage) = Recorder.Read(whole[..cut]);
                Assert.NotNull(damage);
                most = Math.Max(most, r.Events.Count);
                foreach (IGrouping<int, Seen> cpu in r.Events.GroupBy(e => e.Cpu))
                {
                    Assert.Equal(all.Where(e => e.Cpu == cpu.Key).Take(cpu.Count()).Select(e => (e.Event, e.Timestamp)), cpu.Select(e => (e.Event, e.Timestamp)));
                }
            }
            catch (CaptureException)
            {
                // Cut within the very first bytes.
                Assert.InRange(cut, 0, 64);
            }
        }

        Assert.Equal(all.Count, most);
    }

    [Theory]
    [InlineData(6, "none")]
    [InlineData(7, "none")]
    [InlineData(7, "zstd")]
    public void Any_changed_bytes_are_survived(int version, string compression)
    {
        byte[] whole = Whole(version, compression, out _);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[1, 8]).List[1, 4].Sample(
            changes =>
            {
                byte[] file = (byte[])whole.Clone();
                foreach ((int at, byte value, int count) in changes)
                {
                    file.AsSpan(at, Math.Min(count, file.Length - at)).Fill(value);
                }

                (int events, _) = ReadAny(file);
                Assert.InRange(events, 0, 200_000);
            },
            iter: 400);
    }

    [Fact]
    public void Garbage_behind_the_magic_is_survived()
    {
        byte[] magic = [0x17, 0x08, 0x44, .. "tracing7\0"u8, 0, 8, 0, 16, 0, 0];
        Gen.Byte.Array[0, 300].Sample(bytes => ReadAny([.. magic, .. bytes]), iter: 500);
    }

    [Fact]
    public void A_chain_of_options_that_bites_its_tail_ends()
    {
        TraceDatBuilder b = TraceDatTests.Plain();
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(0, b.Payload(301, 1)))])]));
        byte[] file = b.Build();
        // The last eight bytes say that no options follow; let them point at the second section of options.
        BitConverter.GetBytes(b.Boundaries[^1]).CopyTo(file, file.Length - 8);
        (int events, CaptureDamage? damage) = ReadAny(file);
        Assert.Equal(1, events);
        Assert.Contains("again", damage!.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "an empty file")]
    [InlineData("hello world, this is no capture", "an unknown format")]
    public void What_is_no_capture_gets_one_line(string content, string found)
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, content);
        try
        {
            CaptureException e = Assert.Throws<CaptureException>(() => CaptureFormats.Open(path));
            Assert.StartsWith($"{path}: offset 0x0: {found}, expected", e.Message, StringComparison.Ordinal);
            string dataset = path + ".dataset";
            Assert.Throws<CaptureException>(() => Ingestor.Ingest(path, dataset, new IngestOptions(), TestContext.Current.CancellationToken));
            Assert.False(Directory.Exists(dataset));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
