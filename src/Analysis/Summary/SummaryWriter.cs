namespace TraceReplay.Analysis.Summary;

/// <summary>Prints summaries: fidelity first, because every other number is worth as much as that one (contract section 3).</summary>
/// <param name="output">Where to.</param>
/// <param name="dataset">The dataset for the command to try next; null if it is not kept.</param>
/// <param name="width">Columns of prose.</param>
public sealed class SummaryWriter(TextWriter output, string? dataset, int width = Prose.Width)
{
    private const int Indent = 13;
    private const int DivergencesShown = 4;
    private const int NameWidth = 24;
    private const string Unknown = "UNKNOWN";

    private readonly Dictionary<string, int> _told = [];

    public void Write(IReadOnlyList<TraceSummary> traces)
    {
        foreach (TraceSummary trace in traces)
        {
            Write(trace);
            output.Write('\n');
        }

        if (traces.Count > 1)
        {
            Overall(traces);
            output.Write('\n');
        }

        WriteNext(traces);
    }

    private void Write(TraceSummary summary)
    {
        CapturedTrace trace = summary.Trace;
        output.Write($"{Path.GetFileName(trace.Path)}  ({trace.Id})\n");
        Line("verdict", VerdictText.Of(summary));
        foreach ((string label, string text) in FindingLines.Of(summary.Findings))
        {
            Line(label, text);
        }

        if (dataset is not null && summary.Findings.FirstOrDefault(f => f.FirstFault is not null) is { FirstFault: { } first })
        {
            Line("look", System.FormattableString.Invariant($"tracereplay around {trace.Id} -d {dataset} --fault {first}"));
        }

        foreach (string unread in summary.Unread)
        {
            Line("unread", unread);
        }

        if (summary.Stuck is { } stuck)
        {
            Line("stuck", Stuck(stuck, MachineWords.Of(trace)));
        }

        Line("captured", Captured(summary));
        WriteFidelity(summary);
        if (summary.Faults > 0)
        {
            WriteOutcomes(summary);
            WriteDivergences(summary);
            WriteAssumptions(summary);
        }
    }

    private static string Span(long nanoseconds) => nanoseconds switch
    {
        < 1_000_000 => FormattableString.Invariant($"{nanoseconds / 1e3:0.#} µs"),
        < 1_000_000_000 => FormattableString.Invariant($"{nanoseconds / 1e6:0.#} ms"),
        _ => Prose.Seconds(nanoseconds),
    };

    private static string Stuck(StuckFault stuck, MachineWords words)
    {
        string who = stuck.Vcpu is { } vcpu ? $"vCPU {vcpu}" : $"thread {stuck.Pid}";
        string set = stuck.SpteSet == 0 ? $"no {words.Leaf} was seen set" : $"{words.ALeaf} was set {Prose.Count(stuck.SpteSet, "time", "times")}";
        string window = stuck.InWindow == 0 ? "no invalidation window was seen open" : $"a window was open in {Prose.Count(stuck.InWindow)} of them";
        string more = stuck.Runs > 1 ? $"; {Prose.Count(stuck.Runs - 1, "other page", "other pages")} likewise" : "";
        return $"{who} faults on gfn 0x{stuck.Gfn:x} ({stuck.Access}) {Prose.Count(stuck.Times)} times in a row within {Span(stuck.LastedNs)} without progress{(stuck.AtEnd ? ", up to the end of the capture" : "")}: {set}, {window}{more} (query stuck_faults)";
    }

    private static string Captured(TraceSummary summary)
    {
        CapturedTrace trace = summary.Trace;
        string unit = trace.ClockUnit is null or "ns" ? "" : $" in {trace.ClockUnit}";
        string span = trace is { StartNs: { } start, EndNs: { } end } && unit.Length == 0 ? $", {Prose.Seconds(end - start)}" : "";
        string lost = trace.Lost switch
        {
            0 => "nothing lost",
            null => "records lost, the kernel did not say how many",
            long n => $"{Prose.Count(n)} lost",
        };
        string complete = trace.Complete ? "" : "; DAMAGED, only what was complete before the damage";
        return $"{trace.Format}, Linux {trace.Kernel ?? "of unknown version"}{(trace.Arch is null ? "" : " " + trace.Arch)}, {trace.Cpus?.ToString() ?? "?"} CPUs, clock {trace.Clock ?? "not recorded"}{unit}{span}: "
            + $"{Prose.Count(trace.Events, "event", "events")}, {Prose.Count(summary.Faults, "fault", "faults")}{OtherKinds(summary)}, {lost}{complete}";
    }

