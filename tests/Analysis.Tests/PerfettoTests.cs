using Google.Protobuf.Reflection;
using TraceReplay.Analysis.Perfetto;
using TraceReplay.Analysis.Perfetto.Protos;
using TraceReplay.Analysis.Views;
using Xunit;
using EventType = TraceReplay.Analysis.Perfetto.Protos.TrackEvent.Types.Type;

namespace TraceReplay.Analysis.Tests;

/// <summary>What real captures rarely show, made by hand.</summary>
public class PerfettoTests
{
    private const string Id = "cccccccccccccccc";

    [Fact]
    public void Windows_that_overlap_without_nesting_take_lanes_and_one_that_never_ends_lasts_to_the_end()
    {
        // 1: 2000 to 4000, 2: 3000 to 7000, 3: 6000 and never again.
        using var data = new FakeDataset();
        data.Manifest(Id).Result("windows", Id, $"""
            SELECT '{Id}' AS trace_id, i::BIGINT AS window_id, s::BIGINT AS start_seq, e::BIGINT AS end_seq, (1000 * s)::BIGINT AS start_ns, (1000 * e)::BIGINT AS end_ns,
                   0 AS vm, i AS pid, 0::UBIGINT AS hva_start, 4096::UBIGINT AS hva_end, 1 AS slots, 0::BIGINT AS zapped_leaves
            FROM (VALUES (1, 2, 4), (2, 3, 7), (3, 6, NULL)) w(i, s, e)
            """);
        Trace trace = Export(data, out long slices);
        Assert.Equal(3, slices);
        Dictionary<ulong, string> names = trace.Packet.Where(p => p.TrackDescriptor is not null).ToDictionary(p => p.TrackDescriptor.Uuid, p => p.TrackDescriptor.Name);
        Assert.Equal(
            [
                "2000 SliceBegin invalidation windows", "3000 SliceBegin invalidation windows (2)", "4000 SliceEnd invalidation windows",
                "6000 SliceBegin invalidation windows", "7000 SliceEnd invalidation windows (2)", "2500001000 SliceEnd invalidation windows",
            ],
            trace.Packet.Where(p => p.TrackEvent is { Type: not EventType.Counter }).Select(p => $"{p.Timestamp} {p.TrackEvent.Type} {names[p.TrackEvent.TrackUuid]}"));
        Assert.Equal([1L, 2, 1, 2, 1, 0], trace.Packet.Where(p => p.TrackEvent is { Type: EventType.Counter }).Select(p => p.TrackEvent.CounterValue));
    }

    [Fact]
    public void A_fault_whose_end_was_not_seen_is_an_instant_and_any_text_survives()
    {
        const string Hostile = "</script>\u0001\U0001F600 \"quoted\"";
        using var data = new FakeDataset();
        data.Manifest(Id)
            .Result("faults", Id, $"SELECT '{Id}' AS trace_id, 1::BIGINT AS fault_id, 5::BIGINT AS seq, 7::BIGINT AS ts_ns, 0 AS vm, 42 AS pid, 18446744073709551615::UBIGINT AS gfn, 'UNKNOWN' AS observed_outcome")
            .Result("outcomes", Id, $"SELECT '{Id}' AS trace_id, 1::BIGINT AS fault_id, 'current' AS model, '6.12' AS setting, 'FIXED' AS outcome, {Sql.Literal(Hostile)} AS reason");
        Trace trace = Export(data, out _);
        TrackEvent fault = Assert.Single(trace.Packet, p => p.TrackEvent is not null).TrackEvent;
        Assert.Equal(EventType.Instant, fault.Type);
        Assert.Contains(fault.DebugAnnotations, a => a.HasPointerValue && a.PointerValue == ulong.MaxValue);
        Assert.Contains(trace.Packet.SelectMany(p => p.InternedData?.DebugAnnotationStringValues.AsEnumerable() ?? []), v => v.Str.ToStringUtf8() == "FIXED: " + Hostile);
    }

    [Fact]
    public void Texts_beyond_the_bound_are_written_out()
    {
        using var data = new FakeDataset();
        data.Manifest(Id)
            .Result("faults", Id, $"SELECT '{Id}' AS trace_id, range AS fault_id, 10 * range AS seq, 10 * range AS ts_ns, 1::BIGINT AS latency_ns, 10 * range + 1 AS end_seq, 0 AS vm, 42 AS pid, 'FIXED' AS observed_outcome FROM range(1, 6001)")
            .Result("outcomes", Id, $"SELECT '{Id}' AS trace_id, range AS fault_id, 'current' AS model, '6.12' AS setting, 'FIXED' AS outcome, 'reason ' || range AS reason FROM range(1, 6001)");
        Trace trace = Export(data, out long slices);
        Assert.Equal(6000, slices);
        Assert.Equal(4096, trace.Packet.Sum(p => p.InternedData?.DebugAnnotationStringValues.Count ?? 0));
        Assert.Equal(6000 - 4096 + 1, trace.Packet.Where(p => p.TrackEvent is not null).Sum(p => p.TrackEvent.DebugAnnotations.Count(a => a.HasStringValue)));
    }

