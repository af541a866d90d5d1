using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>A row of <c>cost_measured</c>.</summary>
public sealed record MeasuredRow
{
    public required string Model { get; init; }

    public required string Setting { get; init; }

    /// <summary>Path of a fault, work of the host, or `all`.</summary>
    public required string Path { get; init; }

    /// <summary>All models end these faults alike; false: a model that maps does more than one that refuses. Null for the host's work, and for `all`.</summary>
    public required bool? Alike { get; init; }

    /// <summary>Faults, windows or leaves a repetition.</summary>
    public required long Units { get; init; }

    public required int Repetitions { get; init; }

    /// <summary>ns per unit, the harness's own taken off: median over the repetitions.</summary>
    public required double Ns { get; init; }

    /// <summary>What was taken off.</summary>
    public required double HarnessNs { get; init; }

    /// <summary>Time of this model over that of <c>current</c>; null where the harness's own cost hides it.</summary>
    public required Ratio? Ratio { get; init; }

    /// <summary>Share of the work in which the thread lost its core, left out for all models.</summary>
    public required double LeftOut { get; init; }

    /// <summary>Per operation of the workload, harness included; null where the machine has no counters.</summary>
    public required double? Instructions { get; init; }

    public required double? CacheMisses { get; init; }

    /// <summary>What may be said: a difference only where the interval does not hold 1.</summary>
    public string Verdict => Ratio is not { } ratio ? TooLittle
        : ratio.Low > 1 ? Slower : ratio.High < 1 ? Faster : NoDifference;

    internal const string TooLittle = "too little to measure";
    internal const string Slower = "slower";
    internal const string Faster = "faster";
    internal const string NoDifference = "no difference shown";
    internal const string Baseline = "baseline";
}

/// <summary>Measures the models' own hot paths over the operations of a trace.</summary>
public static class MeasuredCost
{
    /// <summary>The baseline once more: its ratio to itself shows whether the method can be trusted.</summary>
    public const string Control = "current (again)";

    private const string Baseline = "current";
    private const int LeastUnits = 200;

    /// <summary>
    /// What the compiler makes of the same code, and where it puts it, differs from process to process: spread of a ratio that
    /// benchmarks/cost-repeat.sh found beyond what the repetitions of one process explain.
    /// </summary>
    private const double BetweenProcesses = 0.02;

    // Below this share of the harness's own time a difference of two large numbers is left.
    private const double LeastShare = 0.1;

    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceId">A trace that it holds.</param>
    /// <param name="options">How often, how much.</param>
    /// <param name="ct">Stops between repetitions.</param>
    public static IReadOnlyList<MeasuredRow> OfTrace(string dataset, string traceId, MeasureOptions options, CancellationToken ct = default)
    {
        DatasetReader reader = DatasetReader.Open(dataset);
        TraceManifest trace = reader.Traces.First(t => t.TraceId == traceId);
        (Workload workload, Func<string, IFaultModel> create) = Workload.Read(reader, trace, options.Operations, ct);
        return Enumerable.Range(0, workload.Labels.Count).Any(workload.IsMeasured) ? Of(workload, create, options, ct) : [];
    }

    internal static IReadOnlyList<MeasuredRow> Of(Workload workload, Func<string, IFaultModel> create, MeasureOptions options, CancellationToken ct = default)
    {
        List<(string Name, Func<IFaultModel> Create)> models = [.. ModelCatalog.All.Select(m => (m.Name, (Func<IFaultModel>)(() => create(m.Name))))];
        models.Add((Control, () => create(Baseline)));
        models.Add(("null", () => new NullModel()));
        return PinnedThread.Run(() =>
        {
            using HardwareCounters? counters = HardwareCounters.Open();
            Harness harness = new(workload, options, counters);
            Arm[] arms = harness.Run(models, ct);
            return Rows(workload, harness, arms, options, counters is not null);
        });
    }

    private static List<MeasuredRow> Rows(Workload workload, Harness harness, Arm[] arms, MeasureOptions options, bool counters)
    {
        Arm baseline = arms.First(arm => arm.Name == Baseline);
        Arm nothing = arms[^1];
        List<MeasuredRow> rows = [];
        Random random = new(options.Seed);
        int all = workload.Labels.Count;
        for (int label = 0; label <= all; label++)
        {
            int place = label;
            double[] units = [.. harness.Units.Select(u => place == all ? Enumerable.Range(0, all).Where(workload.IsMeasured).Sum(l => u[l]) : u[place])];

            // A repetition in which every chunk was left out tells nothing.
            int[] told = [.. Enumerable.Range(0, units.Length).Where(r => units[r] > 0)];
            if ((label < all && !workload.IsMeasured(label)) || told.Length < 5)
            {
                continue;
            }

            double harnessNs = Median(told, r => nothing.Times[place][r] / units[r]);
            foreach (Arm arm in arms.SkipLast(1))
            {
                double ns = Median(told, r => Net(arm, r) / units[r]);
                rows.Add(new MeasuredRow
                {
                    Model = arm.Name,
                    Setting = arm.Setting,
                    Path = label == all ? "all" : workload.Labels[label].Path,
                    Alike = label == all ? null : workload.Labels[label].Alike,
                    Units = label == all ? Enumerable.Range(0, all).Where(workload.IsMeasured).Sum(l => workload.Units[l]) : workload.Units[label],
                    Repetitions = told.Length,
                    Ns = ns,
                    HarnessNs = harnessNs,
                    Ratio = arm == baseline ? null : RatioOf(arm),
                    LeftOut = (double)harness.ChunksLeftOut / Math.Max(1, harness.Chunks),
                    Instructions = counters && label == all ? PerOperation(arm.Instructions) : null,
                    CacheMisses = counters && label == all ? PerOperation(arm.CacheMisses) : null,
                });
            }

            double Net(Arm arm, int r) => arm.Times[place][r] - nothing.Times[place][r];

            Ratio? RatioOf(Arm arm)
            {
                int[] clear = [.. told.Where(r => Net(baseline, r) > LeastShare * nothing.Times[place][r] && Net(arm, r) > 0)];
                return clear.Length < 0.9 * told.Length || clear.Length < 5 || units.Max() < LeastUnits
                    ? null
                    : PairedRatio.Estimate([.. clear.Select(r => Net(arm, r))], [.. clear.Select(r => Net(baseline, r))], BetweenProcesses, random);
            }
        }

        return rows;

        double PerOperation(long count) => (double)count / options.Repetitions / Math.Max(1, workload.Operations.Length);
    }

    private static double Median(int[] repetitions, Func<int, double> value) => PairedRatio.Median([.. repetitions.Select(value)]);
}