    private static string OtherKinds(TraceSummary summary)
    {
        string kinds = string.Join(", ", summary.OtherKinds.Select(other => $"{Prose.Count(other.Faults)} {Kind(other.Kind)}"));
        return kinds.Length == 0 ? "" : $" (of them {kinds})";

        static string Kind(string kind) => kind switch
        {
            "nested" => "of a nested guest",
            "guest_memfd" => "of guest_memfd",
            _ => "of shadow paging",
        };
    }

    private void WriteFidelity(TraceSummary summary)
    {
        if (summary.Fidelity.Count == 0)
        {
            Line("fidelity", summary.Faults == 0
                ? "nothing to compare: the capture shows no KVM fault"
                : "nothing to compare: no model of the captured kernel was replayed");
            return;
        }

        foreach (IGrouping<string, FidelityLine> model in summary.Fidelity.GroupBy(f => f.Name))
        {
            ILookup<bool, FidelityLine> byKind = model.ToLookup(f => f.Quantity == FidelityLine.Outcome);
            List<FidelityLine> compared = [.. byKind[false].Where(f => f.Covered > 0)];
            List<string> parts = [.. byKind[true].Select(FidelityText.Outcomes)];
            parts.AddRange(compared.Where(f => f.Missed + f.InSet > 0).OrderByDescending(f => f.Missed).Select(FidelityText.Other));
            AddList(parts, "all of ", compared.Where(f => f.Missed + f.InSet == 0).Select(FidelityText.Other));
            AddList(parts, "not compared: ", byKind[false].Where(f => f.Covered == 0).Select(f => f.Quantity));
            if (byKind[true].All(f => f.Covered > 0))
            {
                parts.Add(Misses(model.Sum(f => f.Missed), model.Sum(f => f.Lost)));
            }

            Line("fidelity", $"{model.Key} against the kernel: {string.Join("; ", parts)}");
        }
    }

    private static void AddList(List<string> parts, string label, IEnumerable<string> items)
    {
        string list = string.Join(", ", items);
        if (list.Length > 0)
        {
            parts.Add(label + list);
        }
    }

    private static string Misses(long missed, long lost)
    {
        string count = missed == 0 ? "no miss" : Prose.Count(missed, "miss", "misses");
        return missed + lost == 0 ? count : $"{count}{(lost == 0 ? "" : $"{(missed == 0 ? " but" : " and")} {Prose.Count(lost)} behind lost records")}, each in view fidelity_misses";
    }

    private void WriteOutcomes(TraceSummary summary)
    {
        List<string> sources = Sources(summary);
        var rows = new List<string[]>();
        foreach (IGrouping<string, OutcomeCount> kind in summary.Outcomes.GroupBy(o => o.PageKind).OrderByDescending(g => g.Max(o => o.Faults)))
        {
            string name = kind.Key;
            foreach (IGrouping<string, OutcomeCount> outcome in kind.GroupBy(o => o.Outcome).OrderByDescending(ByObserved).ThenBy(o => o.Key, StringComparer.Ordinal))
            {
                rows.Add([
                    rows.Count == 0 ? "  outcomes" : "",
                    name,
                    outcome.Key,
                    .. sources.Select(s => Prose.Count(outcome.Where(o => o.Source == s).Sum(o => o.Faults)))]);
                name = "";
            }
        }

        // On a narrow terminal the models stand without their settings, which the line on fidelity and the manual name.
        (List<TextColumn> columns, TextTable table) = OutcomeTable(sources, rows);
        if (table.Width > width)
        {
            (columns, table) = OutcomeTable([.. sources.Select(s => s.Split(' ')[0])], rows);
        }

        table.WriteRow(output, [.. columns.Select(c => c.Title)]);
        foreach (string[] row in rows)
        {
            table.WriteRow(output, row);
        }

        string[] legend = [.. summary.Outcomes.Select(o => o.PageKind).Distinct().Select(k => (Key: k, Text: PageKindText.Describe(k)))
            .Concat(OutcomeText.Explained(summary.Outcomes.Select(o => o.Outcome)))
            .Where(k => k.Text.Length > 0).Select(k => $"{k.Key}: {k.Text}")];
        if (legend.Length > 0)
        {
            Line("", string.Join("; ", legend));
        }
    }

