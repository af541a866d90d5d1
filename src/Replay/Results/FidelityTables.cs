using System.Globalization;
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
    private static readonly string[] s_quantities = ["outcome", "pfn", "level", "writable", "spte", "refs"];

    private static readonly string[] s_records = ["leaf_change", "invalidate_seq", "in_progress"];
    private const string Loss = "records were lost before or during the fault";

    private readonly long[] _explainedRecords = new long[s_records.Length];
    private readonly ResultTable<SummaryRow> _summary;
    private readonly ResultTable<MissRow> _misses;
    private long _unknown;
    private readonly Tally[] _tallies = new Tally[s_quantities.Length];

    private readonly ulong _hardwareBits;

    /// <param name="hardwareBits">Accessed and dirty: bits of a leaf that the CPU sets by itself.</param>
    public FidelityTables(string summaryPath, string missesPath, string traceId, ulong hardwareBits)
    {
        _hardwareBits = hardwareBits;
        _summary = new ResultTable<SummaryRow>(
            summaryPath,
            ResultColumn<SummaryRow>.Text("trace_id", _ => traceId),
            ResultColumn<SummaryRow>.Text("model", row => row.Model.Name),
            ResultColumn<SummaryRow>.Text("setting", row => row.Model.Settings.Name),
            ResultColumn<SummaryRow>.Text("quantity", row => row.Quantity),
            ResultColumn<SummaryRow>.Number("compared", row => row.Tally.Compared),
            ResultColumn<SummaryRow>.Number("matched", row => row.Tally.Matched),
            ResultColumn<SummaryRow>.Number("explained", row => row.Tally.Explained),
            ResultColumn<SummaryRow>.Number("unexplained", row => row.Tally.Compared - row.Tally.Matched - row.Tally.Explained),
            ResultColumn<SummaryRow>.Number("unknown", row => row.Unknown));
        _misses = new ResultTable<MissRow>(
            missesPath,
            ResultColumn<MissRow>.Text("trace_id", _ => traceId),
            ResultColumn<MissRow>.Text("model", row => row.Model.Name),
            ResultColumn<MissRow>.Text("setting", row => row.Model.Settings.Name),
            ResultColumn<MissRow>.Text("quantity", row => row.Quantity),
            ResultColumn<MissRow>.NumberOrNull("fault_id", row => row.FaultId),
            ResultColumn<MissRow>.Number("seq", row => row.Seq),
            ResultColumn<MissRow>.NumberOrNull("ts_ns", row => row.Time),
            ResultColumn<MissRow>.NumberOrNull("gfn", row => row.Gfn),
            ResultColumn<MissRow>.Text("observed", row => row.Observed),
            ResultColumn<MissRow>.Text("predicted", row => row.Predicted),
            ResultColumn<MissRow>.Number("explained", row => row.Cause is not null),
            ResultColumn<MissRow>.TextOrNull("cause", row => row.Cause));
    }

    public void Compare(IFaultModel model, in ObservedFault observed, in FaultContext predicted)
    {
        if (observed.Outcome == FaultOutcome.Unknown)
        {
            return;
        }

        // Where neither memslots nor the kind of page is recorded, what is assumed of them proves nothing of the model, right or wrong.
        bool guessed = predicted.SlotsUnknown && predicted.Certainty == Certainty.Assumed;
        if (!predicted.WentFurther && (guessed || predicted.Outcome == FaultOutcome.Unknown))
        {
            _unknown++;
            return;
        }

        if (!Matches(0, observed.Outcome == predicted.Outcome))
        {
            Miss(model, in observed, 0, observed.Outcome.Name(), Describe(in predicted));
        }

        CompareReferences(model, in observed, in predicted);
        // What the fault itself shows of a page that nothing else shows has no prediction to compare with.
        if (!observed.HasLeaf || !OutcomeTable.IsMapped(predicted.Outcome) || SpecialPfn.IsMadeUp(predicted.Pfn))
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

    /// <summary>
    /// The calls that put a page back (spec 3.1). Of a page without a reference `current` makes the call and it does nothing; what
    /// a lookup puts within itself, and what 7.x puts when it maps nothing, no probe shows: these are not compared.
    /// </summary>
    private void CompareReferences(IFaultModel model, in ObservedFault observed, in FaultContext predicted)
    {
        bool tells = predicted.RefsGot > 0
            ? observed.Outcome == FaultOutcome.Fixed || !model.Settings.EarlySpurious
            : observed.Releases == 0;
        if (observed.Releases < 0 || observed.Outcome != predicted.Outcome || predicted.Outcome == FaultOutcome.Unknown || !tells)
        {
            return;
        }

        int releases = predicted.RefsGot > 0 ? predicted.RefsPut - predicted.RefsGot + 1 : 0;
        bool samePage = releases != 1 || observed.ReleasedPfn == 0 || observed.ReleasedPfn == predicted.ReleasePfn;
        if (!Matches(5, observed.Releases == releases && samePage))
        {
            Miss(model, in observed, 5, References(observed.Releases, observed.ReleasedPfn), References(releases, predicted.ReleasePfn));
        }
    }

    private static string References(int puts, ulong pfn) => puts == 0 ? "0 puts" : $"{Decimal(puts)} put of {Hex(pfn)}";

    /// <summary>Takes over what the model found in the last batch when it compared itself with records.</summary>
    public void AddMisses(IFaultModel model, LostRecords lost)
    {
        foreach (ObservationMiss miss in model.Checks!.Misses)
        {
            string? cause = lost.AnyBefore(miss.Seq) ? Loss : null;
            _explainedRecords[(int)miss.Quantity] += cause is null ? 0 : 1;
            _misses.Add(new MissRow(
                model, s_records[(int)miss.Quantity], null, miss.Seq, null, miss.Gfn == 0 ? null : miss.Gfn, Hex(miss.Observed), Hex(miss.Predicted), cause));
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
                _summary.Add(new SummaryRow(model, s_records[i], tally, 0));
            }
        }

        for (int i = 0; i < s_quantities.Length && model is not null; i++)
        {
            _summary.Add(new SummaryRow(model, s_quantities[i], _tallies[i], i == 0 ? _unknown : 0));
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
            : observed.OrderAmbiguous ? "a notifier window began or ended, or another vCPU installed the same leaf, so close to the fault's check that their order is not certain"
            : null;
        _tallies[quantity].Explained += cause is null ? 0 : 1;
        _misses.Add(new MissRow(
            model, s_quantities[quantity], observed.FaultId, observed.Seq, observed.Time, observed.Gpa >> 12, seen, predicted, cause));
    }

    private static string Describe(in FaultContext fault) =>
        fault.Outcome == FaultOutcome.Retry ? $"RETRY: {OutcomeTable.Cause(fault.RetryCause)}"
        : fault.Reason == FaultReason.None ? fault.Outcome.Name()
        : $"{fault.Outcome.Name()}: {fault.Reason.Text()}";

    private static string Hex(ulong value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);

    private static string Decimal(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Boolean(bool value) => value ? "true" : "false";

    private struct Tally
    {
        public long Compared;
        public long Matched;
        public long Explained;
    }

    private sealed record SummaryRow(IFaultModel Model, string Quantity, Tally Tally, long Unknown);

    private sealed record MissRow(IFaultModel Model, string Quantity, long? FaultId, long Seq, long? Time, ulong? Gfn, string Observed, string Predicted, string? Cause);
}
