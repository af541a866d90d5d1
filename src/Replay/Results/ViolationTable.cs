using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Timeline;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.ViolationRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>violations</c>; one object for all rows, filled anew.</summary>
internal sealed class ViolationRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public string Model = "";
    public Invariant Invariant = null!;
    public bool Certain;
    public long? FaultId;
    public long Seq;
    public long Time;
    public int Vm;
    public ulong Gfn;
    public ulong? Pfn;
    public string Detail = "";
}

/// <summary>The <c>violations</c> table: breaches of the invariants, by a fault or by what others did.</summary>
internal sealed class ViolationTable(string path, string traceId) : IResultTable
{
    public const string Violated = "violated";
    public const string Violable = "violable";

    private static readonly Invariant[] s_byNumber = ByNumber();

    private readonly ViolationRow _row = new(traceId);
    private readonly ResultTable<ViolationRow> _table = new(
        path,
        Text("trace_id", row => row.TraceId),
        Text("model", row => row.Model),
        Text("invariant", row => row.Invariant.Id),
        Text("name", row => row.Invariant.Name),
        Text("verdict", row => row.Certain ? Violated : Violable),
        NumberOrNull("fault_id", row => row.FaultId),
        Number("seq", row => row.Seq),
        Number("ts_ns", row => row.Time),
        Number("vm", row => row.Vm),
        Number("gfn", row => row.Gfn),
        NumberOrNull("pfn", row => row.Pfn),
        Text("detail", row => row.Detail));

    /// <summary>What a fault broke. What rests on the order of events is violable where that order, or a record, is missing.</summary>
    public void Add(string model, InvariantTally tally, in ObservedFault fault, in FaultContext context)
    {
        if ((context.Violated | context.Violable) == 0)
        {
            return;
        }

        _row.Model = model;
        _row.FaultId = fault.FaultId;
        _row.Seq = fault.Seq;
        _row.Time = fault.Time;
        _row.Vm = fault.Vm;
        _row.Gfn = fault.Gpa >> 12;
        _row.Pfn = State.SpecialPfn.IsError(context.Pfn) ? null : context.Pfn;
        foreach (Invariant invariant in InvariantList.All)
        {
            if (((context.Violated | context.Violable) & invariant.Bit) != 0)
            {
                _row.Invariant = invariant;
                bool ofState = invariant.Number is >= InvariantList.NoStaleLeaf and <= InvariantList.SlotsFrozen
                    or InvariantList.PfnEqual or InvariantList.LevelHost or InvariantList.SpteInSlot or InvariantList.TdpNoReplace;
                _row.Certain = (context.Violated & invariant.Bit) != 0;
                if (_row.Certain && ofState && (fault.Lost || context.IsSet))
                {
                    _row.Certain = false;
                    tally.Soften(invariant.Number);
                }

                _row.Detail = invariant.Statement;
                _table.Add(_row);
            }
        }
    }

    /// <summary>What was found outside of faults. After a loss the state that a breach was seen in may be wrong: it is violable then.</summary>
    public void AddBreaches(string model, InvariantTally tally, LostRecords lost)
    {
        foreach (Breach breach in tally.Breaches)
        {
            _row.Model = model;
            _row.Invariant = s_byNumber[breach.Invariant];
            _row.Certain = breach.Certain;
            if (breach.Certain && lost.AnyBefore(breach.Seq))
            {
                _row.Certain = false;
                tally.Soften(breach.Invariant);
            }

            _row.FaultId = null;
            _row.Seq = breach.Seq;
            _row.Time = breach.Time;
            _row.Vm = breach.Vm;
            _row.Gfn = breach.Gfn;
            _row.Pfn = breach.Pfn;
            _row.Detail = breach.Detail;
            _table.Add(_row);
        }

        tally.Breaches.Clear();
    }

    public void Seal(List<SealedFile> files) => _table.Seal(files);

    public void Dispose() => _table.Dispose();

    private static Invariant[] ByNumber()
    {
        Invariant[] all = new Invariant[64];
        foreach (Invariant invariant in InvariantList.All)
        {
            all[invariant.Number] = invariant;
        }

        return all;
    }
}
