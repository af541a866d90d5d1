using System.Text.RegularExpressions;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;

namespace TraceReplay.Analysis.Cost;

/// <summary>
/// From counted operations to nanoseconds: prices of one machine and kernel, what another model would take there, and, where the
/// kernel of that model was captured in the same scenario, what it really took.
/// </summary>
internal sealed partial class Bridge
{
    private const int Resamples = 200;

    // Fewer faults say little about their kind.
    private const int LeastFaults = 20;

    private readonly IReadOnlyList<CostedTrace> _traces;
    private readonly Random _random = new(1);

    private Bridge(IReadOnlyList<CostedTrace> traces) => _traces = traces;

    /// <summary>Writes <c>cost_prices</c> and <c>cost_predictions</c> of the traces; a trace that carries none has empty tables.</summary>
    public static void Write(DatasetReader reader, IReadOnlyList<CostedTrace> traces, CancellationToken ct)
    {
        Bridge bridge = new(traces);
        ILookup<string, PriceRow> prices = bridge.Groups().SelectMany(bridge.Prices).ToLookup(row => row.TraceId);
        ct.ThrowIfCancellationRequested();
        ILookup<string, PredictionRow> predictions = bridge.Groups().SelectMany(bridge.Predictions).ToLookup(row => row.TraceId);
        foreach (CostedTrace trace in traces)
        {
            string id = trace.Manifest.TraceId;
            using DatasetLock alone = DatasetLock.OfResults(reader.Directory, id, ct);
            Placement.Finish(reader.Directory, id);
            using SealedFile own = BridgeTables.Write(reader.ResultPath(id, ResultTables.CostPrices), prices[id]);
            using SealedFile predicted = BridgeTables.Write(reader.ResultPath(id, ResultTables.CostPredictions), predictions[id]);
            Placement.Place(reader.Directory, id, [own, predicted]);
        }
    }

    /// <summary>The scenario of a capture, by its file's name: see <see cref="CostQueries.ScenarioOf"/>, which says the same in SQL.</summary>
    internal static string Scenario(string path) => Ending().Replace(KernelInName().Replace(System.IO.Path.GetFileName(path), ""), "");

    /// <summary>One machine and kernel; a clock that does not count ns, or an unknown kernel, carries no price.</summary>
    private IEnumerable<List<CostedTrace>> Groups() => _traces
        .Where(trace => trace.Manifest is { ClockUnit: "ns", Kernel: not null } && trace.Pass.Captured >= 0)
        .GroupBy(trace => (trace.Manifest.Host, trace.Manifest.Kernel))
        .Select(group => group.ToList());

    private static List<PricePoint> Points(IEnumerable<CostedTrace> traces) =>
    [
        .. from trace in traces
           from cell in trace.Pass.Cells
           where cell.Latencies.Count >= LeastFaults && cell.Path != FaultPath.None && cell.Observed != FaultOutcome.Unknown
           let probes = (double)cell.Probes / cell.Faults
           select new PricePoint(PriceFit.X(cell.Counts[trace.Pass.Captured], cell.Observed, probes), Middle(cell.Latencies), cell.Latencies.Count),
    ];

    private List<PriceFit> Refits(List<PricePoint> points)
    {
        List<PriceFit> fits = [];
        for (int b = 0; b < Resamples; b++)
        {
            if (PriceFit.Of([.. points.Select(_ => points[_random.Next(points.Count)])]) is { } fit)
            {
                fits.Add(fit);
            }
        }

        return fits;
    }

    private IEnumerable<PriceRow> Prices(List<CostedTrace> group)
    {
        List<PricePoint> points = Points(group);
        if (PriceFit.Of(points) is not { } fit)
        {
            yield break;
        }

        List<PriceFit> refits = Refits(points);
        for (int f = 0; f < PriceFit.Features.Count; f++)
        {
            int feature = f;
            double[] prices = [.. refits.Where(refit => refit.Told[feature]).Select(refit => refit.Prices[feature]).Order()];
            (double low, double high) = Ends(prices);
            bool told = fit.Told[f] && prices.Length >= Resamples / 2;
            string note = !fit.Told[f] ? BridgeWords.NotApart
                : !told ? BridgeWords.TooFewKinds
                : low < 1 ? BridgeWords.NotFromZero : "";
            yield return new PriceRow(
                group[0].Manifest.TraceId, group[0].Manifest.Kernel!, group[0].Manifest.Host, group.Count, PriceFit.Features[f].Name,
                told ? fit.Prices[f] : null, told ? low : null, told ? high : null, points.Sum(point => point.Faults), points.Count, fit.R2, note);
        }
    }

    private IEnumerable<PredictionRow> Predictions(List<CostedTrace> group)
    {
        List<PricePoint> points = Points(group);
        if (PriceFit.Of(points) is not { } fit)
        {
            yield break;
        }

        List<PriceFit> refits = Refits(points);
        foreach (CostedTrace trace in group)
        {
            var kinds = trace.Pass.Cells.Where(cell => cell.Latencies.Count >= LeastFaults && cell.Path != FaultPath.None)
                .GroupBy(cell => (cell.Path, cell.Kind)).OrderBy(kind => kind.Key.Path).ThenBy(kind => kind.Key.Kind);
            foreach (var kind in kinds)
            {
                for (int m = 0; m < trace.Pass.Models.Count; m++)
                {
                    if (m != trace.Pass.Captured)
                    {
                        yield return Predict(trace, [.. kind], m, fit, refits);
                    }
                }
            }
        }
    }

