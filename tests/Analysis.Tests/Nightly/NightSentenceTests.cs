using TraceReplay.Analysis.Nightly;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>Each metric and key as a sentence for somebody who has never seen either.</summary>
public class NightSentenceTests
{
    private static readonly NightGroup s_group = new("c", "s", "6.12");

    [Theory]
    [InlineData("outcome", "EFAULT", 0.8846, 0.8462, "the kernel refused 88.46 % of the faults with EFAULT (84.62 % before)")]
    [InlineData("outcome", "EMULATE", 0.5, 0, "the kernel emulated 50.00 % of the faults (0.00 % before)")]
    [InlineData("outcome", "UNKNOWN", 0.5, 0, "how 50.00 % of the faults ended was not seen (0.00 % before)")]
    [InlineData("outcome", "LATER", 0.5, 0, "the kernel ended 50.00 % of the faults with LATER (0.00 % before)")]
    [InlineData("lost", "records", 0.0581, 0, "5.81 % of the records were lost (0.00 % before)")]
    [InlineData("uncovered", "merged", 0.1, 0.05, "what the kernel did cannot be held against its own logic (merged) in 10.00 % of the faults (5.00 % before)")]
    [InlineData("infidelity", "current outcome", 0.0385, 0, "the kernel did not do what its own logic (current) says in 3.85 % of the faults (0.00 % before)")]
    [InlineData("infidelity", "v11 pfn", 0.01, 0, "the kernel and its own logic (v11) differ in the pfn that is mapped in 1.00 % of the comparisons (0.00 % before)")]
    [InlineData("divergence", "current EFAULT, v11 FIXED on P4", 0.9, 0.8, "models differ: current EFAULT, v11 FIXED on P4 pages (tail page (refcount 0) of a non-compound TTM block), in 90.00 % of the faults (80.00 % before)")]
    [InlineData("divergence", "current EFAULT, v11 FIXED", 0.9, 0.8, "models differ: current EFAULT, v11 FIXED, in 90.00 % of the faults (80.00 % before)")]
    [InlineData("violation", "kernel INV-31 NO_SPURIOUS_EFAULT", 0.9, 0.8, "the kernel's records break INV-31 (NO_SPURIOUS_EFAULT), in 90.00 % of the faults (80.00 % before)")]
    [InlineData("violation", "v11 INV-31 NO_SPURIOUS_EFAULT", 0.9, 0.8, "the model v11 breaks INV-31 (NO_SPURIOUS_EFAULT), in 90.00 % of the faults (80.00 % before)")]
    [InlineData("latency_ns", "p50", 348_600, 169_900, "the median latency of a fault (p50) is 2.05 times what it was: 169.9 to 348.6 µs")]
    [InlineData("latency_ns", "p90", 3_486_000, 1_699_000, "the latency that a tenth of the faults exceed (p90) is 2.05 times what it was: 1,699.0 to 3,486.0 µs")]
    [InlineData("latency_cycles", "p99", 516_944, 276_736, "the latency that a hundredth of the faults exceed (p99) is 1.87 times what it was: 276,736 to 516,944 cycles")]
    [InlineData("latency_cycles", "p50", 516_944, double.NaN, "the median latency of a fault (p50) is 516,944 cycles; no values before")]
    public void A_quantity(string metric, string key, double tonight, double before, string sentence) =>
        Assert.Equal(sentence, NightText.Sentence(Compared(metric, key, tonight, before)));

    [Theory]
    [InlineData("infidelity", "current outcome", "the kernel did not do what its own logic (current) says in 4 of 1,104 faults, in 1 capture")]
    [InlineData("infidelity", "current spte", "the kernel and its own logic (current) differ in the spte in 4 of 1,104 comparisons, in 1 capture")]
    [InlineData("divergence", "current EFAULT, v11 FIXED on P4", "models differ in a way not seen before: current EFAULT, v11 FIXED on P4 pages (tail page (refcount 0) of a non-compound TTM block), in 4 of 1,104 faults of 1 capture")]
    [InlineData("violation", "kernel INV-31 a name", "the kernel's records break INV-31 (a name), in 4 of 1,104 faults of 1 capture")]
    [InlineData("violation", "current INV-31 a name", "the model current breaks INV-31 (a name), in 4 of 1,104 faults of 1 capture")]
    [InlineData("finding", "critical refused-unexplained", "refused-unexplained: EFAULT, and the capture does not say why (critical), in 4 faults of 1 capture")]
    [InlineData("other", "thing", "other thing, in 1 capture")]
    public void A_new_kind(string metric, string kind, string sentence) =>
        Assert.Equal(sentence, NightText.Sentence(new NewKind(metric, kind, 1, "a") { Tally = new NightTally(4, 1104, 1) }));

