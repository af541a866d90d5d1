using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What a night found, a sentence each, in the words of somebody who has never seen a metric's key: the terminal, the page, junit.xml and summary.json all say these.</summary>
internal static partial class NightSentence
{
    /// <summary>Pairs of outcomes that are told; more are counted.</summary>
    private const int MostPairs = 3;

    /// <summary>A quantity tonight and before.</summary>
    public static string Of(Comparison c) => c.IsLatency ? Latency(c) : c.Metric switch
    {
        "outcome" => $"{OutcomeVerbs.KernelDid(c.Key, $"{Share(c.Tonight)} of the faults")} {Before(c)}",
        "lost" => $"{Share(c.Tonight)} of the records were lost {Before(c)}",
        "uncovered" => $"what the kernel did cannot be held against its own logic ({c.Key}) in {Share(c.Tonight)} of the faults {Before(c)}",
        "infidelity" when c.Tally is { } tally => $"{Missed(c.Key, tally)}, in {Captures(tally.Captures)}: {Share(c.Tonight)} {Before(c)}",
        "infidelity" => $"{Differs(c.Key)} in {Share(c.Tonight)} of the {(Quantity(c.Key) == FidelityLine.Outcome ? "faults" : "comparisons")} {Before(c)}",
        "divergence" => $"models differ: {Pages(c.Key)}, in {Share(c.Tonight)} of the faults {Before(c)}",
        "violation" => $"{Breaks(c.Key)}, in {Share(c.Tonight)} of the faults {Before(c)}",
        _ => $"{c.Metric} {c.Key}: {Share(c.Tonight)} {Before(c)}",
    };

    /// <summary>A kind that no night before had.</summary>
    public static string Of(NewKind k) => k.Metric switch
    {
        "infidelity" => k.Tally is { } tally ? $"{Missed(k.Kind, tally)}, in {Captures(k.Captures)}" : $"{Differs(k.Kind)}, in {Captures(k.Captures)}",
        "divergence" => $"models differ in a way not seen before: {Pages(k.Kind)}, in {Faults(k)}{Captures(k.Captures)}",
        "violation" => $"{Breaks(k.Kind)}, in {Faults(k)}{Captures(k.Captures)}",
        NightFindings.Metric when k.Kind.Split(' ', 2) is [string severity, string id] => $"{Found(id, severity)}, in {Faults(k)}{Captures(k.Captures)}",
        _ => $"{k.Metric} {k.Kind}, in {Captures(k.Captures)}",
    };

    /// <summary>A finding of the night, new or not.</summary>
    public static string Of(NightFinding f) => $"{Found(f.Finding, f.Severity)}, in {Prose.Count(f.Faults, "fault", "faults")} of {Captures(f.Captures)}";

    /// <summary>A latency, or a share, with its unit.</summary>
    public static string Value(Comparison c, double value) => c.IsLatency ? $"{Bare(c, value)} {Unit(c)}" : Share(value);

    /// <summary>Before and tonight, the unit once.</summary>
    public static string Range(Comparison c) => c.IsLatency
        ? $"{Bare(c, c.Baseline)} to {Bare(c, c.Tonight)} {Unit(c)}"
        : string.Create(CultureInfo.InvariantCulture, $"{c.Baseline * 100:0.00} to {c.Tonight * 100:0.00} %");

    private static string Latency(Comparison c)
    {
        string which = c.Key switch
        {
            "p50" => "the median latency of a fault (p50)",
            "p90" => "the latency that a tenth of the faults exceed (p90)",
            "p99" => "the latency that a hundredth of the faults exceed (p99)",
            _ => $"the latency {c.Key} of a fault",
        };
        string clock = c.Clock is null ? "" : $" by the clock {c.Clock}";
        return double.IsFinite(c.Effect)
            ? string.Create(CultureInfo.InvariantCulture, $"{which}{clock} is {c.Effect:0.00} times what it was: {Range(c)}")
            : $"{which}{clock} is {Value(c, c.Tonight)}; no values before";
    }

