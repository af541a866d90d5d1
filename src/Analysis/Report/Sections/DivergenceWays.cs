using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Faults of one cause that the models do not end alike, and what each model does with them.</summary>
/// <param name="Model">The model that the others are told against; of faults that would not have come, the one that would not have had them.</param>
/// <param name="PageKind">The kind of page that they are on.</param>
/// <param name="Faults">How many, over all captures.</param>
/// <param name="Says">What each model does, in the registry's order: <c>current EFAULT; v11 FIXED; merged FIXED</c>.</param>
/// <param name="Cause">Why; null where nothing says it.</param>
/// <param name="Traces">The captures that have them.</param>
internal sealed record DivergenceWay(string Model, string PageKind, long Faults, string Says, string? Cause, IReadOnlyList<TraceSummary> Traces);

/// <summary>Pairs of models that differ, put together by their cause; faults that a model would not have had at all stand apart.</summary>
internal static class DivergenceWays
{
    private const string Spurious = "SPURIOUS";
    private const string Unknown = "UNKNOWN";

    /// <summary>Faults that end differently.</summary>
    public static IReadOnlyList<DivergenceWay> Different(IReadOnlyList<TraceSummary> traces) =>
        [.. Joined(traces.SelectMany(t => Ways(t, Pairs(t).FindAll(p => !IsSpared(p)), p => (p.ModelA, p.PageKind, p.OutcomeA ?? Unknown))))];

    /// <summary>Faults that a model has no need of, because the page is mapped there already.</summary>
    public static IReadOnlyList<DivergenceWay> Spared(IReadOnlyList<TraceSummary> traces) =>
        [.. Joined(traces.SelectMany(t => Ways(t, [.. Pairs(t).Where(IsSpared).Select(SpuriousFirst)], p => (p.ModelA, p.PageKind, Spurious)))).Select(w => w with { Cause = null })];

    // The model that the registry names first is the one that the others are told against, whichever kernel was captured: one cause is one way
    // in captures of different kernels too.
    private static List<DivergenceLine> Pairs(TraceSummary trace) =>
        [.. trace.Divergences.Select(d => ModelOrder.Rank(d.ModelA) <= ModelOrder.Rank(d.ModelB) ? d : Turned(d)).OrderBy(d => ModelOrder.Rank(d.ModelA)).ThenBy(d => ModelOrder.Rank(d.ModelB))];

    private static bool IsSpared(DivergenceLine pair) => pair.OutcomeA == Spurious || pair.OutcomeB == Spurious;

    private static DivergenceLine Turned(DivergenceLine pair) => pair with { ModelA = pair.ModelB, ModelB = pair.ModelA, OutcomeA = pair.OutcomeB, OutcomeB = pair.OutcomeA };

    private static DivergenceLine SpuriousFirst(DivergenceLine pair) => pair.OutcomeA == Spurious ? pair : Turned(pair);

    private static IEnumerable<(TraceSummary Trace, Part Part)> Ways(TraceSummary trace, List<DivergenceLine> pairs, Func<DivergenceLine, (string Model, string Kind, string Outcome)> key)
    {
        foreach (var way in pairs.Where(p => !IsImplied(p, pairs)).GroupBy(key))
        {
            long faults = way.GroupBy(p => p.ModelB).Max(m => m.Sum(p => p.Faults));
            List<(string Model, string Outcome, long Faults)> ends = [(way.Key.Model, way.Key.Outcome, faults), .. way.GroupBy(p => (p.ModelB, Outcome: p.OutcomeB ?? Unknown)).Select(g => (g.Key.ModelB, g.Key.Outcome, g.Sum(p => p.Faults)))];

            // A model that ends them as the first one does is in no pair with it, but in those with the others.
            foreach (DivergenceLine pair in pairs.Where(p => p.PageKind == way.Key.Kind))
            {
                foreach ((string model, string? outcome) in (ReadOnlySpan<(string, string?)>)[(pair.ModelA, pair.OutcomeA), (pair.ModelB, pair.OutcomeB)])
                {
                    long left = faults - ends.Where(e => e.Model == model).Sum(e => e.Faults);
                    if (outcome == way.Key.Outcome && left > 0)
                    {
                        ends.Add((model, outcome, left));
                    }
                }
            }

            yield return (trace, new Part(way.Key.Model, way.Key.Kind, way.Key.Outcome, faults, ends, way.Last().Cause));
        }
    }

    // Two models that differ where the first one differs from either are told with it.
    private static bool IsImplied(DivergenceLine pair, List<DivergenceLine> pairs) => !IsSpared(pair) && pairs.Exists(p =>
        p.PageKind == pair.PageKind && p.ModelA != pair.ModelA && ModelOrder.Rank(p.ModelA) < ModelOrder.Rank(pair.ModelA)
        && ((p.ModelB == pair.ModelA && p.OutcomeB == pair.OutcomeA) || (p.ModelB == pair.ModelB && p.OutcomeB == pair.OutcomeB)));

    private static IEnumerable<DivergenceWay> Joined(IEnumerable<(TraceSummary Trace, Part Part)> parts) => parts
        .GroupBy(p => (p.Part.First, p.Part.Kind, p.Part.Outcome))
        .Select(g =>
        {
            long faults = g.Sum(p => p.Part.Faults);
            return new DivergenceWay(g.Key.First, g.Key.Kind, faults, Says(g.SelectMany(p => p.Part.Ends), faults), g.First().Part.Cause, [.. g.Select(p => p.Trace).Distinct()]);
        })
        .OrderByDescending(w => w.Faults).ThenBy(w => w.PageKind, StringComparer.Ordinal).ThenBy(w => w.Says, StringComparer.Ordinal);

    private static string Says(IEnumerable<(string Model, string Outcome, long Faults)> ends, long all) => string.Join("; ", ends
        .GroupBy(e => e.Model).OrderBy(m => ModelOrder.Rank(m.Key)).ThenBy(m => m.Key, StringComparer.Ordinal)
        .Select(m => $"{m.Key} {string.Join(", ", m.GroupBy(e => e.Outcome).Select(o => (Outcome: o.Key, Faults: o.Sum(e => e.Faults))).OrderByDescending(o => o.Faults).ThenBy(o => o.Outcome, StringComparer.Ordinal)
            .Select(o => o.Faults == all ? o.Outcome : $"{o.Outcome} ({Prose.Count(o.Faults)})"))}"));

    private sealed record Part(string First, string Kind, string Outcome, long Faults, List<(string Model, string Outcome, long Faults)> Ends, string? Cause);
}
