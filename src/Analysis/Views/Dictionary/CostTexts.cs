using TraceReplay.Analysis.Cost;
using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>Tables that cost and nightly write.</summary>
internal static class CostTexts
{
    private static readonly Vocabulary s_quantities = new("traced", "of what cost_traced tells times",
    [
        new(TracedWords.Fault, "guest page faults, begin to end (faults.latency_ns)"),
        new(TracedWords.Window, "notifier windows, kvm_mmu_notifier_invalidate_range_start to _end"),
        new(TracedWords.NotifierCall, "calls of kvm_mmu_notifier_invalidate_range_start, to their return"),
        new(TracedWords.Zap, "from one zap record to the next in the same call"),
        new(TracedWords.Function, "durations that the function-graph tracer recorded"),
    ]);

    private static readonly Vocabulary s_prices = new("price", "what the captures can give a price to; operations that are done together share one", [.. PriceFit.Features.Select(feature => new Word(feature.Name, Meaning(feature.Name)))]);

    private static readonly Vocabulary s_notes = new("note", "how far a price carries",
    [
        new("", "its interval does not hold 0"),
        new(BridgeWords.NotFromZero, "its interval does"),
        new(BridgeWords.TooFewKinds, "it has a value in less than half of the resamples"),
        new(BridgeWords.NotApart, "its operation is always done together with another one"),
    ]);

    private static readonly Vocabulary s_verdicts = new("prediction", "how far a prediction carries",
    [
        new(BridgeWords.Agrees, "the two intervals overlap"),
        new(BridgeWords.Misses, "they do not"),
        new(BridgeWords.MissesAlike, "they do not, and the two kernels differ in something that no model counts"),
        new(BridgeWords.NotChecked, "it is a prediction and nothing more"),
        new(BridgeWords.TooWide, "no prediction"),
        new(BridgeWords.NoPrice, "no prediction"),
    ]);

    private static readonly Vocabulary s_metrics = new("metric", "the quantities by which nights are compared",
    [
        new("faults", "number of faults; key count"),
        new("outcome", "share of the faults that ended so; key is the outcome"),
        new("divergence", "share of the faults in which two models diverge; key says which, how and on which page kind"),
        new("violation", "certain breaches for each fault; key is model and invariant"),
        new("latency_UNIT", "latency of faults in the clock's unit (latency_ns, latency_cycles); key is p50, p90 or p99"),
        new("infidelity", "misses of what fidelity covers; key is model and quantity"),
        new("uncovered", "share of the faults whose outcome fidelity does not cover; key is the model"),
        new("lost", "share of the records that were lost; key records"),
        new("finding", "1 for each finding other than notes; key is severity and finding, n the faults that show it"),
    ]);