    [Fact]
    public void A_record_has_Perfettos_own_message_where_that_takes_all_its_fields_and_is_a_generic_one_else()
    {
        using var data = new FakeDataset();
        data.Manifest(Id)
            .Event("sched.sched_switch", Id, $"SELECT '{Id}' AS trace_id, 1::BIGINT AS seq, 10::BIGINT AS ts_ns, 3 AS cpu, 7 AS pid, 'me' AS comm, 'me' AS prev_comm, 7 AS prev_pid, 120 AS prev_prio, 'D+' AS prev_state, 'you' AS next_comm, 8 AS next_pid, 120 AS next_prio")
            .Event("irq.irq_handler_entry", Id, $"SELECT '{Id}' AS trace_id, 2::BIGINT AS seq, 20::BIGINT AS ts_ns, 3 AS cpu, -5 AS irq, 'timer' AS name")
            .Event("kvm.kvm_entry", Id, $"SELECT '{Id}' AS trace_id, 3::BIGINT AS seq, 30::BIGINT AS ts_ns, 0 AS cpu, 9 AS pid, 1::UINTEGER AS vcpu_id, 18446744073709551615::UBIGINT AS rip, NULL::UTINYINT AS immediate_exit, -1 AS odd, 'AB'::BLOB AS raw, [1, 2, 3] AS list, 'a' || chr(27) || 'b' AS text")
            .Event("irq.softirq_entry", Id, $"SELECT '{Id}' AS trace_id, 4::BIGINT AS seq, 40::BIGINT AS ts_ns, 0 AS cpu, 9 AS pid, 'TIMER' AS vec");
        List<(uint Cpu, FtraceEvent Event)> events = [.. Export(data, out _).Packet.Where(p => p.FtraceEvents is not null)
            .SelectMany(p => p.FtraceEvents.Event.Select(e => (p.FtraceEvents.Cpu, e))).OrderBy(e => e.e.Timestamp)];
        Assert.Equal([(3u, 10ul, 7u), (3u, 20ul, 0u), (0u, 30ul, 9u), (0u, 40ul, 9u)], events.Select(e => (e.Cpu, e.Event.Timestamp, e.Event.Pid)));
        SchedSwitchFtraceEvent change = events[0].Event.SchedSwitch;
        Assert.Equal(("me", 7, 120, 0x102L, "you", 8, 120), (change.PrevComm, change.PrevPid, change.PrevPrio, change.PrevState, change.NextComm, change.NextPid, change.NextPrio));
        Assert.Equal((-5, "timer"), (events[1].Event.IrqHandlerEntry.Irq, events[1].Event.IrqHandlerEntry.Name));
        // Perfetto's kvm_entry is that of arm64, and its softirq_entry has a number where this one has a name.
        GenericFtraceEvent entry = events[2].Event.Generic;
        Assert.Equal("kvm_entry", entry.EventName);
        Assert.Equal(
            ["vcpu_id=1", "rip=18446744073709551615", "odd=-1", "raw=4142", "list={1,2,3}", "text=a\ufffdb"],
            entry.Field.Select(f => $"{f.Name}={(f.HasIntValue ? f.IntValue.ToString(System.Globalization.CultureInfo.InvariantCulture) : f.HasUintValue ? f.UintValue.ToString(System.Globalization.CultureInfo.InvariantCulture) : f.StrValue)}"));
        Assert.Equal("softirq_entry", events[3].Event.Generic.EventName);
    }

    [Fact]
    public void Every_message_of_ours_takes_numbers_and_texts_only()
    {
        Assert.All(
            FtraceEvent.Descriptor.Oneofs[0].Fields.Where(f => f.FieldNumber != FtraceEvent.GenericFieldNumber).SelectMany(f => f.MessageType.Fields.InDeclarationOrder()),
            f => Assert.Contains(f.FieldType, new[] { FieldType.Int32, FieldType.Int64, FieldType.UInt32, FieldType.UInt64, FieldType.String }));
    }

