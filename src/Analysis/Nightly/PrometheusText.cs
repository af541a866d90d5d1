using System.Globalization;
using System.Text;
using TraceReplay.Analysis.Summary;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Nightly;

/// <summary>metrics.prom: Prometheus text for the node exporter's textfile collector.</summary>
internal static class PrometheusText
{
    public static string Text(NightReport report)
    {
        StringBuilder text = new();
        long night = new DateTimeOffset(report.Night.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero).ToUnixTimeSeconds();
        Gauge(text, "tracereplay_night_timestamp_seconds", "Start (UTC) of the night that the other values are about.", night);
        Gauge(text, "tracereplay_night_captures", "Captures of the night.", report.Captures);
        Gauge(text, "tracereplay_night_hosts", "Hosts with captures.", report.Hosts);
        Gauge(text, "tracereplay_night_failed_captures", "Captures that were damaged or unreadable.", report.Failures.Count);
        Gauge(text, "tracereplay_night_events", "Events ingested.", report.Events);
        Gauge(text, "tracereplay_night_lost_records", "Records that the kernel lost.", report.Lost);
        Gauge(text, "tracereplay_night_faults", "Page faults replayed.", report.Faults);
        Gauge(text, "tracereplay_night_fidelity_missed", "Predictions in all quantities that missed, without those behind lost records.", report.Missed);
        Standings(text, report.Outcomes);
        Gauge(text, "tracereplay_night_baseline_captures", "Captures of the nights compared with.", report.BaselineCaptures);
        Gauge(text, "tracereplay_night_comparisons", "Comparisons with enough captures for a test.", report.Comparisons.Count(c => c.P is not null));
        Gauge(text, "tracereplay_night_regressions", "Significant changes for the worse, and kinds never seen before.", report.Regressions.Count() + report.NewKinds.Count);
        Gauge(text, "tracereplay_night_quantities", "Quantities of hosts and classes of the night.", report.Quantities);
        Gauge(text, "tracereplay_night_judged", "Quantities of which the night's captures can tell whether they are worse than before.", report.Judged);
        Head(text, "tracereplay_night_latency_seconds", "Latency of a fault: median over hosts of each capture's percentile.");
        foreach (Comparison c in report.Comparisons.Where(c => c.Host is null && c.Metric == CaptureStats.Latency + "ns" && double.IsFinite(c.Tonight)).OrderBy(c => c.Group.ToString(), StringComparer.Ordinal).ThenBy(c => c.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"tracereplay_night_latency_seconds{{{Labels(c.Group)},percentile={Label(c.Key)}{(c.Clock is null ? "" : $",clock={Label(c.Clock)}")}}} {c.Tonight / 1e9:G9}\n");
        }

        Groups(text, "tracereplay_night_group_regressions", "The same of one class, scenario and kernel, its hosts among them, without kinds never seen before.", report, c => c.Verdict is Verdict.Regression or Verdict.Suspected);
        Groups(text, "tracereplay_night_group_unjudged", "Comparisons of one class, scenario and kernel for which the captures do not suffice.", report, c => c.Verdict == Verdict.NotYet);
        return text.ToString();
    }

    /// <summary>One value for each group with captures tonight, 0 among them, so that an alert ends by itself.</summary>
    private static void Groups(StringBuilder text, string name, string help, NightReport report, Func<Comparison, bool> counts)
    {
        Head(text, name, help);
        foreach (IGrouping<NightGroup, Comparison> group in report.Comparisons.Where(c => c.Units > 0).GroupBy(c => c.Group).OrderBy(g => g.Key.ToString(), StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{{{Labels(group.Key)}}} {group.Count(counts)}\n");
        }
    }

    /// <summary>All standings, so that a share made of them cannot leave the uncovered faults out.</summary>
    private static void Standings(StringBuilder text, FidelityLine outcomes)
    {
        Head(text, "tracereplay_night_fidelity_outcomes", "Faults by how the predicted outcome stands to the observed one; they add up to all that were compared or could not be.");
        (string Name, long Count)[] standings =
        [
            ("matched", outcomes.Matched), ("in_set", outcomes.InSet), ("missed", outcomes.Missed), ("lost", outcomes.Lost),
            ("read_off", outcomes.ReadOff), ("unknown", outcomes.Unknown), ("unobserved", outcomes.Unobserved),
        ];
        foreach ((string name, long count) in standings)
        {
            text.Append(CultureInfo.InvariantCulture, $"tracereplay_night_fidelity_outcomes{{standing={Label(name)}}} {count}\n");
        }
    }

    private static void Gauge(StringBuilder text, string name, string help, long value)
    {
        Head(text, name, help);
        text.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
    }

    private static void Head(StringBuilder text, string name, string help) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} gauge\n");

    private static string Labels(NightGroup group) => $"class={Label(group.HostClass)},scenario={Label(group.Scenario)},kernel={Label(group.Kernel ?? "")}";

    private static string Label(string value) =>
        "\"" + Printable.Line(value).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