    private static string Missed(string key, NightTally tally)
    {
        string model = Model(key);
        if (Quantity(key) != FidelityLine.Outcome)
        {
            return $"{Differs(key)} in {Prose.Count(tally.Hits)} of {Prose.Count(tally.Of, "comparison", "comparisons")}";
        }

        string many = $"{Prose.Count(tally.Hits)} of {Prose.Count(tally.Of, "fault", "faults")}";
        long told = tally.Misses.Sum(m => m.Faults);
        if (tally.Misses is [NightMiss only] && told == tally.Hits)
        {
            return $"{OutcomeVerbs.KernelDid(only.Observed, many)} that its own logic ({model}) {OutcomeVerbs.Does(only.Predicted)}";
        }

        string pairs = string.Join(", ", tally.Misses.Take(MostPairs).Select(m => $"{OutcomeVerbs.Did(m.Observed, Prose.Count(m.Faults))} that {model} {OutcomeVerbs.Does(m.Predicted)}"));
        string rest = tally.Misses.Count > MostPairs || told < tally.Hits ? ", and others" : "";
        return $"{Differs(key)} in {many}{(pairs.Length == 0 ? "" : $": it {pairs}{rest}")}";
    }

    private static string Differs(string key) => Quantity(key) switch
    {
        FidelityLine.Outcome => $"the kernel did not do what its own logic ({Model(key)}) says",
        string quantity => $"the kernel and its own logic ({Model(key)}) differ in {Word(quantity)}",
    };

    private static string Word(string quantity) => quantity switch
    {
        "pfn" => "the pfn that is mapped",
        "level" => "the level that is mapped",
        "writable" => "whether the mapping is writable",
        "spte" => "the spte",
        "refs" => "the references that are held on the page",
        "leaf_change" => "what becomes of the leaf",
        "invalidate_seq" => "the invalidation sequence",
        "in_progress" => "the invalidations in progress",
        _ => quantity,
    };

    // The key is "MODEL OUTCOME, MODEL OUTCOME on PAGE", the page where it is known.
    private static string Pages(string key) => PageKey().Match(key) is { Success: true } page
        ? $"{page.Groups[1].Value} on {page.Groups[2].Value} pages{(PageKindText.Describe(page.Groups[2].Value) is { Length: > 0 } what ? $" ({what})" : "")}"
        : key;

    private static string Breaks(string key) => key.Split(' ', 3) is [string model, string invariant, string name]
        ? $"{(model == "kernel" ? "the kernel's records break" : $"the model {model} breaks")} {invariant} ({name})"
        : $"a rule is broken: {key}";

    private static string Found(string id, string severity) => $"{id}: {Catalogue.All.FirstOrDefault(f => f.Id == id)?.Title ?? "a finding"} ({severity})";

    // Findings count their faults only; a share of them would be of other faults each time.
    private static string Faults(NewKind k) => k.Tally is not { Hits: > 0 } tally ? ""
        : k.Metric == NightFindings.Metric ? $"{Prose.Count(tally.Hits, "fault", "faults")} of "
        : $"{Prose.Count(tally.Hits)} of {Prose.Count(tally.Of, "fault", "faults")} of ";

    private static string Captures(int n) => Prose.Count(n, "capture", "captures");

    private static string Model(string key) => key.Split(' ')[0];

    private static string Quantity(string key) => key[(key.IndexOf(' ', StringComparison.Ordinal) + 1)..];

    private static string Before(Comparison c) => c.BaselineUnits == 0 ? "(nothing before)" : $"({Share(c.Baseline)} before)";

    private static string Share(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.00} %");

    private static string Bare(Comparison c, double value) => IsTime(c) ? (value / 1000).ToString("N1", CultureInfo.InvariantCulture) : value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Unit(Comparison c) => IsTime(c) ? "µs" : c.Metric[CaptureStats.Latency.Length..];

    private static bool IsTime(Comparison c) => c.Metric == CaptureStats.Latency + "ns";

    [GeneratedRegex(@"^(.+) on (\S+)$")]
    private static partial Regex PageKey();
}