    [Fact]
    public void A_window_of_time_holds_what_goes_on_in_it_and_the_counter_goes_on_from_before()
    {
        const string Present = "2048::UBIGINT AS new_spte, 0::UBIGINT AS old_spte, 1::UTINYINT AS level";
        using var data = new FakeDataset();
        data.Manifest(Id)
            .Result("faults", Id, $"SELECT '{Id}' AS trace_id, range AS fault_id, range AS seq, 100 * range AS ts_ns, 50::BIGINT AS latency_ns, range AS end_seq, 0 AS vm, 42 AS pid, 'FIXED' AS observed_outcome FROM range(1, 10)")
            .Event("kvmmmu.kvm_tdp_mmu_spte_changed", Id, $"SELECT '{Id}' AS trace_id, range AS seq, 100 * range AS ts_ns, 0 AS cpu, {Present} FROM range(1, 10)");
        Trace trace = Export(data, out long slices, new ExportChoice { From = 340, Until = 600 });
        Assert.Equal(4, slices);
        Assert.Equal([300ul, 400, 500, 600], trace.Packet.Where(p => p.TrackEvent is { Type: EventType.SliceBegin }).Select(p => p.Timestamp));
        Assert.Equal([400ul, 500, 600], trace.Packet.Where(p => p.FtraceEvents is not null).SelectMany(p => p.FtraceEvents.Event).Select(e => e.Timestamp));
        Assert.Equal([3L, 4, 5, 6], trace.Packet.Where(p => p.TrackEvent is { Type: EventType.Counter }).Select(p => p.TrackEvent.CounterValue));
    }

    [Fact]
    public void Names_choose_the_events_and_one_that_fits_none_is_told()
    {
        using var data = new FakeDataset();
        foreach (string kind in (string[])["kvm.kvm_page_fault", "kvm.kvm_exit", "sched.sched_switch"])
        {
            data.Event(kind, Id, $"SELECT '{Id}' AS trace_id, 1::BIGINT AS seq, 10::BIGINT AS ts_ns, 0 AS cpu");
        }

        data.Manifest(Id);
        string[] Names(params string[] patterns) =>
            [.. Export(data, out _, new ExportChoice { Events = patterns }).Packet.Where(p => p.FtraceEvents is not null).SelectMany(p => p.FtraceEvents.Event)
                .Select(e => e.EventCase == FtraceEvent.EventOneofCase.Generic ? e.Generic.EventName : e.EventCase.ToString()).Order(StringComparer.Ordinal)];
        Assert.Equal(["KvmExit", "SchedSwitch", "kvm_page_fault"], Names("*"));
        Assert.Equal(["KvmExit", "kvm_page_fault"], Names("kvm_*"));
        Assert.Equal(["SchedSwitch", "kvm_page_fault"], Names("sched.*", "kvm_page_fault"));
        Assert.Empty(Names());
        AnalysisException refused = Assert.Throws<AnalysisException>(() => Names("kvm_page_falt"));
        Assert.Contains("did you mean kvm_page_fault?", refused.Message, StringComparison.Ordinal);
        Assert.Equal(AnalysisFailure.Usage, refused.Failure);
    }

    [Fact]
    public void Records_of_many_CPUs_are_all_there_and_in_order_on_each()
    {
        // More than a bundle for each CPU, and more than is held for all.
        using var data = new FakeDataset();
        data.Manifest(Id).Event("kvm.big", Id, $"SELECT '{Id}' AS trace_id, range AS seq, range AS ts_ns, (range % 300)::INTEGER AS cpu, repeat('x', 1000) AS text FROM range(30000)");
        List<FtraceEventBundle> bundles = [.. Export(data, out _).Packet.Select(p => p.FtraceEvents).OfType<FtraceEventBundle>()];
        Assert.True(bundles.Count > 300);
        Assert.Equal(30000, bundles.Sum(b => b.Event.Count));
        Assert.All(bundles.GroupBy(b => b.Cpu), cpu =>
        {
            ulong[] times = [.. cpu.SelectMany(b => b.Event).Select(e => e.Timestamp)];
            Assert.Equal(times.Order(), times);
            Assert.All(times, t => Assert.Equal(cpu.Key, t % 300));
        });
    }

    private static Trace Export(FakeDataset data, out long slices, ExportChoice? choice = null)
    {
        using DatasetSession session = data.Open();
        using MemoryStream bytes = new();
        slices = PerfettoExport.Write(session, Id, choice ?? ExportChoice.All, bytes, CancellationToken.None).Slices;

        // Part by part, as a large capture is sorted, it is the same bytes.
        using MemoryStream parts = new();
        PerfettoExport.Write(session, Id, choice ?? ExportChoice.All, parts, faultsInPart: (int)Math.Max(2, slices / 5), CancellationToken.None);
        Assert.Equal(bytes.ToArray(), parts.ToArray());
        return Trace.Parser.ParseFrom(bytes.ToArray());
    }
}