    private PredictionRow Predict(CostedTrace trace, List<CostCell> cells, int model, PriceFit fit, List<PriceFit> refits)
    {
        long faults = cells.Sum(cell => (long)cell.Latencies.Count);
        double captured = cells.Sum(cell => cell.Latencies.Count * Middle(cell.Latencies)) / faults;
        bool known = true;
        List<(double[] Change, long Faults)> changes = [];
        foreach (CostCell cell in cells)
        {
            double probes = (double)cell.Probes / cell.Faults;
            double[] from = PriceFit.X(cell.Counts[trace.Pass.Captured], cell.Observed, probes);
            double[] to = PriceFit.X(cell.Counts[model], cell.Outcomes[model], probes);
            known &= cell.Outcomes[model] != FaultOutcome.Unknown;
            changes.Add(([.. to.Zip(from, (a, b) => a - b)], cell.Latencies.Count));
        }

        double Ratio(PriceFit prices) => 1 + (changes.Sum(change => prices.Predict(change.Change) * change.Faults) / faults / captured);

        bool CanTell(PriceFit prices) => changes.All(change => prices.CanTell(change.Change));

        double[] ratios = [.. refits.Where(CanTell).Select(Ratio).Order()];
        (double low, double high) = Ends(ratios);
        bool canTell = known && CanTell(fit) && ratios.Length >= Resamples / 2;
        Observation? seen = Observe(trace, cells[0], model);
        double ratio = Ratio(fit);
        bool same = changes.All(change => change.Change.All(count => count == 0));
        string verdict = !canTell ? BridgeWords.NoPrice
            : high > 3 * Math.Max(low, 0) ? BridgeWords.TooWide
            : seen is null ? BridgeWords.NotChecked
            : (seen.High < low || seen.Low > high) && same ? BridgeWords.MissesAlike
            : seen.High < low || seen.Low > high ? BridgeWords.Misses : BridgeWords.Agrees;
        return new PredictionRow(
            trace.Manifest.TraceId, Scenario(trace.Manifest.Path), OutcomeTable.Path(cells[0].Path), cells[0].Kind.Key(), trace.Pass.Models[model], faults, captured,
            canTell ? captured * ratio : null, canTell ? ratio : null, canTell ? low : null, canTell ? high : null, seen?.TraceId, seen?.Nanoseconds, seen?.Ratio, seen?.Low, seen?.High, verdict);
    }

    /// <summary>What the model's own kernel took for the same path and kind of page, in a capture of the same scenario.</summary>
    private Observation? Observe(CostedTrace trace, CostCell like, int model)
    {
        string scenario = Scenario(trace.Manifest.Path);
        CostedTrace? other = _traces.FirstOrDefault(t => t.Manifest.ClockUnit == "ns" && t.Pass.Captured == model && t.Manifest.Host == trace.Manifest.Host
            && t.Manifest.Format == trace.Manifest.Format && Scenario(t.Manifest.Path) == scenario);
        if (other is null)
        {
            return null;
        }

        long[] ours = Latencies(trace);
        long[] theirs = Latencies(other);
        if (ours.Length < LeastFaults || theirs.Length < LeastFaults)
        {
            return null;
        }

        double[] ratios = [.. Enumerable.Range(0, Resamples).Select(_ => Middle(Resample(theirs)) / Middle(Resample(ours))).Order()];
        (double low, double high) = Ends(ratios);
        double took = Middle(theirs);
        return new Observation(other.Manifest.TraceId, took, took / Middle(ours), low, high);

        long[] Latencies(CostedTrace of) => Thin([.. of.Pass.Cells.Where(cell => cell.Path == like.Path && cell.Kind == like.Kind).SelectMany(cell => cell.Latencies)]);
    }

    private long[] Resample(long[] values) => [.. values.Select(_ => values[_random.Next(values.Length)])];

    /// <summary>Every n-th, some thousands: the interval of more would be narrower than what differs between two captures anyway.</summary>
    private static long[] Thin(long[] values)
    {
        int step = 1 + (values.Length / 4000);
        return [.. values.Where((_, i) => i % step == 0)];
    }

    /// <summary>Mean of the middle eight tenths: interrupts and host scheduling are in the tail.</summary>
    internal static double Middle(IReadOnlyCollection<long> values)
    {
        int cut = values.Count / 10;
        return values.Order().Skip(cut).Take(values.Count - (2 * cut)).Average();
    }

    private static (double Low, double High) Ends(double[] sorted) => sorted.Length == 0
        ? (double.NaN, double.NaN)
        : (sorted[(int)(0.025 * (sorted.Length - 1))], sorted[(int)Math.Ceiling(0.975 * (sorted.Length - 1))]);

    private sealed record Observation(string TraceId, double Nanoseconds, double Ratio, double Low, double High);

    [GeneratedRegex(@"^[0-9]+\.[0-9]+[-._]")]
    private static partial Regex KernelInName();

    [GeneratedRegex(@"\..*$")]
    private static partial Regex Ending();
}
