using System.Globalization;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using MissColumn = TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.FidelityTables.MissRow>;
using SummaryColumn = TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.FidelityTables.SummaryRow>;

namespace TraceReplay.Replay.Results;

/// <summary>
/// The <c>fidelity</c> and <c>fidelity_misses</c> tables: the model of the captured kernel against that kernel, fault by
/// fault and record by record. Nothing excuses a miss but a recorded loss of records.
/// </summary>
internal sealed class FidelityTables : IResultTable
{
    private const string Loss = "records were lost before or during the fault";

    private readonly IFaultModel? _model;
    private readonly SpteLayout _layout;
    private readonly FidelityTally _tally = new();
    private readonly ResultTable<SummaryRow> _summary;
    private readonly ResultTable<MissRow> _misses;

    /// <param name="model">The captured kernel's; null leaves the tables empty.</param>
    /// <param name="layout">SPTE bits of the captured machine.</param>
    public FidelityTables(string summaryPath, string missesPath, string traceId, IFaultModel? model, SpteLayout layout)
    {
        _model = model;
        _layout = layout;
        _summary = new ResultTable<SummaryRow>(
            summaryPath,
            SummaryColumn.Text("trace_id", _ => traceId),
            SummaryColumn.Text("model", _ => model!.Name),
            SummaryColumn.Text("setting", _ => model!.Settings.Name),
            SummaryColumn.Text("quantity", row => row.Quantity.Name()),
            SummaryColumn.Number("total", row => _tally.Total(row.Quantity)),
            SummaryColumn.Number("matched", row => _tally.Count(row.Quantity, Standing.Matched)),
            SummaryColumn.Number("in_set", row => _tally.Count(row.Quantity, Standing.InSet)),
            SummaryColumn.Number("missed", row => _tally.Count(row.Quantity, Standing.Missed)),
            SummaryColumn.Number("lost", row => _tally.Count(row.Quantity, Standing.Lost)),
            SummaryColumn.Number("read_off", row => _tally.Count(row.Quantity, Standing.ReadOff)),
            SummaryColumn.Number("unknown", row => _tally.Count(row.Quantity, Standing.Unknown)),
            SummaryColumn.Number("unobserved", row => _tally.Count(row.Quantity, Standing.Unobserved)),
            SummaryColumn.NumberOrNull("coverage", row => _tally.Coverage(row.Quantity)));
        _misses = new ResultTable<MissRow>(
            missesPath,
            MissColumn.Text("trace_id", _ => traceId),
            MissColumn.Text("model", _ => model!.Name),
            MissColumn.Text("setting", _ => model!.Settings.Name),
            MissColumn.Text("quantity", row => row.Quantity.Name()),
            MissColumn.NumberOrNull("fault_id", row => row.FaultId),
            MissColumn.Number("seq", row => row.Seq),
            MissColumn.NumberOrNull("ts_ns", row => row.Time),
            MissColumn.NumberOrNull("gfn", row => row.Gfn),
            MissColumn.Text("observed", row => row.Observed),
            MissColumn.Text("predicted", row => row.Predicted),
            MissColumn.Number("lost", row => row.Lost),
            MissColumn.TextOrNull("cause", row => row.Lost ? Loss : null));
    }

    /// <summary>The row of the outcomes; null if there is none.</summary>
    public OutcomeStanding? Outcomes
    {
        get
        {
            return _model is null ? null : new OutcomeStanding(
                _model.Name,
                Of(Standing.Matched),
                Of(Standing.InSet),
                Of(Standing.Missed),
                Of(Standing.Lost),
                Of(Standing.ReadOff),
                Of(Standing.Unknown),
                Of(Standing.Unobserved),
                _tally.Coverage(FidelityQuantity.Outcome));

            long Of(Standing standing) => _tally.Count(FidelityQuantity.Outcome, standing);
        }
    }

