using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using Xunit;
using static TraceReplay.Ingest.Tests.NetTrace.NetTraceBuilder;

namespace TraceReplay.Ingest.Tests.NetTrace;

/// <summary>Files made from the specification.</summary>
public sealed class NetTraceTests
{
    private const int U32 = 10;
    private const int U64 = 12;

    [Fact]
    public void The_size_of_records_tells_kernels_apart()
    {
        // kvm_entry ends with immediate_exit at 24 up to 6.12 and with error_code at 32 since 6.18.
        byte[] old = Padded(Common(7, 42), Bytes(1), Bytes(0), Bytes(0x1000L), [1]);
        byte[] recent = Padded(Common(7, 42), Bytes(1), Bytes(0), Bytes(0x1000L), [1, 0, 0, 0], Bytes(5), Bytes(6));
        Seen before = Single(One("kvm", "kvm_entry", old, ("vcpu_id", U32)));
        Assert.Equal(["vcpu_id", "rip", "immediate_exit"], before.Fields.Keys);
        Assert.Equal(0x1000UL, before.Fields["rip"]);
        Seen after = Single(One("kvm", "kvm_entry", recent, ("vcpu_id", U32)));
        Assert.Equal((5UL, 6UL), (after.Fields["intr_info"], after.Fields["error_code"]));
    }

