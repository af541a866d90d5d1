using System.Globalization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A night's findings in words.</summary>
public static class NightText
{
    /// <summary>The name of what is compared, short and the same in every night.</summary>
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
        : c.IsLatency ? string.Create(CultureInfo.InvariantCulture, $"{c.Effect:0.00} times ({NightSentence.Range(c)})")
        : string.Create(CultureInfo.InvariantCulture, $"{c.Effect * 100:+0.00;-0.00} points ({NightSentence.Range(c)})");

    /// <summary>What tonight has of it and the nights before had, as a person says it.</summary>
    public static string Sentence(Comparison c) => NightSentence.Of(c);

    /// <summary>What no night before had, as a person says it.</summary>
    public static string Sentence(NewKind k) => NightSentence.Of(k);

    /// <summary>What one capture has of a quantity, behind the whole; nothing where it has no number.</summary>
    public static string Here(Comparison c, NightLead lead) => lead.Value is { } value ? $", here {NightSentence.Value(c, value)}" : "";

    /// <summary>Sizes and probability.</summary>
    public static string Evidence(Comparison c)
    {
        string sizes = c.Host is null
            ? $"{Prose.Count(c.Units, "host", "hosts")}, {Prose.Count(c.BaselineUnits, "host-night", "host-nights")} before"
            : $"{Prose.Count(c.Units, "capture", "captures")}, {(c.IsWeak ? Prose.Count(c.BaselineUnits, "night", "nights") : Prose.Count(c.BaselineUnits, "capture", "captures"))} before";
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
        : $"{Prose.Count(report.Judged)} of {Prose.Count(report.Quantities, "quantity", "quantities")} could be judged";

    private static string Probability(double p) => p.ToString(p < 0.001 ? "0.##E+0" : "0.###", CultureInfo.InvariantCulture);

    public static string Line(Comparison c) => $"{c.Subject}: {Sentence(c)}; {Evidence(c)}";

    public static string Line(NewKind k) => $"new: {Sentence(k)}";

    /// <summary>The night in one line.</summary>
    public static string Headline(NightReport report)
    {
        string of = $"{SummaryJson.Day(report.Night)}: {Prose.Count(report.Captures, "capture", "captures")} of {Prose.Count(report.Hosts, "host", "hosts")} against {Prose.Count(report.BaselineCaptures)} of {Prose.Count(report.BaselineNights.Count, "night", "nights")} before";
        int found = report.Regressions.Count() + report.NewKinds.Count;
        string judged = Coverage(report) is { } part ? $" ({part})" : "";
        return found == 0 ? $"{of}: {report.Verdict}{judged}" : $"{of}: {Prose.Count(found, "regression", "regressions")}{judged}";
    }

    /// <summary>What was in the inbox, in one line.</summary>
    public static string Inbox(InboxResult inbox)
    {
        string growing = inbox.Growing > 0 ? $", {Prose.Count(inbox.Growing)} too young and left for the next run" : "";
        string others = inbox.Others.Count switch { 0 => "", 1 => ", 1 new file is no capture", int n => $", {Prose.Count(n)} new files are no captures" };
        return $"inbox: {Prose.Count(inbox.Files, "file", "files")}, {Prose.Count(inbox.New, "new capture", "new captures")}{growing}{others}";
    }

    /// <summary>Kinds never seen, then regressions; one line each, and one for the capture that shows it most.</summary>
    public static IEnumerable<string> Findings(NightReport report) =>
    [
        .. report.NewKinds.SelectMany(k => Lines(Line(k), k.Leads, report.Dataset)),
        .. report.Regressions.SelectMany(c => Lines(Line(c), c.Leads, report.Dataset)),
    ];

    /// <summary>What cannot be judged, first what nothing else tells; one line each for the first of them, and one for how many more there are.</summary>
    public static IEnumerable<string> Unjudged(NightReport report, int most)
    {
        if (Coverage(report) is null)
        {
            yield break;
        }

        List<Comparison> all = [.. report.Unjudged];
        List<Comparison> news = [.. all.Where(c => !report.IsTold(c))];
        foreach (Comparison c in news.Take(most))
        {
            yield return $"cannot judge {Unjudged(c)}";
        }

        int told = all.Count - news.Count;
        int more = all.Count - Math.Min(most, news.Count);
        if (more > 0)
        {
            yield return $"nor {Prose.Count(more)} more{(told > 0 ? $", {Prose.Count(told)} of single hosts whose class is told above" : "")} (summary.json has them)";
        }
    }

    internal static string Unjudged(Comparison c) => $"{c.Subject}: {Sentence(c)}; {Needs(c)}";

    private static IEnumerable<string> Lines(string line, IReadOnlyList<NightLead> leads, string dataset) => [line, .. leads.Take(1).Select(l => $"  worst: {l.Line(dataset)}")];
}