    private static (List<TextColumn> Columns, TextTable Table) OutcomeTable(IEnumerable<string> sources, List<string[]> rows)
    {
        List<TextColumn> columns = [new(""), new("page"), new("outcome"), .. sources.Select(s => new TextColumn(s, RightAligned: true))];
        var table = new TextTable(columns);
        table.Measure([["".PadRight(Indent - 2), .. Enumerable.Repeat("", columns.Count - 1)], .. rows]);
        return (columns, table);
    }

    private static long ByObserved(IGrouping<string, OutcomeCount> outcome) =>
        outcome.Where(o => o.Source == SummaryReader.Observed).Sum(o => o.Faults);

    private static List<string> Sources(TraceSummary summary)
    {
        List<string> models = [.. summary.Outcomes.Select(o => o.Source).Distinct().Where(s => s != SummaryReader.Observed)];
        return [SummaryReader.Observed, .. models.OrderBy(ModelOrder.Rank).ThenBy(m => m, StringComparer.Ordinal)];
    }

    private void WriteDivergences(TraceSummary summary)
    {
        if (summary.Divergences.Count == 0)
        {
            long unknown = summary.Outcomes.Where(o => o.Outcome == Unknown && o.Source != SummaryReader.Observed).GroupBy(o => o.Source).Select(source => source.Sum(o => o.Faults)).DefaultIfEmpty().Max();
            Line("diverge", unknown == 0 ? "nowhere: all models end every fault the same way"
                : unknown == summary.Faults ? "nothing to compare: there is no fault of which all models know the end"
                : $"nowhere among the faults that all models know the end of; {Prose.Count(unknown)} of {Prose.Count(summary.Faults)} are unknown to one of them");
            return;
        }

        // Pairs of models that differ in the same way share a line; faults that would not have come at all stand apart.
        var groups = summary.Divergences
            .GroupBy(d => (d.OutcomeA, d.OutcomeB, d.PageKind, d.Faults))
            .OrderBy(g => IsSpared(g.Key.OutcomeA, g.Key.OutcomeB)).ThenByDescending(g => g.Key.Faults)
            .ToList();
        string said = "";
        foreach (var group in groups.Take(DivergencesShown))
        {
            var key = group.Key;
            string label = IsSpared(key.OutcomeA, key.OutcomeB) ? "spared" : "diverge";
            List<DivergenceLine> pairs = [.. group.OrderBy(d => ModelOrder.Rank(d.ModelA)).ThenBy(d => ModelOrder.Rank(d.ModelB))];
            Line(label == said ? "" : label, $"{Prose.Count(key.Faults, "fault", "faults")} on {key.PageKind}: {Models(pairs.Select(d => d.ModelA))} {key.OutcomeA}, "
                + $"{Models(pairs.Select(d => d.ModelB))} {key.OutcomeB}. {Cause(pairs.FindLast(d => d.ModelA == pairs[0].ModelA)!.Cause)}");
            said = label;
        }

        if (groups.Count > DivergencesShown)
        {
            Line("", $"{Prose.Count(groups.Count - DivergencesShown, "more way", "more ways")}: query divergences");
        }
    }

    private static bool IsSpared(string? a, string? b) => a == "SPURIOUS" || b == "SPURIOUS";

    private static string Models(IEnumerable<string> models) => string.Join(" and ", models.Distinct());

    // A cause is told once; a reader of several traces has seen it.
    private string Cause(string? cause) => cause is null
        ? ""
        : _told.TryAdd(cause, _told.Count) ? Prose.Sentence(cause) : "Cause as above.";