    public static IReadOnlyList<TableText> All { get; } =
    [
        new(Tables.Named("cost_counts"), "what one model did in one fault or one work of the host, counted exactly",
        [
            Units.TraceId,
            Units.Model,
            Units.Setting,
            new("fault_id", "the fault, as in faults", Null: "it is no fault"),
            new("seq", "position of the event that it belongs to"),
            new("work", "what was done", Values: TableWords.Works),
            new("path", "on which way a fault's page was looked up", Null: "it is no fault, or had no lookup", Values: FaultWords.Paths),
            new("outcome", "how the model ends the fault", Null: "it is no fault", Values: FaultWords.Outcomes),
            new("page_kind", "host memory behind the page", Null: "it is no fault, or nothing tells the kind", Values: FaultWords.PageKinds),
            new("access", "what the guest wanted", Null: "it is no fault", Values: FaultWords.Accesses),
            new("leaves", "leaves that the work concerned", "leaves"),
            .. TableWords.CostOperations.Words.Select(word => new ColumnText(word.Value, word.Meaning)),
        ]),
        new(Tables.Named("cost_measured"), "time that one model's own code took over the operations of one path of a trace; no kernel's time",
        [
            Units.TraceId,
            new("model", "the model; current (again) is the baseline against itself", Values: new("measured_model", "what is measured", [.. TableWords.Models.Words, new(TraceReplay.Replay.Cost.Measuring.MeasuredCost.Control, "the baseline once more, as a control")])),
            Units.Setting,
            new("path", "path of the faults, the host's work, or all"),
            new("alike", "all models end these faults alike; false: some map what others refuse", Null: "the host's work, or all"),
            new("units", "faults, windows or leaves in one repetition"),
            new("repetitions", "rounds that were measured"),
            new("ns", "time of one unit, the harness's own taken off: median over the rounds", Units.Nanoseconds),
            new("harness_ns", "what was taken off", Units.Nanoseconds),
            new("ratio", "time of this model over that of current: median over the rounds", Null: "the harness's own cost hides it"),
            new("ratio_low", "lower end of its 95 % interval", Null: "as ratio"),
            new("ratio_high", "upper end", Null: "as ratio"),
            new("verdict", "what may be said", Values: TableWords.Measured),
            new("left_out", "part of the work in which the thread lost its core, left out for all models", Units.Share),
            new("instructions", "instructions for one operation of the workload, harness included", Null: "the machine has no counters"),
            new("cache_misses", "cache misses for one operation, likewise", Null: "the machine has no counters"),
        ]),
        new(Tables.Named("cost_traced"), "times that the captured kernel took for one quantity, path, outcome and page kind; probes are in every number",
        [
            Units.TraceId,
            new("quantity", "what was timed", Values: s_quantities),
            new("path", "of faults: the path, by the captured kernel's model; of functions: the name", Null: "neither"),
            new("outcome", $"of faults: how the kernel ended them; of notifier calls: {TracedWords.NoneZapped}, {TracedWords.Zapped} or {TracedWords.NotRecorded}", Null: "neither"),
            new("page_kind", "host memory behind the page", Null: "no fault, or nothing tells the kind", Values: FaultWords.PageKinds),
            new("n", "times that were measured"),
            new("p50", "median, a rank as quantile_disc has it", "column unit"),
            new("p90", "90th percentile", "column unit"),
            new("p99", "99th percentile", "column unit"),
            new("max", "the longest", "column unit"),
            new("mean", "mean", "column unit"),
            new("unit", "what the capture's clock counts, as traces.clock_unit"),
            new("probe_records", "probe records within one fault, on average", "records", "not a fault"),
            new("lost", "records that the trace lost", "records", "not known"),
        ]),
        new(Tables.Named("cost_prices"), "the price of one operation on one host and kernel, fitted over kinds of fault",
        [
            new("trace_id", "the first of the captures that the price rests on: 16 hex digits"),
            new("kernel", "release of the captured kernel"),
            new("host", "the machine"),
            new("traces", "captures that the price rests on", "captures"),
            new("operation", "what is priced", Values: s_prices),
            new("price_ns", "price of one such operation", Units.Nanoseconds, "the data cannot carry one, see note"),
            new("low_ns", "lower end of its interval (bootstrap over kinds of fault)", Units.Nanoseconds, "as price_ns"),
            new("high_ns", "upper end", Units.Nanoseconds, "as price_ns"),
            new("faults", "faults behind the fit", "faults"),
            new("cells", "kinds of fault that are points of the fit", "kinds"),
            new("r2", "part of the relative differences between the kinds that the prices explain", Units.Share),
            new("note", "how far the price carries", Values: s_notes),
        ]),
        new(Tables.Named("cost_predictions"), "what another model's kernel would take for the faults of one trace, path and page kind, beside what it was seen to take",
        [
            Units.TraceId,
            new("scenario", "name of the capture's file without kernel version and endings; captures of one name are taken for one scenario"),
            new("path", "path of the faults, by the captured kernel's model", Null: "no lookup"),
            new("page_kind", "host memory behind the page", Null: "nothing tells the kind", Values: FaultWords.PageKinds),
            new("model", "the model that the prediction is of", Values: TableWords.Models),
            new("faults", "faults behind it", "faults"),
            new("captured_ns", "what the captured kernel took for one: mean of the middle eight tenths", Units.Nanoseconds),
            new("predicted_ns", "what that model's kernel would take", Units.Nanoseconds, "the data cannot carry a prediction"),
            new("predicted_ratio", "predicted_ns over captured_ns", Null: "as predicted_ns"),
            new("predicted_low", "lower end of its interval", Null: "as predicted_ns"),
            new("predicted_high", "upper end", Null: "as predicted_ns"),
            new("observed_trace", "a capture of that model's kernel in the same scenario: its trace_id", Null: "there is none"),
            new("observed_ns", "what that kernel took there for the same path and page kind", Units.Nanoseconds, "there is none"),
            new("observed_ratio", "observed_ns over captured_ns", Null: "there is none"),
            new("observed_low", "lower end of its interval", Null: "there is none"),
            new("observed_high", "upper end", Null: "there is none"),
            new("verdict", "how far the prediction carries", Values: s_verdicts),
        ]),
        new(Tables.Named("night_stats"), "one number of one capture by which nightly compares nights",
        [
            Units.TraceId,
            new("host_class", "class of the host, from the inbox's folders"),
            new("scenario", "name of the capture's file up to its first dot that is not a decimal point"),
            new("kernel", "release of the captured kernel", Null: "not known"),
            new("metric", "which quantity", Values: s_metrics),
            new("key", "of what within the metric: an outcome, a kind of divergence, an invariant, a percentile"),
            new("value", "the number"),
            new("n", "faults or records that it rests on"),
        ]),
    ];

    private static string Meaning(string price) => price switch
    {
        "fault" => "a fault at all: exit, handler, entry",
        "probe_record" => "one record of a probe",
        "exit_to_user" => "an exit to user space with EFAULT",
        "emulation" => "an emulated access",
        "host_fault" => "handle_mm_fault by get_user_pages",
        "driver_fault" => "the driver's fault handler",
        "walk_load" => "a load of any page-table walk",
        "lock" => "an atomic operation on a lock",
        "struct_page" => "an operation on struct page: reference, mark, cache line",
        "spte_write" => "a write of an SPTE",
        "slot_dirty" => "an entry in the dirty log",
        "memmap_check" => "a question to the memmap",
        _ => throw new ArgumentOutOfRangeException(nameof(price), price, "has no meaning in the vocabulary"),
    };
}
