using System.Globalization;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Results;

/// <summary>
/// The <c>fidelity</c> and <c>fidelity_misses</c> tables: the model of the captured kernel against that kernel, fault by
/// fault. A miss is explained by a recorded fact only: a loss, or an order that the clock cannot tell.
/// </summary>
internal sealed class FidelityTables : IDisposable
{
    private static readonly string[] s_quantities = ["outcome", "pfn", "level", "writable", "spte"];

    private static readonly string[] s_records = ["leaf_change", "invalidate_seq", "in_progress"];
    private const string Loss = "records were lost before or during the fault";

    private readonly long[] _explainedRecords = new long[s_records.Length];
    private readonly SummaryTable _summary;
    private readonly MissTable _misses;
    private long _unknown;
    private readonly Tally[] _tallies = new Tally[s_quantities.Length];

    private readonly ulong _hardwareBits;

    /// <param name="hardwareBits">Accessed and dirty: bits of a leaf that the CPU sets by itself.</param>
    public FidelityTables(string summaryPath, string missesPath, string traceId, ulong hardwareBits)
    {
        _hardwareBits = hardwareBits;
        _summary = new SummaryTable(summaryPath, traceId);
        _misses = new MissTable(missesPath, traceId);
    }

    public void Compare(IFaultModel model, in ObservedFault observed, in FaultContext predicted)
    {
        if (observed.Outcome == FaultOutcome.Unknown)
        {
            return;
        }

        if (predicted.Outcome == FaultOutcome.Unknown && !predicted.WentFurther)
        {
            _unknown++;
            return;
        }

        if (!Matches(0, observed.Outcome == predicted.Outcome))
        {
            Miss(model, in observed, 0, observed.Outcome.Name(), Describe(in predicted));
        }

        if (!observed.HasLeaf || !OutcomeTable.IsMapped(predicted.Outcome))
        {
            return;
        }

        if (!Matches(1, observed.Pfn == predicted.Pfn))
        {
            Miss(model, in observed, 1, Hex(observed.Pfn), Hex(predicted.Pfn));
        }

        if (!Matches(2, observed.Level == predicted.Level))
        {
            Miss(model, in observed, 2, Decimal(observed.Level), Decimal(predicted.Level));
        }

        bool writable = SpteLayout.IsWritable(observed.Spte);
        if (!Matches(3, writable == predicted.Writable))
        {
            Miss(model, in observed, 3, Boolean(writable), Boolean(predicted.Writable));
        }

        // The kernel reads the leaf again for its record: the CPU may have set accessed or dirty in between.
        if (!Matches(4, ((observed.Spte ^ predicted.Spte) & ~(_hardwareBits & observed.Spte)) == 0))
        {
            Miss(model, in observed, 4, Hex(observed.Spte), Hex(predicted.Spte));
        }
    }

    /// <summary>Takes over what the model found in the last batch when it compared itself with records.</summary>
    public void AddMisses(IFaultModel model, LostRecords lost)
    {
        foreach (ObservationMiss miss in model.Checks!.Misses)
        {
            string? cause = lost.AnyBefore(miss.Seq) ? Loss : null;
            _explainedRecords[(int)miss.Quantity] += cause is null ? 0 : 1;
            _misses.Add(model, in miss, s_records[(int)miss.Quantity], cause);
        }

        model.Checks.Misses.Clear();
    }

    public void Complete(IFaultModel? model)
    {
        for (int i = 0; i < s_records.Length && model?.Checks is { } checks; i++)
        {
            CheckedQuantity quantity = (CheckedQuantity)i;
            Tally tally = new() { Compared = checks.Compared(quantity), Matched = checks.Matched(quantity), Explained = _explainedRecords[i] };
            if (tally.Compared > 0)
            {
                _summary.Add(model, s_records[i], tally, 0);
            }
        }

        for (int i = 0; i < s_quantities.Length && model is not null; i++)
        {
            _summary.Add(model, s_quantities[i], _tallies[i], i == 0 ? _unknown : 0);
        }

        _summary.Complete();
        _misses.Complete();
    }

    public void Dispose()
    {
        _summary.Dispose();
        _misses.Dispose();
    }

    private bool Matches(int quantity, bool matches)
    {
        _tallies[quantity].Compared++;
        _tallies[quantity].Matched += matches ? 1 : 0;
        return matches;
    }

