using System.Text;
using TraceReplay.Ingest.Capture;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>Files made from the specification, in all the forms that trace.dat has.</summary>
public sealed class TraceDatTests
{
    private static string Sample(int longSize) => TraceDatBuilder.Format(
        "sample",
        300,
        "u8 a;\toffset:8;\tsize:1;\tsigned:0;",
        "s16 b;\toffset:10;\tsize:2;\tsigned:1;",
        "unsigned long c;\toffset:12;\tsize:" + longSize + ";\tsigned:0;",
        "char name[8];\toffset:20;\tsize:8;\tsigned:1;",
        "__data_loc char[] text;\toffset:28;\tsize:4;\tsigned:1;",
        "__rel_loc u8[] blob;\toffset:32;\tsize:4;\tsigned:0;");

    private static byte[] SamplePayload(TraceDatBuilder b, int pid, byte a, short s, ulong c, string name, string text, byte[] blob)
    {
        byte[] word = [.. b.Number(c, b.LongSize), .. new byte[8 - b.LongSize]];
        byte[] fixedName = new byte[8];
        Encoding.UTF8.GetBytes(name).CopyTo(fixedName, 0);
        byte[] dynamic = TraceDatBuilder.Z(text);
        uint textSlot = 36u | ((uint)dynamic.Length << 16);
        uint blobSlot = (uint)dynamic.Length | ((uint)blob.Length << 16);
        return b.Payload(300, pid, [a, 0], b.Number((ushort)s, 2), word, fixedName, b.U32(textSlot), b.U32(blobSlot), dynamic, blob);
    }

    private static List<byte[]> Pages(params byte[][] pages) => [.. pages];

