using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Results;

/// <summary>The <c>assumptions</c> table: what the verdicts rest on besides the records (spec 16).</summary>
internal sealed class AssumptionTable : ResultTable
{
    private readonly string _trace;
    private readonly StringColumn _traceId;
    private readonly StringColumn _assumption;
    private readonly StringColumn _value;
    private readonly Column<double> _share;
    private readonly StringColumn _detail;

    public AssumptionTable(string path, string traceId)
        : base(path)
    {
        _trace = traceId;
        _traceId = Text("trace_id");
        _assumption = Text("assumption");
        _value = Text("value");
        _share = Number<double>("share", nullable: true);
        _detail = Text("detail");
    }

    /// <param name="assumption">AS-n of spec 16.</param>
    /// <param name="value">known, inferred, assumed or unknown.</param>
    /// <param name="share">The part of what the assumption is about that it covers, 0 to 1; null if it covers everything or nothing countable.</param>
    /// <param name="detail">One sentence.</param>
    public void Add(string assumption, string value, double? share, string detail)
    {
        _traceId.Add(_trace);
        _assumption.Add(assumption);
        _value.Add(value);
        _share.Add(share);
        _detail.Add(detail);
        EndRow();
    }
}