    [Theory]
    [InlineData("EFAULT>FIXED=4", "the kernel refused 4 of 104 faults with EFAULT that its own logic (current) maps, in 2 captures")]
    [InlineData("FIXED>RETRY|EFAULT=4", "the kernel mapped 4 of 104 faults that its own logic (current) sends back to retry or refuses with EFAULT, in 2 captures")]
    [InlineData("EFAULT>FIXED=3 EMULATE>FIXED=1", "the kernel did not do what its own logic (current) says in 4 of 104 faults: it refused 3 with EFAULT that current maps, emulated 1 that current maps, in 2 captures")]
    [InlineData("EFAULT>FIXED=3", "the kernel did not do what its own logic (current) says in 4 of 104 faults: it refused 3 with EFAULT that current maps, and others, in 2 captures")]
    public void A_missed_outcome_says_what_the_kernel_did_against_what_the_model_says(string misses, string sentence)
    {
        NightTally tally = new(4, 104, 2)
        {
            Misses = [.. misses.Split(' ').Select(m => m.Split('>', '=')).Select(m => new NightMiss(m[0], m[1], m[2][0] - '0'))],
        };
        Assert.Equal(sentence, NightText.Sentence(new NewKind("infidelity", "current outcome", 2, "a") { Tally = tally }));
        Assert.Equal(sentence + ": 3.85 % (0.00 % before)", NightText.Sentence(Compared("infidelity", "current outcome", 0.0385, 0) with { Tally = tally }));
    }

    [Fact]
    public void What_the_class_tells_already_stands_behind_what_nothing_tells()
    {
        Comparison[] all =
        [
            Compared("latency_ns", "p50", 9, 3) with { Verdict = Verdict.Regression },
            Compared("latency_ns", "p50", 9, 3) with { Host = "h1" },
            Compared("latency_ns", "p99", 1, 3) with { Host = "h1" },
            Compared("latency_ns", "p50", 6, 3) with { Host = "h1", Group = s_group with { Kernel = "7.0" } },
            Compared("latency_ns", "p50", 6, 3) with { Host = "h1", Clock = "mono" },
        ];
        NightReport report = Report(all, judged: 1);
        Assert.Equal([false, false, false, true], report.Unjudged.Select(report.IsTold));
        Assert.Equal("p99", report.Unjudged.ElementAt(2).Key);
        List<string> lines = [.. NightText.Unjudged(report, 2)];
        Assert.Equal(3, lines.Count);
        Assert.Equal("nor 2 more, 1 of single hosts whose class is told above (summary.json has them)", lines[^1]);
        Assert.All(lines[..2], l => Assert.StartsWith("cannot judge c, s, ", l, StringComparison.Ordinal));
        Assert.Empty(NightText.Unjudged(report with { Judged = 5 }, 2));
    }

    [Fact]
    public void One_of_a_thing_is_one()
    {
        NightReport report = Report([], judged: 0) with { Captures = 1, Hosts = 1, BaselineNights = [default] };
        Assert.Contains("1 capture of 1 host against 0 of 1 night before", NightText.Headline(report), StringComparison.Ordinal);
        Assert.StartsWith("1 host, 1 host-night before", NightText.Evidence(Compared("lost", "records", 1, 0) with { Units = 1, BaselineUnits = 1 }), StringComparison.Ordinal);
        Assert.Equal("inbox: 1 file, 1 new capture, 1 new file is no capture", NightText.Inbox(new InboxResult(1, 1, 0, ["x"], [])));
        Assert.Equal("inbox: 1,200 files, 0 new captures, 3 too young and left for the next run, 2 new files are no captures", NightText.Inbox(new InboxResult(1200, 0, 3, ["x", "y"], [])));
    }

    private static Comparison Compared(string metric, string key, double tonight, double before) =>
        new(s_group, null, metric, key, tonight, before, metric.StartsWith("latency", StringComparison.Ordinal) ? tonight / before : tonight - before, 4, 16, null, null, Verdict.NotYet);

    private static NightReport Report(IReadOnlyList<Comparison> comparisons, int judged) => new()
    {
        Night = new DateOnly(2026, 11, 22),
        Captures = 5,
        Hosts = 1,
        Faults = 0,
        Events = 0,
        Lost = 0,
        Outcomes = new Summary.FidelityLine("", null, "outcome"),
        Missed = 0,
        BaselineNights = [],
        BaselineCaptures = 0,
        Level = 0.01,
        Comparisons = comparisons,
        NewKinds = [],
        Failures = [],
        Quantities = 5,
        Judged = judged,
    };
}