    public static TheoryData<int, bool, int, string> Forms()
    {
        TheoryData<int, bool, int, string> forms = [];
        foreach (bool big in (bool[])[false, true])
        {
            foreach (int size in (int[])[4, 8])
            {
                forms.Add(6, big, size, "none");
                forms.Add(7, big, size, "none");
                forms.Add(7, big, size, "zlib");
                forms.Add(7, big, size, "zstd");
            }
        }

        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_gives_the_same_events(int version, bool bigEndian, int longSize, string compression)
    {
        TraceDatBuilder b = new() { Version = version, BigEndian = bigEndian, LongSize = longSize, Compression = compression };
        b.Formats.Add(("test", Sample(longSize)));
        b.Options.Add((5, Encoding.ASCII.GetBytes("Linux box 6.99.0-test armv7l\0")));
        b.Options.Add((4242, [1, 2, 3, 4, 5]));
        ulong c = longSize == 4 ? 0xdeadbeef : 0xdeadbeef12345678;
        b.Buffers.Add(("",
        [
            (0, Pages(b.Page(1000, 0, b.Record(0, SamplePayload(b, 42, 7, -5, c, "first", "hello", [1, 2])), b.Record(500, SamplePayload(b, 43, 255, short.MinValue, 1, "12345678", "", []))))),
            (1, Pages(b.Page(1200, 0, b.Record(100, SamplePayload(b, 0, 1, 2, 3, "", new string('x', 200), [9])), b.Record(200, SamplePayload(b, 99, 1, 2, 3, "", "z", [])))))
        ]));

        (Recorder r, CaptureInfo info, CaptureDamage? damage) = Recorder.Read(b.Build());

        Assert.Null(damage);
        Assert.Equal(("box", "6.99.0-test", "armv7l"), (info.Host, info.Kernel, info.Arch));
        Assert.Equal("amd", info.CpuVendor);
        Assert.Equal([(1000L, 0), (1300, 1), (1500, 0), (1500, 1)], r.Events.Select(e => (e.Timestamp, e.Cpu)));
        Assert.Equal(["worker one", "<idle>", "<...>", null], r.Events.Select(e => e.Comm));
        Dictionary<string, object> first = r.Events[0].Fields;
        Assert.Equal((7UL, -5L, c, "first", "hello"), (first["a"], first["b"], first["c"], first["name"], first["text"]));
        Assert.Equal((byte[])[1, 2], first["blob"]);
        Assert.Equal(new string('x', 200), r.Events[1].Fields["text"]);
        Assert.Equal((255UL, (long)short.MinValue, "12345678", ""), (r.Events[2].Fields["a"], r.Events[2].Fields["b"], r.Events[2].Fields["name"], r.Events[2].Fields["text"]));
    }

    [Theory]
    [InlineData(false, 8)]
    [InlineData(true, 4)]
    public void Time_runs_through_extends_stamps_and_discarded_records(bool bigEndian, int longSize)
    {
        TraceDatBuilder b = Plain(bigEndian, longSize);
        ulong start = (0x11UL << 59) + 5;
        b.Buffers.Add(("",
        [
            (0, Pages(b.Page(
                start,
                0,
                b.Record(0, b.Payload(301, 1)),
                b.TimeExtend(1UL << 40),
                b.Record(3, b.Payload(301, 1)),
                b.Padding(7, 12),
                b.Record(0, b.Payload(301, 1)),
                b.TimeStamp(start + (1UL << 41)),
                b.Record(1, b.Payload(301, 1), longForm: true))))
        ]));
        (Recorder r, _, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Null(damage);
        ulong[] expected = [start, start + (1UL << 40) + 3, start + (1UL << 40) + 10, start + (1UL << 41) + 1];
        Assert.Equal(expected, r.Events.Select(e => (ulong)e.Timestamp));
    }

    [Fact]
    public void An_absolute_stamp_that_wraps_59_bits_goes_on()
    {
        TraceDatBuilder b = Plain();
        ulong before = (1UL << 59) - 10;
        b.Buffers.Add(("", [(0, Pages(b.Page(before, 0, b.Record(0, b.Payload(301, 1)), b.TimeStamp(20), b.Record(0, b.Payload(301, 1)))))]));
        Assert.Equal([before, (1UL << 59) + 20], Recorder.Read(b.Build()).Recorder.Events.Select(e => (ulong)e.Timestamp));
    }

    [Theory]
    [InlineData(false, 8)]
    [InlineData(true, 4)]
    public void Lost_records_are_reported_with_the_event_behind_the_hole(bool bigEndian, int longSize)
    {
        TraceDatBuilder b = Plain(bigEndian, longSize);
        b.Buffers.Add(("",
        [
            (0, Pages(b.Page(10, 0, b.Record(0, b.Payload(301, 1))), b.Page(20, 77, b.Record(0, b.Payload(301, 1))), b.Page(30, -1, b.Record(0, b.Payload(301, 1))), b.Page(40, 5))),
            (1, Pages(b.Page(15, 0, b.Record(0, b.Payload(301, 1)))))
        ]));
        (Recorder r, _, _) = Recorder.Read(b.Build());
        Assert.Equal([new LostRecords(0, 0, 20, 77), new(0, 0, 30, null), new(0, 0, null, 5)], r.Holes);
        Assert.Equal(4, r.Events.Count);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("zstd")]
    public void Sub_buffers_may_be_larger_than_a_page(string compression)
    {
        TraceDatBuilder b = new() { PageSize = 16384, Compression = compression };
        b.Formats.Add(("test", TraceDatBuilder.Format("tick", 301, "u32 n;\toffset:8;\tsize:4;\tsigned:0;")));
        byte[][] pages = [.. Enumerable.Range(0, 7).Select(p => b.Page((ulong)(p * 10000), 0, [.. Enumerable.Range(0, 900).Select(i => b.Record(1, b.Payload(301, 1, b.U32((uint)((p * 900) + i)))))]))];
        b.Buffers.Add(("", [(0, Pages(pages))]));
        (Recorder r, _, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Null(damage);
        Assert.Equal(Enumerable.Range(0, 6300).Select(i => (object)(ulong)i), r.Events.Select(e => e.Fields["n"]));
    }

    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    public void Instances_are_merged_by_time_and_cpu_ids_may_have_holes(int version)
    {
        TraceDatBuilder b = new() { Version = version };
        b.Formats.Add(("test", TraceDatBuilder.Format("tick", 301)));
        int other = version == 6 ? 1 : 5;
        b.Buffers.Add(("", [(0, Pages(b.Page(10, 0, b.Record(0, b.Payload(301, 1))))), (other, Pages(b.Page(5, 0, b.Record(0, b.Payload(301, 1)))))]));
        b.Buffers.Add(("side", [(0, Pages(b.Page(7, 0, b.Record(0, b.Payload(301, 1))))), (other, Pages(b.Page(10, 0, b.Record(0, b.Payload(301, 1)))))]));
        (Recorder r, CaptureInfo info, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Null(damage);
        Assert.Equal(["", "side"], info.Instances);
        Assert.Equal([(5L, other, ""), (7, 0, "side"), (10, 0, ""), (10, other, "side")], r.Events.Select(e => (e.Timestamp, e.Cpu, e.Instance)));
    }

    [Fact]
    public void Offset_date_and_tsc_correct_time_stamps_in_the_order_of_trace_cmd()
    {
        TraceDatBuilder b = Plain();
        b.Options.Add((14, [.. b.U32(3), .. b.U32(1), .. b.U64(0)]));
        b.Options.Add((7, TraceDatBuilder.Z("-5")));
        b.Options.Add((1, TraceDatBuilder.Z("0x10")));
        b.Options.Add((4, TraceDatBuilder.Z("local [x86-tsc] mono")));
        b.Buffers.Add(("", [(0, Pages(b.Page(1000, 0, b.Record(0, b.Payload(301, 1)))))]));
        (Recorder r, CaptureInfo info, _) = Recorder.Read(b.Build());
        Assert.Equal((1000 * 3 / 2) - 5 + 16000, r.Events.Single().Timestamp);
        Assert.Equal(("x86-tsc", "ns"), (info.Clock, info.ClockUnit));
    }

    [Fact]
    public void A_guests_time_shift_interpolates_between_samples()
    {
        TraceDatBuilder b = Plain();
        byte[] shift =
        [
            .. b.U64(1), .. b.U32(1), .. b.U32(1),
            .. b.U32(2), .. b.U64(1000), .. b.U64(2000), .. b.U64(100), .. b.U64(200), .. b.U64(1), .. b.U64(1), .. b.U64(0), .. b.U64(0),
        ];
        b.Options.Add((12, shift));
        b.Buffers.Add(("", [(0, Pages(b.Page(1500, 0, b.Record(0, b.Payload(301, 1)))))]));
        Assert.Equal(1650, Recorder.Read(b.Build()).Recorder.Events.Single().Timestamp);
    }

    [Fact]
    public void Vcpu_threads_of_guests_are_known()
    {
        TraceDatBuilder b = Plain();
        b.Options.Add((13, [.. TraceDatBuilder.Z("vm1"), .. b.U64(7), .. b.U32(2), .. b.U32(0), .. b.U32(4001), .. b.U32(1), .. b.U32(4002)]));
        b.Buffers.Add(("", [(0, Pages(b.Page(1, 0)))]));
        Assert.Equal(("vm1", 1), Recorder.Read(b.Build()).Info.GuestThreads[4002]);
    }

    [Fact]
    public void Records_without_a_format_are_counted_in_a_warning()
    {
        TraceDatBuilder b = Plain();
        b.Buffers.Add(("", [(0, Pages(b.Page(1, 0, b.Record(0, b.Payload(301, 1)), b.Record(0, b.Payload(999, 1)))))]));
        (Recorder r, CaptureInfo info, _) = Recorder.Read(b.Build());
        Assert.Single(r.Events);
        Assert.Contains(info.Warnings, w => w.Contains("999", StringComparison.Ordinal) && w.StartsWith("1 record", StringComparison.Ordinal));
    }

    [Fact]
    public void Records_lost_without_a_mark_in_the_pages_are_told_from_the_cpus_counters()
    {
        TraceDatBuilder b = Plain();
        b.Options.Add((2, TraceDatBuilder.Z("CPU: 0\nentries: 1\noverrun: 30\ncommit overrun: 0\ndropped events: 2\n")));
        b.Options.Add((2, TraceDatBuilder.Z("CPU: 1\nentries: 1\noverrun: 7\ndropped events: 0\n")));
        b.Buffers.Add(("", [(0, Pages(b.Page(1, 5, b.Record(0, b.Payload(301, 1))))), (1, Pages(b.Page(1, 7, b.Record(0, b.Payload(301, 1)))))]));
        Assert.Equal(["CPU 0 lost 32 records by the kernel's count; the pages account for 5 of them"], Recorder.Read(b.Build()).Info.Warnings);
    }

    internal static TraceDatBuilder Plain(bool bigEndian = false, int longSize = 8, int version = 7, string compression = "none")
    {
        TraceDatBuilder b = new() { BigEndian = bigEndian, LongSize = longSize, Version = version, Compression = compression };
        b.Formats.Add(("test", TraceDatBuilder.Format("tick", 301)));
        return b;
    }
}
