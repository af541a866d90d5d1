using TraceReplay.Replay.Cost.Measuring;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Results;
using Xunit;

namespace TraceReplay.Replay.Tests.Cost;

public class MeasuredTests
{
    /// <summary>`current` counts a line and two marks for each leaf that is zapped, `merged` none: the measured times say the same.</summary>
    [Fact]
    public void Zapping_dirty_leaves_is_faster_in_merged_and_the_baseline_is_no_faster_than_itself()
    {
        IReadOnlyList<MeasuredRow> rows = Measure(new MeasureOptions { Repetitions = 25 });
        MeasuredRow merged = Assert.Single(rows, row => row is { Path: "window_begin", Model: "merged" });
        Assert.Equal("faster", merged.Verdict);
        Assert.True(merged.Ratio!.Value.High < 1, $"{merged.Ratio}");
        Assert.Equal(400, merged.Units);
        MeasuredRow control = Assert.Single(rows, row => row is { Path: "window_begin", Model: MeasuredCost.Control });
        Assert.InRange(control.Ratio!.Value.Value, 0.8, 1.25);
        Assert.True(control.Ratio.Value.Low < control.Ratio.Value.High);
    }

    [Fact]
    public void Every_drill_takes_the_path_that_it_is_named_for()
    {
        foreach (Drill drill in Drill.All.Where(d => d.Name is not ("zap" or "dirty_log" or "age")))
        {
            IFaultModel model = ModelCatalog.Create("current", null, SpteLayout.Npt);
            List<FaultResult> results = [];
            model.Execute(drill.Prepare, results);
            results.Clear();
            model.Execute(drill.Work, results);
            string path = drill.Name is "remapped_tail" or "device" ? "remapped" : drill.Name;
            Assert.Equal(Drill.Units, results.Count);
            Assert.All(results, result => Assert.Equal(path, OutcomeTable.Path(result.Fault.Path)));
        }
    }

    [Fact]
    public void A_ratio_and_its_interval_follow_from_pairs()
    {
        Random random = new(7);
        double[] slow = [.. Enumerable.Range(0, 60).Select(_ => 2 + (random.NextDouble() / 10))];
        double[] fast = [.. Enumerable.Range(0, 60).Select(_ => 1 + (random.NextDouble() / 10))];
        Ratio ratio = PairedRatio.Estimate(slow, fast, 0, new Random(1));
        Assert.InRange(ratio.Value, 1.9, 2.05);
        Assert.True(ratio.Differs);
        Assert.InRange(ratio.Value, ratio.Low, ratio.High);
        Assert.Equal(ratio, PairedRatio.Estimate(slow, fast, 0, new Random(1)));
        Assert.False(PairedRatio.Estimate(slow, slow, 0, new Random(1)).Differs);
    }

    /// <summary>The promise of the interval: of two runs, each puts its ratio into the other's interval in 95 of 100 cases.</summary>
    [Fact]
    public void Repeated_runs_fall_into_each_others_interval()
    {
        Random noise = new(11);
        int held = 0;
        const int trials = 200;
        for (int trial = 0; trial < trials; trial++)
        {
            (Ratio a, Ratio b) = (Run(), Run());
            held += a.Low <= b.Value && b.Value <= a.High && b.Low <= a.Value && a.Value <= b.High ? 1 : 0;
        }

        Assert.InRange(held, 0.9 * trials, trials);

        Ratio Run()
        {
            double[] above = [.. Enumerable.Range(0, 30).Select(_ => 100 * Math.Exp(noise.NextDouble() + noise.NextDouble() - 1))];
            double[] below = [.. Enumerable.Range(0, 30).Select(_ => 100 * Math.Exp(noise.NextDouble() + noise.NextDouble() - 1))];
            return PairedRatio.Estimate(above, below, 0, new Random(noise.Next()));
        }
    }

    private static IReadOnlyList<MeasuredRow> Measure(MeasureOptions options)
    {
        static IFaultModel Create(string name) => ModelCatalog.Create(name, null, SpteLayout.Npt);
        Workload workload = Workload.Of(Drill.ZapRounds(leaves: 64, rounds: 400), [.. ModelCatalog.All.Select(m => Create(m.Name))]);
        return MeasuredCost.Of(workload, Create, options, TestContext.Current.CancellationToken);
    }
}