    private void WriteAssumptions(TraceSummary summary)
    {
        if (summary.Assumptions.Count == 0)
        {
            return;
        }

        string label = "assumed";
        foreach (AssumptionLine assumption in summary.Assumptions.Where(a => a.Value != "known"))
        {
            string share = assumption.Share is { } part ? FormattableString.Invariant($" ({part * 100:0.##} %)") : "";
            Line(label, $"{assumption.Assumption} {assumption.Value}{share}{(assumption.Detail is null ? "" : ": " + assumption.Detail)}");
            label = "";
        }

        int known = summary.Assumptions.Count(a => a.Value == "known");
        if (known > 0)
        {
            Line(label, $"{(label.Length > 0 ? "nothing; " : "")}known from the capture: {string.Join(", ", summary.Assumptions.Where(a => a.Value == "known").Select(a => a.Assumption))}");
        }
    }

    private void Overall(IReadOnlyList<TraceSummary> traces)
    {
        List<string> models = [.. traces.SelectMany(Sources).Where(s => s != SummaryReader.Observed).Select(s => s.Split(' ')[0]).Distinct().OrderBy(ModelOrder.Rank)];
        List<TextColumn> columns =
        [
            new("trace"), new("fidelity", true), new("coverage", true), new("kernel"), new("faults", true), new("lost", true), new("EFAULT", true),
            .. models.Select(m => new TextColumn(m, true)),
        ];
        IReadOnlyList<string> names = CaptureNames.Of([.. traces.Select(t => t.Trace.Path)], NameWidth);
        IReadOnlyList<string[]> rows = [.. traces.Select((t, i) => new[]
        {
            names[i], Fidelity(t), Coverage(t), t.Trace.Kernel is { } kernel ? Prose.Release(kernel) : "?", Prose.Count(t.Faults),
            t.Trace.Lost is { } lost ? Prose.Count(lost) : "?", Efaults(t, s => s == SummaryReader.Observed),
        }.Concat(models.Select(m => Efaults(t, s => s.StartsWith(m + " ", StringComparison.Ordinal) || s == m))).ToArray())];
        var table = new TextTable(columns);
        table.Measure(rows);
        if (table.Width <= width)
        {
            TextTable.Write(output, columns, rows);
        }
        else
        {
            // Too wide for the terminal: what a row holds as a line for each capture, with nothing cut.
            foreach (string[] row in rows)
            {
                Prose.Labelled(output, row[0], string.Join(", ", row.Zip(columns, (cell, column) => $"{column.Title} {cell}").Skip(1)), names.Max(n => n.Length) + 2, width);
            }
        }

        Prose.Labelled(output, "", "fidelity: of the outcomes that the model of the captured kernel decides, those that the kernel shows; coverage: the faults that this rests on, of all. EFAULT: faults that the kernel refused; beside it, those that each model refuses", 0, width);
    }

    private static string Fidelity(TraceSummary trace) => Outcome(trace) is { } outcome ? Prose.Percent(outcome.Matched, outcome.Decided) : "-";

    private static string Coverage(TraceSummary trace) => Outcome(trace) is { } outcome ? Prose.Percent(outcome.Covered, outcome.Total) : "-";

    private static FidelityLine? Outcome(TraceSummary trace) => trace.Fidelity.FirstOrDefault(f => f.Quantity == FidelityLine.Outcome);

    private static string Efaults(TraceSummary trace, Func<string, bool> source) =>
        Prose.Count(trace.Outcomes.Where(o => source(o.Source) && o.Outcome == "EFAULT").Sum(o => o.Faults));

    private void WriteNext(IReadOnlyList<TraceSummary> traces)
    {
        if (traces.All(t => t.Faults == 0))
        {
            Prose.Labelled(output, "next", $"tracereplay info {traces[0].Trace.Path}, which says what to record", Indent, width);
            return;
        }

        bool misses = traces.Any(t => t.Fidelity.Any(f => f.Missed + f.Lost > 0));
        bool refused = traces.Any(t => t.Outcomes.Any(o => o.Outcome == "EFAULT"));
        string query = misses ? "--sql 'FROM fidelity_misses'" : refused ? "efault_causes" : "faults_by_outcome";
        string keep = dataset is null ? "run again with -d DATASET to keep the data, then " : "";
        Prose.Labelled(output, "next", $"{keep}tracereplay query -d {dataset ?? "DATASET"} {query}", Indent, width);
    }

    private void Line(string label, string text) => Prose.Labelled(output, "  " + label, text, Indent, width);
}
