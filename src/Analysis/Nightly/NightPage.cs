using System.Globalization;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>report.html of a night: what changed first; one file without anything from outside.</summary>
internal static class NightPage
{
    private const int Drawn = 24;
    private const int Lines = 6;

    /// <param name="output">Where to; UTF-8.</param>
    /// <param name="report">The night.</param>
    public static void Write(Stream output, NightReport report) =>
        HtmlPage.Write(output, $"TraceReplay: night {SummaryJson.Day(report.Night)}", html => Body(html, report));

    private const int MostNamed = 100;

    private static List<string> Named(IReadOnlyList<string> lines) =>
        [.. lines.Take(MostNamed), .. lines.Count > MostNamed ? [$"and {Prose.Count(lines.Count - MostNamed)} more"] : (string[])[]];

    private static void Body(HtmlWriter html, NightReport report)
    {
        List<Comparison> regressions = [.. report.Regressions.OrderByDescending(Size)];
        string dataset = Path.GetFullPath(report.Dataset);
        html.Open("header");
        html.Element("p", "TraceReplay: what changed in the night", ("class", "kicker"));
        html.Element("h1", $"Night {SummaryJson.Day(report.Night)}");
        List<Capture> worst = WorstCaptures(report, dataset);
        html.Open("div", ("class", report.IsRegression ? "lead bad" : report.Verdict == "quiet" ? "lead good" : "lead")).Element("p", NightText.Headline(report));
        InShort(html, report, regressions);
        html.Close();
        if (worst.Count > 0)
        {
            html.Open("p").Text("Worst capture: ").Element("strong", worst[0].Lead.File).Text($" of {worst[0].Lead.Host}, {worst[0].Lead.Scenario}").Element("code", worst[0].Reasons[0].Command, ("class", "command")).Close();
        }

        MadeBy(html, report, dataset);
        html.Close();
        Contents(html);
        Changed(html, report, regressions);
        Worst(html, worst);
        Hosts(html, report);
        if (NightText.Coverage(report) is { } part)
        {
            List(html, "judged", $"What could not be judged: {part}", "", [.. report.Unjudged.Take(MostNamed).Select(NightText.Unjudged)], "note");
        }
        else
        {
            List(html, "judged", "What could not be judged", report.Quantities == 0 ? "There was no quantity to judge." : $"All {Prose.Count(report.Quantities)} quantities could be judged.", [], "note");
        }

        if (report.Retention is { } retention)
        {
            List(html, "retention", "Retention", "Nothing was removed.", [.. retention.Lines()], "note");
        }

        Health(html, report);
        Findings(html, report, dataset);
        List(html, "unread", "Captures that could not be read whole", "Every capture was read whole.", report.Failures, "bad");
        List(html, "events", "Events that could not be read", "Every event was read.", [.. report.Unread.Take(MostNamed)], "bad");
        List(html, "ignored", "Files that are no captures", "Every file is a capture.", Named(report.Ignored), "note");
        html.Open("section", ("id", "all")).Element("h2", "All comparisons");
        Comparisons(html, [.. report.Comparisons.Where(c => c.Verdict is not (Verdict.Regression or Verdict.Suspected))], "There is nothing else that could be compared.");
        html.Element(
            "p",
            $"A regression: Wilcoxon-Mann-Whitney over hosts' nights, one-sided, Holm-corrected over {Prose.Count(report.Comparisons.Count(c => c.P is not null), "comparison", "comparisons")} at level {report.Level.ToString(CultureInfo.InvariantCulture)}, and at least the least effect that counts.",
            ("class", "note"));
        html.Close();
    }

    private static void Contents(HtmlWriter html)
    {
        html.Open("nav", ("class", "contents"), ("aria-label", "Contents"));
        foreach ((string id, string name) in (ReadOnlySpan<(string, string)>)[("changed", "What changed"), ("worst", "Worst captures"), ("hosts", "Hosts"), ("judged", "What could not be judged"), ("fleet", "The fleet"), ("findings", "Findings"), ("unread", "Unreadable"), ("all", "All comparisons")])
        {
            html.Element("a", name, ("href", "#" + id));
        }

        html.Close();
    }

    /// <summary>A capture, the commands that show what is in it, and for each what that is.</summary>
    private sealed record Capture(NightLead Lead, string Report, List<(string Command, List<string> What)> Reasons);

    private const int InHead = 4;

