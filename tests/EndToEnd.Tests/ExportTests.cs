using System.Text.Json;
using TraceReplay.Analysis.Perfetto.Protos;
using Xunit;
using EventType = TraceReplay.Analysis.Perfetto.Protos.TrackEvent.Types.Type;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The exported Perfetto traces, read back with the schema and compared with what SQL says of the same dataset.</summary>
public sealed class ExportTests(SampleDataset samples)
{
    // Several tests look at each.
    private static readonly Dictionary<string, Trace> s_exported = [];

    public static TheoryData<string> Captures => ["6.1-ttmevict", "6.12-mmio", "6.12-ttmevict", "6.12-ttmsmall", "7.2-ttmevict"];

    [Theory]
    [MemberData(nameof(Captures))]
    public void Slices_balance_times_do_not_go_back_and_every_track_and_text_is_told_of_before_it_is_used(string capture)
    {
        Trace trace = Export(capture);
        Dictionary<ulong, (int Depth, ulong Time)> tracks = [];
        HashSet<ulong> names = [];
        HashSet<ulong> annotations = [];
        HashSet<ulong> values = [];
        HashSet<ulong> categories = [];
        foreach (TracePacket packet in trace.Packet)
        {
            Assert.Equal(packet.FtraceEvents is null ? 1u : 2u, packet.TrustedPacketSequenceId);
            names.UnionWith(packet.InternedData?.EventNames.Select(n => n.Iid) ?? []);
            annotations.UnionWith(packet.InternedData?.DebugAnnotationNames.Select(n => n.Iid) ?? []);
            values.UnionWith(packet.InternedData?.DebugAnnotationStringValues.Select(n => n.Iid) ?? []);
            categories.UnionWith(packet.InternedData?.EventCategories.Select(n => n.Iid) ?? []);
            if (packet.TrackDescriptor is { } track)
            {
                Assert.True(!track.HasParentUuid || tracks.ContainsKey(track.ParentUuid), $"{track.Name}: parent unknown");
                Assert.True(tracks.TryAdd(track.Uuid, (0, 0)), $"{track.Name}: told of twice");
            }

            if (packet.TrackEvent is not { } e)
            {
                continue;
            }

            (int depth, ulong time) = tracks[e.TrackUuid];
            Assert.True(packet.Timestamp >= time, "time goes back");
            depth += e.Type == EventType.SliceBegin ? 1 : e.Type == EventType.SliceEnd ? -1 : 0;
            Assert.True(depth >= 0, "a slice ends that has not begun");
            tracks[e.TrackUuid] = (depth, packet.Timestamp);
            if (e.Type is EventType.SliceBegin or EventType.Instant)
            {
                Assert.Contains(e.NameIid, names);
                Assert.All(e.CategoryIids, c => Assert.Contains(c, categories));
                Assert.All(e.DebugAnnotations, a => Assert.Contains(a.NameIid, annotations));
                Assert.All(e.DebugAnnotations.Where(a => a.HasStringValueIid), a => Assert.Contains(a.StringValueIid, values));
            }
        }

        Assert.All(tracks.Values, t => Assert.Equal(0, t.Depth));
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void There_is_a_slice_for_every_fault_window_and_move_and_the_counters_end_where_SQL_does(string capture)
    {
        Trace trace = Export(capture);
        Dictionary<string, long> told = Slices(trace).GroupBy(s => s.Category == "ttm" ? s.Name.StartsWith("move", StringComparison.Ordinal) ? "move" : "place" : $"{s.Category} {s.Name}")
            .ToDictionary(g => g.Key, g => g.LongCount());
        told.Remove("place");
        JsonElement[] expected = [.. samples.Query($"""
            SELECT 'fault ' || observed_outcome AS name, count(*) AS n FROM faults WHERE {Of(capture)} GROUP BY ALL
            UNION ALL SELECT 'window ' || coalesce(cause, notifier_event), count(*) FROM windows WHERE {Of(capture)} GROUP BY ALL
            UNION ALL SELECT 'move', count(*) FROM bo_moves WHERE {Of(capture)} HAVING count(*) > 0
            """)];
        Assert.Equal(expected.ToDictionary(r => r.GetProperty("name").GetString()!, r => r.GetProperty("n").GetInt64()).OrderBy(p => p.Key, StringComparer.Ordinal), told.OrderBy(p => p.Key, StringComparer.Ordinal));

        // All leaves of these captures are of 4 KiB: each set adds a page, each that goes takes one away.
        long pages = samples.Query($"SELECT count(*) FILTER (level = 1 AND new_spte & 2048 != 0 AND old_spte & 2048 = 0) - count(*) FILTER (level = 1 AND new_spte & 2048 = 0 AND old_spte & 2048 != 0) AS n FROM kvm_tdp_mmu_spte_changed WHERE {Of(capture)}")[0].GetProperty("n").GetInt64();
        Assert.Equal(pages, Counter(trace, "pages mapped since the capture began").LastOrDefault());
        long[] open = [.. Counter(trace, "windows in progress")];
        Assert.All(open, n => Assert.InRange(n, 0, 1));
        Assert.Equal(0, open.LastOrDefault());
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void A_flow_leads_from_a_window_that_unmapped_pages_to_the_fault_that_asks_for_one_again(string capture)
    {
        Trace trace = Export(capture);
        Dictionary<ulong, ulong> begins = [];
        Dictionary<ulong, ulong> ends = [];
        foreach (TracePacket packet in trace.Packet.Where(p => p.TrackEvent is not null))
        {
            Assert.All(packet.TrackEvent.FlowIds, id => begins.Add(id, packet.Timestamp));
            Assert.All(packet.TrackEvent.TerminatingFlowIds, id => ends.Add(id, packet.Timestamp));
        }

        Assert.Equal(begins.Keys.Order(), ends.Keys.Order());
        Assert.All(begins, b => Assert.True(b.Value < ends[b.Key]));
        // truth: three buffers are evicted while the guest has them mapped, and it reads all of them again.
        Assert.Equal(capture.EndsWith("ttmevict", StringComparison.Ordinal) ? 3 : 0, begins.Count);
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void Every_recorded_event_is_there_at_its_time_on_its_CPU(string capture)
    {
        Dictionary<string, long> told = Export(capture).Packet.Where(p => p.FtraceEvents is not null).SelectMany(p => p.FtraceEvents.Event)
            .GroupBy(Name).ToDictionary(g => g.Key, g => g.LongCount());
        Assert.Equal(
            samples.Query($"SELECT event, sum(records)::BIGINT AS n FROM event_counts WHERE {Of(capture)} GROUP BY event")
                .ToDictionary(r => r.GetProperty("event").GetString()!, r => r.GetProperty("n").GetInt64()).OrderBy(p => p.Key, StringComparer.Ordinal),
            told.OrderBy(p => p.Key, StringComparer.Ordinal));
        List<(uint Cpu, ulong Time, uint Pid)> exits = [.. Export(capture).Packet.Where(p => p.FtraceEvents is not null)
            .SelectMany(p => p.FtraceEvents.Event.Where(e => Name(e) == "kvm_exit").Select(e => (p.FtraceEvents.Cpu, e.Timestamp, e.Pid))).Order()];
        Assert.Equal(
            samples.Query($"SELECT cpu, ts_ns, pid FROM kvm_exit WHERE {Of(capture)} ORDER BY ALL")
                .Select(r => (r.GetProperty("cpu").GetUInt32(), r.GetProperty("ts_ns").GetUInt64(), r.GetProperty("pid").GetUInt32())),
            exits);
    }

    [Fact]
    public void Around_a_fault_is_what_was_recorded_near_it()
    {
        using Scratch scratch = new();
        string id = Id("6.12-ttmsmall");
        JsonElement fault = samples.Query($"SELECT fault_id, seq, end_seq, ts_ns FROM faults WHERE trace_id = '{id}' AND gfn = 69633")[0];
        long seq = fault.GetProperty("seq").GetInt64(), end = fault.GetProperty("end_seq").GetInt64();
        ToolResult result = scratch.Run("export", "-d", samples.Root, "--trace", id, "--fault", fault.GetProperty("fault_id").ToString(), "--records", "5", "--events", "kvm.*", "-o", scratch["trace"]);
        Assert.True(result.Code == 0, result.Error);
        using FileStream file = File.OpenRead(scratch["trace"]);
        Trace trace = Trace.Parser.ParseFrom(file);
        ulong[] times = [.. trace.Packet.Where(p => p.FtraceEvents is not null).SelectMany(p => p.FtraceEvents.Event).Select(e => e.Timestamp)];
        Assert.Contains(fault.GetProperty("ts_ns").GetUInt64(), times);
        Assert.InRange(times.Length, 2, end - seq + 11);
        Assert.Contains("fault EFAULT", Slices(trace).Select(s => $"{s.Category} {s.Name}"));
        Assert.Equal(2, scratch.Run("export", "-d", samples.Root, "--trace", id, "--fault", "99999999", "-o", scratch["none"]).Code);
        Assert.Equal(2, scratch.Run("export", "-d", samples.Root, "--trace", id, "--fault", "1", "--from", "5", "-o", scratch["none"]).Code);
        Assert.Equal(2, scratch.Run("export", "-d", samples.Root, "--trace", id, "--from", "6", "--until", "5", "-o", scratch["none"]).Code);
        Assert.Equal(2, scratch.Run("export", "-d", samples.Root, "--trace", id, "--events", "kvm_falt", "-o", scratch["none"]).Code);
        Assert.False(File.Exists(scratch["none"]));
    }

    [Fact]
    public void A_fault_carries_what_the_kernel_did_and_what_each_model_says()
    {
        Trace trace = Export("6.12-ttmsmall");
        Dictionary<ulong, string> names = trace.Packet.SelectMany(p => p.InternedData?.DebugAnnotationNames.AsEnumerable() ?? []).ToDictionary(n => n.Iid, n => n.Name);
        Dictionary<ulong, string> values = trace.Packet.SelectMany(p => p.InternedData?.DebugAnnotationStringValues.AsEnumerable() ?? []).ToDictionary(n => n.Iid, n => n.Str.ToStringUtf8());
        Dictionary<string, DebugAnnotation> refused = trace.Packet.Where(p => p.TrackEvent is { } e && e.DebugAnnotations.Any(a => names[a.NameIid] == "gfn" && a.PointerValue == 0x11001))
            .Select(p => p.TrackEvent).First().DebugAnnotations.ToDictionary(a => names[a.NameIid]);
        // truth: 0x11001000 is the first page of efault_ranges.
        Assert.Equal("EFAULT", values[refused["outcome"].StringValueIid]);
        Assert.StartsWith("EFAULT: ", values[refused["model current"].StringValueIid], StringComparison.Ordinal);
        Assert.StartsWith("FIXED", values[refused["model merged"].StringValueIid], StringComparison.Ordinal);
        Assert.StartsWith("FIXED", values[refused["model v11"].StringValueIid], StringComparison.Ordinal);
    }

    [Fact]
    public void A_shell_completes_the_ids_of_the_dataset_that_the_line_names()
    {
        string line = $"tracereplay export -d {samples.Root} --trace ";
        string[] ids = [.. samples.Query("SELECT trace_id FROM traces").Select(r => r.GetProperty("trace_id").GetString()!)];
        Assert.Equal(ids.Order(StringComparer.Ordinal), samples.Run($"[suggest:{line.Length}]", line).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        string nowhere = "tracereplay export -d /nonexistent --trace ";
        Assert.Equal((0, ""), (samples.Run($"[suggest:{nowhere.Length}]", nowhere).Code, samples.Run($"[suggest:{nowhere.Length}]", nowhere).Output.Trim()));
    }

    [Fact]
    public void A_file_appears_whole_or_not_at_all()
    {
        using Scratch scratch = new();
        ToolResult none = scratch.Run("export", "-d", samples.Root, "--trace", "zz", "-o", scratch["none"]);
        Assert.Equal(2, none.Code);
        ToolResult nowhere = scratch.Run("export", "-d", samples.Root, "--trace", Id("6.12-mmio"), "-o", Path.Combine(scratch["no-such-folder"], "x"));
        Assert.Equal(4, nowhere.Code);
        Assert.Single(nowhere.ErrorLines);
        Assert.Equal(2, scratch.Run("export", "-d", samples.Root, "--trace", Id("6.12-mmio"), "--format", "chrome", "-o", scratch["none"]).Code);
        Assert.False(File.Exists(scratch["none"]));
    }

    private Trace Export(string capture)
    {
        if (s_exported.TryGetValue(capture, out Trace? known))
        {
            return known;
        }

        using Scratch scratch = new();
        ToolResult result = scratch.Run("export", "-d", samples.Root, "--trace", Id(capture), "--format", "perfetto", "-o", scratch["trace"]);
        Assert.True(result.Code == 0, result.Error);
        using FileStream file = File.OpenRead(scratch["trace"]);
        return s_exported[capture] = Trace.Parser.ParseFrom(file);
    }

    private static string Name(FtraceEvent e) => e.EventCase == FtraceEvent.EventOneofCase.Generic
        ? e.Generic.EventName
        : FtraceEvent.Descriptor.FindFieldByNumber((int)e.EventCase).Name;

    private static IEnumerable<(string Category, string Name)> Slices(Trace trace)
    {
        Dictionary<ulong, string> names = [];
        Dictionary<ulong, string> categories = [];
        foreach (TracePacket packet in trace.Packet)
        {
            foreach (InternedName name in packet.InternedData?.EventNames.AsEnumerable() ?? [])
            {
                names.Add(name.Iid, name.Name);
            }

            foreach (InternedName category in packet.InternedData?.EventCategories.AsEnumerable() ?? [])
            {
                categories.Add(category.Iid, category.Name);
            }

            if (packet.TrackEvent is { Type: EventType.SliceBegin or EventType.Instant } e)
            {
                yield return (categories[e.CategoryIids[0]], names[e.NameIid]);
            }
        }
    }

    private static IEnumerable<long> Counter(Trace trace, string name)
    {
        HashSet<ulong> tracks = [.. trace.Packet.Where(p => p.TrackDescriptor?.Name == name).Select(p => p.TrackDescriptor.Uuid)];
        return trace.Packet.Where(p => p.TrackEvent is { Type: EventType.Counter } e && tracks.Contains(e.TrackUuid)).Select(p => p.TrackEvent.CounterValue);
    }

    private string Id(string capture) =>
        samples.Query($"SELECT trace_id FROM traces WHERE path LIKE '%/{capture}.trace.dat'")[0].GetProperty("trace_id").GetString()!;

    private static string Of(string capture) => $"trace_id IN (SELECT trace_id FROM traces WHERE path LIKE '%/{capture}.trace.dat')";
}