    [Fact]
    public void A_layout_that_the_description_contradicts_is_not_taken()
    {
        byte[] record = Padded(Common(7, 42), Bytes(1), Bytes(0), Bytes(0x1000L), [1]);
        (Recorder r, CaptureInfo info, _) = Recorder.Read(One("kvm", "kvm_entry", record, ("cpu_id", U32)));
        Assert.Equal(["cpu_id", "undescribed"], Assert.Single(r.Events).Fields.Keys);
        Assert.Contains("no layout fits its records; the recorder describes 1 fields", Assert.Single(info.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_tracepoint_keeps_what_is_described_and_the_bytes_behind()
    {
        // u32 at 8, u64 aligned to 16, then a type that the recorder does not know.
        byte[] record = Padded(Common(7, 42), Bytes(1), Bytes(0), Bytes(2L), [0xab, 0xcd, 1, 2, 3]);
        (Recorder r, CaptureInfo info, _) = Recorder.Read(One("mydriver", "my_event", record, ("a", U32), ("b", U64)));
        Seen seen = Assert.Single(r.Events);
        Assert.Equal(("mydriver.my_event", 42), (seen.Event, seen.Pid));
        Assert.Equal((1UL, 2UL), (seen.Fields["a"], seen.Fields["b"]));
        Assert.Equal([0xab, 0xcd], ((byte[])seen.Fields["undescribed"])[..2]);
        Assert.Contains("mydriver.my_event: no layout is known", Assert.Single(info.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tracepoint_that_is_described_whole_needs_no_layout()
    {
        byte[] record = Padded(Common(7, 42), Bytes(1));
        (Recorder r, CaptureInfo info, _) = Recorder.Read(One("mydriver", "my_event", record, ("a", U32)));
        Assert.Equal(["a"], Assert.Single(r.Events).Fields.Keys);
        Assert.Empty(info.Warnings);
    }

    [Fact]
    public void What_may_be_padding_is_kept_without_a_warning()
    {
        byte[] record = Padded(Common(7, 42), Bytes(1), Bytes(2));
        (Recorder r, CaptureInfo info, _) = Recorder.Read(One("mydriver", "my_event", record, ("a", U32), ("b", U32)));
        Assert.Equal(new byte[4], (byte[])Assert.Single(r.Events).Fields["undescribed"]);
        Assert.Empty(info.Warnings);
    }

    [Fact]
    public void Arguments_of_a_probe_lie_one_behind_the_other()
    {
        byte[] record = Padded(Common(7, 42), Bytes(-4096L), Bytes(7), Bytes(8L));
        Seen seen = Single(One("kvmrep", "faultin", record, ("__probe_ip", U64), ("a", U32), ("b", U64)));
        Assert.Equal((0xfffffffffffff000UL, 7UL, 8UL), (seen.Fields["__probe_ip"], seen.Fields["a"], seen.Fields["b"]));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void Other_providers_become_typed_columns(int version)
    {
        byte[] payload = [.. Bytes(-5), .. Bytes(1L << 40), .. BitConverter.GetBytes(2.5), .. BitConverter.GetBytes(1.5f), .. Utf16("grüße"), 200];
        NetTraceBuilder b = new(version, frequency: 10_000_000);
        b.Metadata(1, "My.Provider", "Request", 9, ("i", 9), ("l", U64), ("d", 14), ("f", 13), ("s", 18), ("b", 6));
        if (version >= 6)
        {
            b.Thread(3, 4711, 4712);
        }

        b.Events((1, 3, 2, 5000, payload), (1, 3, 2, 5001, payload));
        TraceManifest manifest = Ingested(b.Build());
        Assert.Equal((2L, 500_000L, 500_100L, 4), (manifest.Events, manifest.StartNs, manifest.EndNs, manifest.Cpus));
        Assert.Equal("My_Provider.Request", Assert.Single(manifest.EventCounts).Key);
        (Recorder r, _, _) = Recorder.Read(b.Build());
        Seen seen = r.Events[0];
        Assert.Equal((version >= 6 ? 4712 : 3, 2), (seen.Pid, seen.Cpu));
        Assert.Equal((-5L, 1UL << 40, "grüße", 200UL), (seen.Fields["i"], seen.Fields["l"], seen.Fields["s"], seen.Fields["b"]));
        Assert.Equal((2.5, 1.5f), (BitConverter.ToDouble((byte[])seen.Fields["d"]), BitConverter.ToSingle((byte[])seen.Fields["f"])));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void A_field_that_its_payload_cuts_off_was_not_recorded(int version)
    {
        // No byte is 0, so that no part of a value looks like all of it, and behind the cut lies another event's header.
        byte[] whole = [.. Bytes(-5), .. Bytes(0x0102030405060708), .. BitConverter.GetBytes(2.7), 200];
        (string Name, int End)[] fields = [("i", 4), ("l", 12), ("d", 20), ("b", 21)];
        for (int cut = 0; cut <= whole.Length; cut++)
        {
            NetTraceBuilder b = new(version);
            b.Metadata(1, "P", "E", 9, ("i", 9), ("l", U64), ("d", 14), ("b", 6));
            b.Events((1, 3, 2, 5000, whole), (1, 3, 2, 5001, whole[..cut]), (1, 3, 2, 5002, whole));
            (Recorder r, CaptureInfo info, _) = Recorder.Read(b.Build());
            foreach ((string name, int end) in fields)
            {
                object kept = r.Events[1].Fields[name];
                Assert.Equal(cut >= end, kept is byte[] bytes ? bytes.AsSpan().ContainsAnyExcept((byte)0) : Convert.ToInt64(kept, System.Globalization.CultureInfo.InvariantCulture) != 0);
            }

            Assert.Equal(cut < whole.Length, info.Warnings.Any(w => w.Contains($"{fields.Count(f => f.End > cut)} values could not be decoded", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void An_event_without_description_keeps_its_bytes()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "Silent", "", 9).Events((1, 0, 0, 5, [1, 2, 3]));
        Assert.Equal([1, 2, 3], (byte[])Single(b.Build()).Fields["payload"]);
    }

    [Fact]
    public void Names_of_providers_and_fields_cannot_leave_their_place()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "../../etc", "a\0b\n/c", 9, ("x.y", 9), ("X_Y", 9)).Events((1, 0, 0, 5, [.. Bytes(1), .. Bytes(2)]));
        Seen seen = Single(b.Build());
        Assert.Equal("______etc.a_b__c", seen.Event);
        Assert.Equal(["x_y", "X_Y"], seen.Fields.Keys);
    }

    [Fact]
    public void Two_descriptions_under_one_name_are_two_tables()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "P", "E", 1, ("a", 9)).Metadata(2, "P", "E", 2, ("b", 14));
        b.Events((1, 0, 0, 5, Bytes(1)), (2, 0, 0, 6, BitConverter.GetBytes(1.5)));
        Assert.Equal(["P.E", "P.E-2"], Recorder.Read(b.Build()).Recorder.Events.Select(e => e.Event));
    }

    [Fact]
    public void Gaps_in_sequence_numbers_are_lost_events()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "P", "E", 1, ("a", 9)).Events((1, 1, 0, 5, Bytes(1)), (1, 2, 0, 6, Bytes(2)));
        b.Lose(2, 17).Events((1, 2, 0, 7, Bytes(3)));
        (Recorder r, _, CaptureDamage? damage) = Recorder.Read(b.Build());
        Assert.Null(damage);
        Assert.Equal(3, r.Events.Count);
        Assert.Equal(new LostRecords(-1, 0, 7, 17), Assert.Single(r.Holes));
    }

    [Fact]
    public void A_sequence_number_that_runs_backwards_is_a_loss_of_unknown_size()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "P", "E", 1, ("a", 9)).Events((1, 1, 0, 5, Bytes(1)));
        b.Lose(1, 9).Events((1, 1, 0, 6, Bytes(2))).Lose(1, -5).Events((1, 1, 0, 7, Bytes(3)));
        Assert.Equal([new LostRecords(-1, 0, 6, 9), new LostRecords(-1, 0, 7, null)], Recorder.Read(b.Build()).Recorder.Holes);
    }

    [Fact]
    public void Values_that_are_not_there_are_counted_once_for_each_delivery()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "P", "E", 1, ("a", 9), ("b", 9)).Events((1, 1, 0, 5, [.. Bytes(1), .. Bytes(2)]), (1, 1, 0, 6, Bytes(3)));
        using ICapture capture = CaptureFormats.Open(CaptureFormats.Spool(new MemoryStream(b.Build()), "test"));
        for (int i = 0; i < 2; i++)
        {
            Recorder r = new(capture.Info);
            Assert.Null(capture.ReadEvents(r, new ReadOptions(), TestContext.Current.CancellationToken));
            Assert.Equal([(1L, 2L), (3L, 0L)], r.Events.Select(e => ((long)e.Fields["a"], (long)e.Fields["b"])));
            Assert.Equal("P.E: 1 values could not be decoded; 0 or nothing stands in their place", Assert.Single(capture.Info.Warnings));
        }
    }

    private static TraceManifest Ingested(byte[] file)
    {
        string work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
        try
        {
            string path = Path.Combine(work, "capture");
            File.WriteAllBytes(path, file);
            return Ingestor.Ingest(path, Path.Combine(work, "dataset"), new IngestOptions(), TestContext.Current.CancellationToken).Manifest;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static byte[] One(string system, string name, byte[] record, params (string Name, int Code)[] described) =>
        new NetTraceBuilder().Tracepoint(1, system, name, 7, described).Events((1, 0, 3, 100, record)).Build();

    private static Seen Single(byte[] file) => Assert.Single(Recorder.Read(file).Recorder.Events);
}