    // What the first screen holds: of a group's percentiles the one that moved most.
    private static void InShort(HtmlWriter html, NightReport report, List<Comparison> regressions)
    {
        List<string> all =
        [
            .. report.NewKinds.Select(k => $"New: {NightText.Sentence(k)}."),
            .. regressions.Where(c => !IsNew(report, c)).GroupBy(c => (c.Group, c.Metric)).Select(g => $"{g.First().Subject}: {NightText.Sentence(g.First())}."),
        ];
        if (all.Count == 0)
        {
            return;
        }

        html.Open("ul", ("class", "plain"));
        foreach (string line in all.Take(InHead))
        {
            html.Element("li", line);
        }

        if (all.Count > InHead)
        {
            html.Open("li").Element("a", $"{Prose.Count(all.Count - InHead)} more", ("href", "#changed")).Close();
        }

        html.Close();
    }

    /// <summary>Whether it is told as never seen before already.</summary>
    private static bool IsNew(NightReport report, Comparison c) => report.NewKinds.Any(k => (k.Metric, k.Kind) == (c.Metric, c.Key));

    private static void MadeBy(HtmlWriter html, NightReport report, string dataset)
    {
        string program = DatasetFormat.Program.Split('+')[0];
        if (report.Command is not { } command)
        {
            html.Element("p", $"Made by {program} from the dataset {dataset}.", ("class", "note"));
            return;
        }

        html.Open("p", ("class", "note")).Text($"Made by {program} with").Element("code", command, ("class", "command")).Close();
        string day = $" --date {SummaryJson.Day(report.Night)}";
        if (!command.EndsWith(day, StringComparison.Ordinal))
        {
            html.Open("p", ("class", "note")).Text("This night again, when others have followed:").Element("code", command + day, ("class", "command")).Close();
        }
    }

    /// <summary>The captures that show most of what was found; what one command shows stands once, with all its reasons.</summary>
    private static List<Capture> WorstCaptures(NightReport report, string dataset)
    {
        const int most = 12;
        HashSet<string> fresh = [.. report.NewKinds.Where(k => k.Metric == NightFindings.Metric).Select(k => k.Kind)];
        List<(NightLead Lead, string What)> all =
        [
            .. report.NewKinds.SelectMany(k => k.Leads.Select(lead => (lead, $"never seen before: {NightText.Sentence(k)}"))),
            .. report.Regressions.Where(c => !IsNew(report, c)).OrderByDescending(Size).SelectMany(c => c.Leads.Select(lead => (lead, NightText.Sentence(c) + NightText.Here(c, lead)))),
            .. report.Findings.Where(f => f.Severity != "note" && !fresh.Contains($"{f.Severity} {f.Finding}")).SelectMany(f => f.Leads.Select(lead => (lead, NightFindings.Line(f)))),
        ];
        return
        [
            .. all.GroupBy(l => l.Lead.TraceId).OrderByDescending(g => g.Count()).Take(most).Select(capture => new Capture(
                capture.First().Lead,
                (capture.First().Lead with { Fault = null }).Command(dataset),
                [.. capture.Take(Lines).GroupBy(l => l.Lead.Command(dataset)).Select(g => (g.Key, g.Select(l => l.What).Distinct().ToList()))])),
        ];
    }

    private static void Worst(HtmlWriter html, List<Capture> captures)
    {
        html.Open("section", ("id", "worst")).Element("h2", "Worst captures");
        if (captures.Count == 0)
        {
            html.Element("p", "No capture shows anything that was found.", ("class", "nothing"));
        }

        html.Open("ol", ("class", "findings"));
        foreach (Capture capture in captures)
        {
            NightLead lead = capture.Lead;
            html.Open("li").Element("strong", lead.File).Text($" of {lead.Host}, {lead.Scenario} ({lead.TraceId})");
            foreach ((string command, List<string> what) in capture.Reasons)
            {
                html.Open("ul", ("class", "plain"));
                foreach (string reason in what)
                {
                    html.Element("li", reason);
                }

                html.Close();
                html.Element("code", command, ("class", "command"));
            }

            if (capture.Reasons.TrueForAll(r => r.Command != capture.Report))
            {
                html.Element("code", capture.Report, ("class", "command"));
            }

            html.Close();
        }

        html.Close().Close();
    }

    /// <summary>How each host went, night by night.</summary>
    private static void Hosts(HtmlWriter html, NightReport report)
    {
        html.Open("section", ("id", "hosts")).Element("h2", "Hosts");
        html.Element("p", "Tonight, and night by night with tonight marked: the median latency of a fault as a ratio to the nights before, and the share of faults that the kernel did not fix. Only scenarios that ran tonight.", ("class", "note"));
        html.Open("div", ("class", "scroll"), ("tabindex", "0")).Open("table").Open("thead").Open("tr");
        foreach (string name in (ReadOnlySpan<string>)["host", "captures", "faults", "latency", "night by night", "not fixed", "night by night"])
        {
            html.Element("th", name, ("scope", "col"));
        }

        html.Close().Close().Open("tbody");
        foreach (NightHost host in report.EachHost)
        {
            html.Open("tr").Element("td", $"{host.Host} ({host.HostClass})").Element("td", Prose.Count(host.Captures), ("class", "number")).Element("td", Prose.Count(host.Faults), ("class", "number"));
            html.Element("td", host.Latency.Count == 0 ? "no nights before" : string.Create(CultureInfo.InvariantCulture, $"{host.Latency[^1].Value:0.00} times"), ("class", "number"));
            Spark(html, host.Latency, $"latency of {host.Host}");
            html.Element("td", host.NotFixed.Count == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"{host.NotFixed[^1].Value * 100:0.0} %"), ("class", "number"));
            Spark(html, host.NotFixed, $"share not fixed of {host.Host}");
            html.Close();
        }

