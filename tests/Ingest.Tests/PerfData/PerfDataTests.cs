using TraceReplay.Ingest.Capture;
using Xunit;

namespace TraceReplay.Ingest.Tests.PerfData;

public sealed class PerfDataTests
{
    private static PerfDataBuilder Rich(bool bigEndian = false, bool pipe = false, int compressed = 0, int attrSize = 136, int longSize = 8, bool oldMagic = false)
    {
        PerfDataBuilder b = new() { BigEndian = bigEndian, Pipe = pipe, Compressed = compressed, AttrSize = attrSize, LongSize = longSize, OldMagic = oldMagic, ClockId = attrSize >= 96 ? 1 : null };
        b.AddTracepoint("kvm_fpu", 700, PerfDataBuilder.Usual, 11, 12);
        b.AddTracepoint("kvm_exit", 701, PerfDataBuilder.Usual, 13);
        b.Records.AddRange(
        [
            b.Comm(40, 42, "CPU 0/KVM", 0),
            b.Sample(12, 1_000_000_100, b.Payload(700, 1, 0xdeadbeef, "one"), cpu: 1, tid: 42),
            b.Record(1, new byte[72]),
            b.Sample(11, 1_000_000_050, b.Payload(700, 2, 0xdeadbeef, "two"), cpu: 0, tid: 42),
            b.Round(),
            b.Fork(42, 43, 1_000_000_110),
            b.Sample(13, 1_000_000_120, b.Payload(701, 3, 1, "12345678"), cpu: 1, tid: 43),
            b.Comm(40, 43, "renamed", 1_000_000_130),
            b.Record(21, new byte[24]),
            b.Sample(13, 1_000_000_140, b.Payload(701, 4, 1, ""), cpu: 1, tid: 43),
            b.Sample(13, 1_000_000_140, b.Payload(701, 4, 1, ""), cpu: 1, tid: 43),
            b.Round(),
            b.Record(4711, new byte[8]),
            b.Sample(11, 1_000_000_200, b.Payload(700, uint.MaxValue, 5, "end"), cpu: 0, tid: 44),
        ]);
        return b;
    }

