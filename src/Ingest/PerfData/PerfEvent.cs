using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.PerfData;

/// <summary>One event of the recording: an attribute, its ids, and the table that its samples become.</summary>
internal sealed class PerfEvent(PerfAttr attr, IReadOnlyList<ulong> ids)
{
    public PerfAttr Attr { get; } = attr;

    public SampleLayout Layout { get; } = new(attr);

    public IReadOnlyList<ulong> Ids { get; } = ids;

    /// <summary>As perf names it, <c>kvm:kvm_exit</c> or <c>cycles:ppp</c>; null until something names it.</summary>
    public string? Name { get; set; }

    /// <summary>Set when all metadata is known.</summary>
    public EventFormat? Format { get; set; }

    /// <summary>The row is the tracepoint's record itself, else one that <see cref="SampleFields"/> makes.</summary>
    public bool IsTracepoint { get; set; }
}