    public void Compare(in ObservedFault observed, in FaultContext predicted)
    {
        // Where neither memslots nor the kind of page is recorded, what is assumed of them proves nothing of the model, right or wrong.
        bool guessed = predicted.SlotsUnknown && predicted.Certainty == Certainty.Assumed;
        bool known = predicted.WentFurther || !(guessed || predicted.Outcome == FaultOutcome.Unknown);
        Standing standing = Stands(in observed, in predicted, guessed);
        _tally.Add(FidelityQuantity.Outcome, standing);
        if (standing is Standing.Missed or Standing.Lost)
        {
            Miss(FidelityQuantity.Outcome, in observed, observed.Outcome.Name(), Describe(in predicted));
        }

        bool seen = observed.Outcome != FaultOutcome.Unknown;
        CompareReferences(in observed, in predicted, seen, known);
        CompareLeaf(in observed, in predicted, known);
    }

    /// <summary>The set is complete before the observation is looked at; what is outside of it is a miss.</summary>
    private static Standing Stands(in ObservedFault observed, in FaultContext predicted, bool guessed)
    {
        if (observed.Outcome == FaultOutcome.Unknown)
        {
            return Standing.Unobserved;
        }

        if (guessed)
        {
            return Standing.Unknown;
        }

        bool allowed = (predicted.Outcomes & (1 << (int)observed.Outcome)) != 0;
        if (allowed)
        {
            return predicted.IsSet ? Standing.InSet : predicted.ReadOff ? Standing.ReadOff : Standing.Matched;
        }

        // One order leads to what nothing shows.
        bool open = (predicted.Outcomes & (1 << (int)FaultOutcome.Unknown)) != 0 && !predicted.WentFurther;
        return open ? Standing.Unknown : observed.Lost ? Standing.Lost : Standing.Missed;
    }

    /// <summary>Faults in which neither the kernel nor the model leaves a leaf have nothing to compare in one.</summary>
    private void CompareLeaf(in ObservedFault observed, in FaultContext predicted, bool known)
    {
        bool maps = known && OutcomeTable.IsMapped(predicted.Outcome);
        bool seen = observed.HasLeaf;
        if (!maps && !seen)
        {
            return;
        }

        // What the fault itself shows of a page that nothing else shows has no prediction to compare with.
        known = maps && !SpecialPfn.IsMadeUp(predicted.Pfn);
        if (IsMiss(FidelityQuantity.Pfn, in observed, seen, known, observed.Pfn == predicted.Pfn))
        {
            Miss(FidelityQuantity.Pfn, in observed, Hex(observed.Pfn), Hex(predicted.Pfn));
        }

        if (IsMiss(FidelityQuantity.Level, in observed, seen, known, observed.Level == predicted.Level, predicted.LevelReadOff))
        {
            Miss(FidelityQuantity.Level, in observed, Decimal(observed.Level), Decimal(predicted.Level));
        }

        // What the guest's own tables permit, or a gfn that may hold one: a leaf's rights follow from what no record tells.
        bool write = (observed.Access & FaultAccess.Write) != 0;
        bool rightsKnown = known && !predicted.GuestUntold && !predicted.MayBeProtected;
        bool writable = SpteLayout.IsWritable(observed.Spte);
        if (IsMiss(FidelityQuantity.Writable, in observed, seen, rightsKnown || (known && write && !predicted.MayBeProtected), writable == predicted.Writable, predicted.WritableReadOff))
        {
            Miss(FidelityQuantity.Writable, in observed, Boolean(writable), Boolean(predicted.Writable));
        }

        // The kernel reads the leaf again for its record: the CPU may have set accessed or dirty in between, dirty only where it may write.
        ulong own = writable ? _layout.OwnBits : _layout.Accessed;
        ulong different = (observed.Spte ^ predicted.Spte) & ~_layout.NotRecorded;
        if (IsMiss(FidelityQuantity.Spte, in observed, seen, rightsKnown, (different & ~(own & observed.Spte)) == 0))
        {
            Miss(FidelityQuantity.Spte, in observed, Hex(_layout.Recorded(observed.Spte, observed.Level)), Hex(_layout.Recorded(predicted.Spte, predicted.Level)));
        }
    }

