using System.Globalization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A night's findings in words.</summary>
public static class NightText
{
    /// <summary>What is compared, as a person says it.</summary>
    public static string Quantity(Comparison c) => c.Metric switch
    {
        _ when c.IsLatency => $"latency {c.Key}{(c.Clock is null ? "" : $" by the clock {c.Clock}")}",
        "outcome" => $"share of {c.Key}",
        "lost" => "share of lost records",
        "uncovered" => $"share of faults that the fidelity of {c.Key} does not cover",
        _ => $"{c.Metric} {c.Key}",
    };

    /// <summary>How far it moved: effect first.</summary>
    public static string Effect(Comparison c) => !double.IsFinite(c.Effect) ? "no values before"
        : c.IsLatency && c.Metric != CaptureStats.Latency + "ns"
        ? string.Create(CultureInfo.InvariantCulture, $"{c.Effect:0.00} times ({c.Baseline:0} to {c.Tonight:0} {c.Metric[CaptureStats.Latency.Length..]})")
        : c.IsLatency
        ? string.Create(CultureInfo.InvariantCulture, $"{c.Effect:0.00} times ({c.Baseline / 1000:0.0} to {c.Tonight / 1000:0.0} us)")
        : string.Create(CultureInfo.InvariantCulture, $"{c.Effect * 100:+0.00;-0.00} points ({c.Baseline * 100:0.00} to {c.Tonight * 100:0.00} %)");

    /// <summary>What one capture has of a quantity, behind the whole; nothing where it has no number.</summary>
    public static string Here(Comparison c, NightLead lead) => lead.Value is not { } value ? ""
        : c.Metric == CaptureStats.Latency + "ns" ? string.Create(CultureInfo.InvariantCulture, $", here {value / 1000:0.0} us")
        : c.IsLatency ? string.Create(CultureInfo.InvariantCulture, $", here {value:0} {c.Metric[CaptureStats.Latency.Length..]}")
        : string.Create(CultureInfo.InvariantCulture, $", here {value * 100:0.00} %");

    /// <summary>Sizes and probability.</summary>
    public static string Evidence(Comparison c)
    {
        string sizes = string.Create(CultureInfo.InvariantCulture, $"{c.Units} {(c.Host is null ? "hosts" : "captures")}, {c.BaselineUnits} {(c.Host is null ? "host-nights" : c.IsWeak ? "nights" : "captures")} before");
        string weak = c.IsWeak && c.Host is not null ? "; weaker evidence: the host's own nights, their spread taken for normal" : "";
        return c.P is null ? $"{sizes}: too few"
            : string.Create(CultureInfo.InvariantCulture, $"{sizes}, p = {Probability(c.P.Value)}, corrected {Probability(c.CorrectedP ?? 1)}{weak}{(c.Verdict == Verdict.NotYet ? $": too few, {Needs(c)}" : "")}");
    }

    /// <summary>What it takes to judge a quantity.</summary>
    public static string Needs(Comparison c) => c.Shows is { } shows
        ? string.Create(CultureInfo.InvariantCulture, $"only a change of {(c.IsLatency ? $"{shows:0.0} times" : $"{shows * 100:0.0} points")} would show (needs more captures a night, or nights that differ less)")
        : "needs 4 nights before of each host, or 3 captures a night";

    /// <summary>How much of the night the verdict is about; null where it is about all of it.</summary>
    public static string? Coverage(NightReport report) => report.Judged == report.Quantities || report.Quantities == 0 ? null
        : string.Create(CultureInfo.InvariantCulture, $"{report.Judged} of {report.Quantities} quantities could be judged");

    private static string Probability(double p) => p.ToString(p < 0.001 ? "0.##E+0" : "0.###", CultureInfo.InvariantCulture);

    public static string Line(Comparison c) => $"{c.Subject}: {Quantity(c)} {Effect(c)}; {Evidence(c)}";

    public static string Line(NewKind k) =>
        string.Create(CultureInfo.InvariantCulture, $"new {k.Metric}: {k.Kind}, in {k.Captures} captures");

    /// <summary>The night in one line.</summary>
    public static string Headline(NightReport report)
    {
        string of = string.Create(CultureInfo.InvariantCulture, $"{SummaryJson.Day(report.Night)}: {report.Captures} captures of {report.Hosts} hosts against {report.BaselineCaptures} of {report.BaselineNights.Count} nights before");
        int found = report.Regressions.Count() + report.NewKinds.Count;
        string judged = Coverage(report) is { } part ? $" ({part})" : "";
        return found == 0 ? $"{of}: {report.Verdict}{judged}" : string.Create(CultureInfo.InvariantCulture, $"{of}: {found} {(found == 1 ? "regression" : "regressions")}{judged}");
    }

    /// <summary>Kinds never seen, then regressions; one line each, and one for the capture that shows it most.</summary>
    public static IEnumerable<string> Findings(NightReport report) =>
    [
        .. report.NewKinds.SelectMany(k => Lines(Line(k), k.Leads, report.Dataset)),
        .. report.Regressions.SelectMany(c => Lines(Line(c), c.Leads, report.Dataset)),
    ];

    private static IEnumerable<string> Lines(string line, IReadOnlyList<NightLead> leads, string dataset) => [line, .. leads.Take(1).Select(l => $"  worst: {l.Line(dataset)}")];
}
