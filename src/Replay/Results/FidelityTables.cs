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
    private static readonly string[] s_quantities = ["outcome", "pfn", "level", "writable"];

    private readonly SummaryTable _summary;
    private readonly MissTable _misses;
    private long _unknown;
    private readonly Tally[] _tallies = new Tally[s_quantities.Length];

    public FidelityTables(string summaryPath, string missesPath, string traceId)
    {
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
    }

    public void Complete(IFaultModel? model)
    {
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
        string? cause = observed.Lost ? "records were lost before or during the fault"
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
            _faultId = Number<long>("fault_id");
            _seq = Number<long>("seq");
            _ts = Number<long>("ts_ns");
            _gfn = Number<ulong>("gfn");
            _observed = Text("observed");
            _predicted = Text("predicted");
            _explained = Number<bool>("explained");
            _cause = Text("cause", nullable: true);
        }

        public void Add(IFaultModel model, in ObservedFault fault, string quantity, string observed, string predicted, string? cause)
        {
            _traceId.Add(_trace);
            _model.Add(model.Name);
            _setting.Add(model.Settings.Name);
            _quantity.Add(quantity);
            _faultId.Add(fault.FaultId);
            _seq.Add(fault.Seq);
            _ts.Add(fault.Time);
            _gfn.Add(fault.Gpa >> 12);
            _observed.Add(observed);
            _predicted.Add(predicted);
            _explained.Add(cause is not null);
            _cause.Add(cause);
            EndRow();
        }
    }
}