        html.Close().Close().Close();
        if (report.Hosts > report.EachHost.Count)
        {
            html.Element("p", $"The {report.EachHost.Count} most changed of {Prose.Count(report.Hosts)} hosts.", ("class", "note"));
        }

        html.Close();
    }

    private static void Spark(HtmlWriter html, IReadOnlyList<(DateOnly Night, double Value)> nights, string what) =>
        html.Open("td").Verbatim(Sparkline.Draw([.. nights.Select(n => n.Value)], $"{what} over {Prose.Count(nights.Count, "night", "nights")}")).Close();

    private static void Changed(HtmlWriter html, NightReport report, List<Comparison> regressions)
    {
        html.Open("section", ("id", "changed")).Element("h2", "What changed");
        if (!report.IsRegression)
        {
            html.Element("p", report.Verdict switch
            {
                "quiet" => "Nothing that tonight's captures could show: no new kind of divergence, violation or miss, and no quantity worse than before.",
                "no verdict yet" => "No verdict yet: there are too few captures, tonight or before, to compare.",
                _ => "Nothing among the quantities that could be judged is worse than before.",
            }, ("class", "nothing"));
        }

        html.Open("ul", ("class", "findings"));
        foreach (NewKind kind in report.NewKinds)
        {
            html.Open("li", ("class", "bad")).Element("strong", "Never seen before: ").Text($"{NightText.Sentence(kind)}.").Close();
        }

        html.Close();
        Effects(regressions)?.Write(html);
        NightByNight(regressions, "Latencies night by night", "ratio", latency: true)?.Write(html);
        NightByNight(regressions, "Shares night by night", "%", latency: false)?.Write(html);
        Comparisons(html, regressions, empty: null);
        html.Close();
    }

    // Latencies move by a ratio; shares do not, and stand in the table alone.
    private static Chart? Effects(List<Comparison> regressions)
    {
        List<Comparison> latencies = [.. regressions.Where(c => c.Metric == CaptureStats.Latency + "ns").Take(Drawn)];
        return latencies.Count == 0 ? null : new Chart
        {
            Kind = "groups",
            Title = "Latencies that grew",
            Says = $"Medians, before and tonight, the largest growth first{(latencies.Count == Drawn ? $"; the first {Drawn}" : "")}.",
            Data = new Grid(
                ["group and quantity", "before", "tonight"],
                [.. latencies.Zip(Labels(latencies), (c, label) => (object?[])[label, Math.Round(c.Baseline / 1000, 1), Math.Round(c.Tonight / 1000, 1)])]),
            Options = new Dictionary<string, object?> { ["unit"] = "µs" },
        };
    }

    /// <summary>Whether it came at once or crept in: the largest changes, over the nights before.</summary>
    private static Chart? NightByNight(List<Comparison> regressions, string title, string unit, bool latency)
    {
        List<Comparison> lines = [.. regressions.Where(c => (c.IsLatency) == latency).Take(Lines)];
        DateOnly[] nights = [.. lines.SelectMany(c => c.Nights.Select(n => n.Night)).Distinct().Order()];
        return lines.Count == 0 ? null : new Chart
        {
            Kind = "lines",
            Title = title,
            Says = (latency ? "Median of each night as a ratio to the median before" : "Mean of each night") + $", tonight last{(lines.Count == Lines ? $"; the {Lines} largest changes" : "")}.",
            Data = new Grid(["night", .. Labels(lines)], [.. nights.Select(night => (object?[])[SummaryJson.Day(night), .. lines.Select(c => At(c, night))])]),
            Options = new Dictionary<string, object?> { ["unit"] = unit, ["xName"] = "night" },
        };

        object? At(Comparison c, DateOnly night) =>
            c.Nights.Where(n => n.Night == night).Select(n => (object?)Math.Round(latency ? n.Value / c.Baseline : n.Value * 100, 3)).FirstOrDefault();
    }

    /// <summary>What each line of a picture is; what tells it from the next comes first, and a kernel's release is short where that tells it as well.</summary>
    private static List<string> Labels(IReadOnlyList<Comparison> lines)
    {
        string[] kernels = [.. lines.Select(c => c.Group.Kernel ?? "").Distinct()];
        bool isShort = kernels.Select(Prose.Release).Distinct().Count() == kernels.Length;
        return [.. lines.Select(c => $"{Short(c)}, {c.Host ?? c.Group.HostClass}, {(c.Group.Kernel is not { } kernel ? "unknown kernel" : isShort ? Prose.Release(kernel) : kernel)}")];
    }

    private static string Short(Comparison c) => c.Metric switch
    {
        _ when c.IsLatency => $"{c.Key} {c.Group.Scenario}{(c.Clock is null ? "" : $" by {c.Clock}")}",
        "outcome" => $"{c.Group.Scenario}: {c.Key}",
        "lost" => $"{c.Group.Scenario}: lost records",
        "uncovered" => $"{c.Group.Scenario}: not covered by {c.Key}",
        "infidelity" => $"{c.Group.Scenario}: {c.Key.Replace(" outcome", "", StringComparison.Ordinal)} missed",
        _ => $"{c.Group.Scenario}: {c.Key}",
    };

    private static void Health(HtmlWriter html, NightReport report)
    {
        html.Open("section", ("id", "fleet")).Element("h2", "The fleet").Open("dl", ("class", "facts"));
        (string, string)[] facts =
        [
            ("captures tonight", Prose.Count(report.Captures)),
            ("hosts", Prose.Count(report.Hosts)),
            ("faults", Prose.Count(report.Faults)),
            ("events", Prose.Count(report.Events)),
            ("records lost", Prose.Count(report.Lost)),
            ("outcomes as predicted", $"{Prose.Count(report.Outcomes.Matched)} of {Prose.Count(report.Outcomes.Decided)} decided ({Prose.Percent(report.Outcomes.Matched, report.Outcomes.Decided)})"),
            ("covered by that", $"{Prose.Percent(report.Outcomes.Covered, report.Outcomes.Total)} of {Prose.Count(report.Outcomes.Total, "fault", "faults")}"),
            ("misses in all quantities", Prose.Count(report.Missed)),
            ("captures before", $"{Prose.Count(report.BaselineCaptures)} in {Prose.Count(report.BaselineNights.Count, "night", "nights")}"),
        ];
        foreach ((string name, string value) in facts)
        {
            html.Open("div").Element("dt", name).Element("dd", value).Close();
        }

        html.Close().Close();
    }

    private static void Comparisons(HtmlWriter html, List<Comparison> comparisons, string? empty)
    {
        if (comparisons.Count == 0)
        {
            if (empty is not null)
            {
                html.Element("p", empty, ("class", "nothing"));
            }

            return;
        }

        HtmlTable.Write(html, new Grid(
            ["what", "class, scenario, kernel, host", "effect", "evidence", "verdict"],
            [.. comparisons.Select(c => (object?[])[NightText.Sentence(c), c.Subject, Moved(c), NightText.Evidence(c), SummaryJson.Name(c.Verdict)])]));
    }

    private static void Findings(HtmlWriter html, NightReport report, string dataset)
    {
        html.Open("section", ("id", "findings")).Element("h2", "Findings");
        if (report.Findings.Count == 0)
        {
            html.Element("p", "Nothing was found in the night's captures.", ("class", "nothing"));
        }

        html.Open("ul", ("class", "findings"));
        foreach (NightFinding f in report.Findings.Take(HtmlTable.Shown))
        {
            html.Open("li", ("class", "warn")).Text(NightFindings.Line(f) + ".");
            foreach (NightLead lead in f.Leads)
            {
                html.Open("div").Text($"{lead.File} of {lead.Host}, {lead.Scenario}: ").Element("code", lead.Command(dataset), ("class", "command")).Close();
            }

            html.Close();
        }

        html.Close().Close();
    }

    private static void List(HtmlWriter html, string id, string title, string empty, IReadOnlyList<string> lines, string style)
    {
        html.Open("section", ("id", id)).Element("h2", title);
        if (lines.Count == 0)
        {
            html.Element("p", empty, ("class", "nothing"));
        }

        html.Open("ul", ("class", "findings"));
        foreach (string line in lines.Take(HtmlTable.Shown))
        {
            html.Element("li", line, ("class", style));
        }

        html.Close();
        if (lines.Count > HtmlTable.Shown)
        {
            html.Element("p", $"{Prose.Count(lines.Count - HtmlTable.Shown)} more are in summary.json.", ("class", "note"));
        }

        html.Close();
    }

    // The sentence has both values.
    private static string Moved(Comparison c) => NightText.Effect(c).Split(" (")[0];

    // A ratio of 1.5 and a share that moved by half are alike in size.
    private static double Size(Comparison c) => c.IsLatency ? Math.Abs(c.Effect - 1) : Math.Abs(c.Effect);
}
