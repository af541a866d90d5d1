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

    private static Trace Export(FakeDataset data, out long slices)
    {
        using DatasetSession session = data.Open();
        using MemoryStream bytes = new();
        slices = PerfettoExport.Write(session, Id, bytes, CancellationToken.None);
        return Trace.Parser.ParseFrom(bytes.ToArray());
    }
}