    public static TheoryData<bool, bool, int, int, int, bool> Forms()
    {
        TheoryData<bool, bool, int, int, int, bool> forms = [];
        foreach (bool bigEndian in (bool[])[false, true])
        {
            foreach (bool pipe in (bool[])[false, true])
            {
                foreach (int compressed in (int[])[0, 81, 83])
                {
                    forms.Add(bigEndian, pipe, compressed, 136, 8, false);
                    forms.Add(bigEndian, pipe, compressed, 136, 4, false);
                }

                foreach (int attrSize in (int[])[64, 72, 80, 96, 104, 112, 120, 128, 144, 512])
                {
                    forms.Add(bigEndian, pipe, 0, attrSize, 8, false);
                }

                forms.Add(bigEndian, pipe, 0, 64, 4, true);
                forms.Add(bigEndian, pipe, 0, 72, 8, true);
            }
        }

        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_of_the_file_gives_the_same_rows(bool bigEndian, bool pipe, int compressed, int attrSize, int longSize, bool oldMagic)
    {
        (Recorder r, CaptureInfo info, CaptureDamage? damage) = Recorder.Read(Rich(bigEndian, pipe, compressed, attrSize, longSize, oldMagic).Build());
        Assert.Null(damage);
        Assert.Equal(
            [
                ("kvm.kvm_fpu", 1_000_000_050L, 0, 40, 42, "CPU 0/KVM", 2UL, 0xdeadbeefUL, "two"),
                ("kvm.kvm_fpu", 1_000_000_100L, 1, 40, 42, "CPU 0/KVM", 1UL, 0xdeadbeefUL, "one"),
                ("kvm.kvm_exit", 1_000_000_120L, 1, 40, 43, "CPU 0/KVM", 3UL, 1UL, "12345678"),
                ("kvm.kvm_exit", 1_000_000_140L, 1, 40, 43, "renamed", 4UL, 1UL, ""),
                ("kvm.kvm_exit", 1_000_000_140L, 1, 40, 43, "renamed", 4UL, 1UL, ""),
                ("kvm.kvm_fpu", 1_000_000_200L, 0, 40, 44, null, 0xffffffffUL, 5UL, "end"),
            ],
            r.Events.Select(e => (e.Event, e.Timestamp, e.Cpu, e.Tgid, e.Pid, e.Comm, (ulong)e.Fields["load"], (ulong)e.Fields["at"], (string)e.Fields["text"])));
        Assert.Equal(("perf.data", "testhost", "6.12.0-test", 2), (info.Format, info.Host, info.Kernel, info.Cpus));
        Assert.Equal(attrSize >= 96 ? ("mono", new DateOnly(2023, 11, 14)) : ("perf", null), (info.Clock, info.Date));
        Assert.Equal((oldMagic ? "1" : "2") + (pipe ? " (pipe)" : ""), info.Version);
        Assert.Equal(["1 record of unknown type 0x1267 was passed over"], info.Warnings);
    }

    [Theory]
    [InlineData(81)]
    [InlineData(83)]
    public void Records_span_compressed_records_of_any_size(int type)
    {
        foreach (int piece in (int[])[1, 3, 7, 8, 9, 100, 1000, 20_000])
        {
            PerfDataBuilder b = new() { Compressed = type, CompressedPiece = piece };
            b.AddTracepoint();
            b.Records.AddRange(Enumerable.Range(0, 300).Select(i => b.Tracepoint((ulong)(1000 + i), (uint)i)));
            (Recorder r, _, CaptureDamage? damage) = Recorder.Read(b.Build());
            Assert.Null(damage);
            Assert.Equal(Enumerable.Range(0, 300).Select(i => (ulong)i), r.Events.Select(e => (ulong)e.Fields["load"]));
        }
    }

    [Fact]
    public void Data_behind_an_auxtrace_record_are_stepped_over_even_if_they_look_like_records()
    {
        foreach (bool pipe in (bool[])[false, true])
        {
            PerfDataBuilder b = new() { Pipe = pipe };
            b.AddTracepoint();
            byte[] decoy = b.Tracepoint(5, 666);
            byte[] large = [.. Enumerable.Repeat(decoy, 20_000).SelectMany(d => d)];
            b.Records.AddRange(
            [
                b.Tracepoint(1000, 1),
                b.Record(71, [.. b.U64((ulong)decoy.Length), .. new byte[32]]), decoy,
                b.Tracepoint(1001, 2),
                b.Record(71, [.. b.U64((ulong)large.Length), .. new byte[32]]), large,
                b.Tracepoint(1002, 3),
            ]);
            (Recorder r, _, CaptureDamage? damage) = Recorder.Read(b.Build());
            Assert.Null(damage);
            Assert.Equal([1UL, 2UL, 3UL], r.Events.Select(e => (ulong)e.Fields["load"]));
        }
    }

    [Fact]
    public void Lost_records_stand_before_the_next_event_of_their_cpu_and_totals_are_not_counted_twice()
    {
        PerfDataBuilder b = new();
        b.AddTracepoint();
        b.Records.AddRange(
        [
            b.Tracepoint(1000, 1, cpu: 0),
            b.Lost(7, 1010, cpu: 1),
            b.LostSamples(2, 1011, cpu: 1),
            b.Tracepoint(1020, 2, cpu: 0),
            b.Tracepoint(1030, 3, cpu: 1),
            b.Lost(4, 1040, cpu: 0),
            // Without a time: what perf asked at the end; 13 of it stand above.
            b.LostSamples(15, 0, cpu: 0),
            b.LostSamples(3, 0, cpu: 1),
        ]);
        Recorder r = Recorder.Read(b.Build()).Recorder;
        Assert.Equal(
            [new LostRecords(1, 0, 1030, 9), new LostRecords(0, 0, null, 4), new LostRecords(-1, 0, null, 5)],
            r.Holes);
    }

    [Fact]
    public void A_single_attribute_without_ids_applies_to_all_samples()
    {
        PerfDataBuilder b = new() { Pipe = true };
        b.Events.Add((null, 0, 0, PerfDataBuilder.Ip | PerfDataBuilder.Tid | PerfDataBuilder.Time, 0, []));
        b.Records.Add(b.Record(9, [.. b.U64(0x1234), .. b.U32(7), .. b.U32(8), .. b.U64(99)]));
        Seen e = Assert.Single(Recorder.Read(b.Build()).Recorder.Events);
        Assert.Equal(("perf.cycles", 99L, -1, 7, 8), (e.Event, e.Timestamp, e.Cpu, e.Tgid, e.Pid));
        Assert.Equal(0x1234UL, e.Fields["ip"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Samples_that_are_no_tracepoints_keep_their_parts_as_recorded(bool bigEndian)
    {
        PerfDataBuilder b = new() { BigEndian = bigEndian };
        const ulong all = PerfDataBuilder.Identifier | PerfDataBuilder.Ip | PerfDataBuilder.Tid | PerfDataBuilder.Time | PerfDataBuilder.Addr | PerfDataBuilder.Id
            | PerfDataBuilder.StreamId | PerfDataBuilder.Cpu | PerfDataBuilder.Period | PerfDataBuilder.Read | PerfDataBuilder.Callchain | PerfDataBuilder.Raw
            | PerfDataBuilder.BranchStack | PerfDataBuilder.RegsUser | PerfDataBuilder.StackUser | PerfDataBuilder.Weight | PerfDataBuilder.DataSrc | PerfDataBuilder.PhysAddr;
        b.Events.Add(("cycles:ppp", 0, 0, all, 1 | 2 | 4 | 8 | 16, [5, 6]));
        b.Events.Add(("../x/../../y", 4, 0x3c, all, 1 | 2 | 4 | 8 | 16, [9]));
        byte[] group = [.. b.U64(2), .. b.U64(100), .. b.U64(90), .. b.U64(1), .. b.U64(5), .. b.U64(0), .. b.U64(2), .. b.U64(6), .. b.U64(0)];
        byte[] Sample(ulong id, bool registers) => b.Record(9,
        [
            .. b.U64(id), .. b.U64(0xa1), .. b.U32(1), .. b.U32(2), .. b.U64(50), .. b.U64(0xa2), .. b.U64(0xa3), .. b.U64(0xa4), .. b.U32(3), .. b.U32(0), .. b.U64(0xa5),
            .. group,
            .. b.U64(2), .. b.U64(0xc1), .. b.U64(0xc2),
            .. b.U32(4), 1, 2, 3, 4,
            .. b.U64(1), .. b.U64(0xb1), .. b.U64(0xb2), .. b.U64(0xb3),
            .. b.U64(registers ? 2u : 0u), .. registers ? (byte[])[.. b.U64(1), .. b.U64(2)] : [],
            .. registers ? (byte[])[.. b.U64(16), .. new byte[16], .. b.U64(8)] : b.U64(0),
            .. b.U64(0xa6), .. b.U64(0xa7), .. b.U64(0xa8),
        ]);
        b.Records.AddRange([Sample(6, true), Sample(9, false)]);
        (Recorder r, CaptureInfo info, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Null(damage);
        Assert.Empty(info.Warnings);
        Assert.Equal(["perf.cycles_ppp", "perf.x_______y"], r.Events.Select(e => e.Event));
        foreach (Seen e in r.Events)
        {
            Assert.Equal(
                [0xa1UL, 0xa2UL, 0xa3UL, 0xa4UL, 0xa5UL, 0xa6UL, 0xa7UL, 0xa8UL],
                ((string[])["ip", "addr", "id", "stream_id", "period", "weight", "data_src", "phys_addr"]).Select(n => (ulong)e.Fields[n]));
            Assert.Equal(group, e.Fields["read"]);
            Assert.Equal((byte[])[.. b.U64(0xc1), .. b.U64(0xc2)], e.Fields["callchain"]);
            Assert.Equal((byte[])[.. b.U64(1), .. b.U64(0xb1), .. b.U64(0xb2), .. b.U64(0xb3)], e.Fields["branch_stack"]);
            Assert.Equal((byte[])[1, 2, 3, 4], e.Fields["raw"]);
        }
    }

    [Fact]
    public void A_tracepoint_without_a_format_keeps_its_record_as_bytes()
    {
        PerfDataBuilder b = new() { WithFormats = false };
        b.AddTracepoint();
        b.Records.Add(b.Tracepoint(1000, 1));
        (Recorder r, CaptureInfo info, _) = Recorder.Read(b.Build());
        Seen e = Assert.Single(r.Events);
        Assert.Equal("kvm.kvm_fpu", e.Event);
        byte[] payload = b.Payload(700, 1, 0xdeadbeef, "te");
        Assert.Equal(payload, ((byte[])e.Fields["raw"])[..payload.Length]);
        Assert.Contains("no format of tracepoint kvm:kvm_fpu", Assert.Single(info.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_of_an_unknown_event_are_counted()
    {
        PerfDataBuilder b = new();
        b.AddTracepoint("kvm_fpu", 700);
        b.AddTracepoint("kvm_exit", 701);
        b.Records.AddRange([b.Tracepoint(1000, 1), b.Sample(4711, 1001, b.Payload(700, 1, 1, ""))]);
        (Recorder r, CaptureInfo info, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Null(damage);
        Assert.Single(r.Events);
        Assert.Equal("1 samples with an id that no event of the capture has are left out", Assert.Single(info.Warnings));
    }

    [Fact]
    public void A_recorder_that_was_killed_leaves_no_size_but_its_records_count()
    {
        PerfDataBuilder b = new();
        b.AddTracepoint();
        b.Records.AddRange([b.Tracepoint(1000, 1), b.Tracepoint(1001, 2)]);
        byte[] whole = b.Build();
        int dataAt = b.Boundaries[5];
        byte[] killed = whole[..(dataAt + b.Records.Sum(r => r.Length))];
        b.U64(0).CopyTo(killed, 48);
        (Recorder r, _, CaptureDamage? damage) = Recorder.Read(killed);
        Assert.Equal(2, r.Events.Count);
        Assert.Equal("test.dat: offset 0x30: 0 bytes of records, expected their size: the recorder did not end well", damage!.ToString());
    }
}