    private void Miss(IFaultModel model, in ObservedFault observed, int quantity, string seen, string predicted)
    {
        string? cause = observed.Lost ? Loss
            : observed.OrderAmbiguous ? "a notifier window began or ended so close to the fault's check that their order is not certain"
            : null;
        _tallies[quantity].Explained += cause is null ? 0 : 1;
        _misses.Add(model, in observed, s_quantities[quantity], seen, predicted, cause);
    }

    private static string Describe(in FaultContext fault) =>
        fault.Outcome == FaultOutcome.Retry ? $"RETRY: {OutcomeTable.Cause(fault.RetryCause)}"
        : fault.Reason is null ? fault.Outcome.Name()
        : $"{fault.Outcome.Name()}: {fault.Reason}";

    private static string Hex(ulong value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);

    private static string Decimal(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Boolean(bool value) => value ? "true" : "false";

    private struct Tally
    {
        public long Compared;
        public long Matched;
        public long Explained;
    }

    private sealed class SummaryTable : ResultTable
    {
        private readonly string _trace;
        private readonly StringColumn _traceId;
        private readonly StringColumn _model;
        private readonly StringColumn _setting;
        private readonly StringColumn _quantity;
        private readonly Column<long> _compared;
        private readonly Column<long> _matched;
        private readonly Column<long> _explained;
        private readonly Column<long> _unexplained;
        private readonly Column<long> _unknown;

        public SummaryTable(string path, string traceId)
            : base(path)
        {
            _trace = traceId;
            _traceId = Text("trace_id");
            _model = Text("model");
            _setting = Text("setting");
            _quantity = Text("quantity");
            _compared = Number<long>("compared");
            _matched = Number<long>("matched");
            _explained = Number<long>("explained");
            _unexplained = Number<long>("unexplained");
            _unknown = Number<long>("unknown");
        }

        public void Add(IFaultModel model, string quantity, Tally tally, long unknown)
        {
            _traceId.Add(_trace);
            _model.Add(model.Name);
            _setting.Add(model.Settings.Name);
            _quantity.Add(quantity);
            _compared.Add(tally.Compared);
            _matched.Add(tally.Matched);
            _explained.Add(tally.Explained);
            _unexplained.Add(tally.Compared - tally.Matched - tally.Explained);
            _unknown.Add(unknown);
            EndRow();
        }
    }

    private sealed class MissTable : ResultTable
    {
        private readonly string _trace;
        private readonly StringColumn _traceId;
        private readonly StringColumn _model;
        private readonly StringColumn _setting;
        private readonly StringColumn _quantity;
        private readonly Column<long> _faultId;
        private readonly Column<long> _seq;
        private readonly Column<long> _ts;
        private readonly Column<ulong> _gfn;
        private readonly StringColumn _observed;
        private readonly StringColumn _predicted;
        private readonly Column<bool> _explained;
        private readonly StringColumn _cause;

        public MissTable(string path, string traceId)
            : base(path)
        {
            _trace = traceId;
            _traceId = Text("trace_id");
            _model = Text("model");
            _setting = Text("setting");
            _quantity = Text("quantity");
            _faultId = Number<long>("fault_id", nullable: true);
            _seq = Number<long>("seq");
            _ts = Number<long>("ts_ns", nullable: true);
            _gfn = Number<ulong>("gfn", nullable: true);
            _observed = Text("observed");
            _predicted = Text("predicted");
            _explained = Number<bool>("explained");
            _cause = Text("cause", nullable: true);
        }

        public void Add(IFaultModel model, in ObservationMiss miss, string quantity, string? cause) =>
            Add(model, quantity, null, miss.Seq, null, miss.Gfn == 0 ? null : miss.Gfn, Hex(miss.Observed), Hex(miss.Predicted), cause);

        public void Add(IFaultModel model, in ObservedFault fault, string quantity, string observed, string predicted, string? cause) =>
            Add(model, quantity, fault.FaultId, fault.Seq, fault.Time, fault.Gpa >> 12, observed, predicted, cause);

        private void Add(IFaultModel model, string quantity, long? faultId, long seq, long? ts, ulong? gfn, string observed, string predicted, string? cause)
        {
            _traceId.Add(_trace);
            _model.Add(model.Name);
            _setting.Add(model.Settings.Name);
            _quantity.Add(quantity);
            _faultId.Add(faultId);
            _seq.Add(seq);
            _ts.Add(ts);
            _gfn.Add(gfn);
            _observed.Add(observed);
            _predicted.Add(predicted);
            _explained.Add(cause is not null);
            _cause.Add(cause);
            EndRow();
        }
    }
}