    /// <summary>
    /// The calls that put a page back (spec 3.1). Of a page without a reference `current` makes the call and it does nothing; what
    /// a lookup puts within itself, and what 7.x puts when it maps nothing, no probe shows: these count as not observed. What a
    /// fault that ended in another way than predicted puts back was not predicted.
    /// </summary>
    private void CompareReferences(in ObservedFault observed, in FaultContext predicted, bool seen, bool known)
    {
        known = known && observed.Outcome == predicted.Outcome;
        bool tells = predicted.RefsGot > 0
            ? observed.Outcome == FaultOutcome.Fixed || !_model!.Settings.EarlySpurious
            : observed.Releases == 0 || _model!.Settings.EarlySpurious;
        seen = seen && observed.Releases >= 0 && (tells || !known);
        int releases = predicted.RefsGot > 0 ? predicted.RefsPut - predicted.RefsGot + 1 + predicted.RefsMoved : 0;
        bool samePage = releases != 1 || observed.ReleasedPfn == 0 || observed.ReleasedPfn == predicted.ReleasePfn;
        if (IsMiss(FidelityQuantity.Refs, in observed, seen, known, observed.Releases == releases && samePage))
        {
            Miss(FidelityQuantity.Refs, in observed, References(observed.Releases, observed.ReleasedPfn), References(releases, predicted.ReleasePfn));
        }
    }

    private static string References(int puts, ulong pfn) => puts == 0 ? "0 puts" : $"{Decimal(puts)} put of {Hex(pfn)}";

    /// <summary>Takes over what the model found in the last batch when it compared itself with records.</summary>
    public void AddMisses(LostRecords lost)
    {
        foreach (ObservationMiss miss in _model!.Checks!.Misses)
        {
            FidelityQuantity quantity = Quantity(miss.Quantity);
            bool behindLoss = lost.AnyBefore(miss.Seq);
            _tally.Add(quantity, behindLoss ? Standing.Lost : Standing.Missed);
            _misses.Add(new MissRow(quantity, null, miss.Seq, null, miss.Gfn == 0 ? null : miss.Gfn, Hex(miss.Observed), Hex(miss.Predicted), behindLoss));
        }

        _model.Checks.Misses.Clear();
    }

    public void Seal(List<SealedFile> files)
    {
        if (_model is not null)
        {
            foreach (CheckedQuantity quantity in Enum.GetValues<CheckedQuantity>())
            {
                _tally.Add(Quantity(quantity), Standing.Matched, _model.Checks!.Matched(quantity));
            }

            foreach (FidelityQuantity quantity in FidelityQuantities.All)
            {
                _summary.Add(new SummaryRow(quantity));
            }
        }

        _summary.Seal(files);
        _misses.Seal(files);
    }

    public void Dispose()
    {
        _summary.Dispose();
        _misses.Dispose();
    }

    /// <summary>Counts one comparison; true if it is a miss, lost or not, which wants a row of its own.</summary>
    private bool IsMiss(FidelityQuantity quantity, in ObservedFault observed, bool seen, bool known, bool equal, bool readOff = false)
    {
        Standing standing = !seen ? Standing.Unobserved
            : !known ? Standing.Unknown
            : equal ? (readOff ? Standing.ReadOff : Standing.Matched)
            : observed.Lost ? Standing.Lost
            : Standing.Missed;
        _tally.Add(quantity, standing);
        return standing is Standing.Missed or Standing.Lost;
    }

    private void Miss(FidelityQuantity quantity, in ObservedFault observed, string seen, string predicted) =>
        _misses.Add(new MissRow(quantity, observed.FaultId, observed.Seq, observed.Time, observed.Gpa >> 12, seen, predicted, observed.Lost));

    private static FidelityQuantity Quantity(CheckedQuantity quantity) => quantity switch
    {
        CheckedQuantity.LeafChange => FidelityQuantity.LeafChange,
        CheckedQuantity.InvalidateSeq => FidelityQuantity.InvalidateSeq,
        _ => FidelityQuantity.InProgress,
    };

    private static string Describe(in FaultContext fault) =>
        fault.IsSet ? OutcomeTable.Set(fault.Outcomes) :
        fault.Outcome == FaultOutcome.Retry ? $"RETRY: {OutcomeTable.Cause(fault.RetryCause)}"
        : fault.Reason == FaultReason.None ? fault.Outcome.Name()
        : $"{fault.Outcome.Name()}: {fault.Reason.Text()}";

    private static string Hex(ulong value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);

    private static string Decimal(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Boolean(bool value) => value ? "true" : "false";

    internal sealed record SummaryRow(FidelityQuantity Quantity);

    internal sealed record MissRow(FidelityQuantity Quantity, long? FaultId, long Seq, long? Time, ulong? Gfn, string Observed, string Predicted, bool Lost);
}
