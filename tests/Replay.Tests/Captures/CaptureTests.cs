using System.Globalization;
using Xunit;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>Real kernels against the models, and both against what the VMM saw.</summary>
public class CaptureTests
{
    private static readonly string[] s_standings = ["matched", "in_set", "missed", "lost", "read_off", "unknown", "unobserved"];

    public static TheoryData<string> Captures() => [.. ReplayedCapture.All()];

    /// <summary>Those whose truth file tells where KVM_RUN returned EFAULT in each pass; that of QEMU tells other things.</summary>
    public static TheoryData<string> CapturesWithTruth() => [.. ReplayedCapture.All().Where(path => ReplayedCapture.TruthOf(path) is { } truth && TruthFile.TellsEfaults(truth))];

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_captured_kernels_model_does_what_that_kernel_did(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        List<Dictionary<string, string?>> misses = replayed.Result("fidelity_misses");
        foreach (Dictionary<string, string?> row in replayed.Result("fidelity"))
        {
            string quantity = row["quantity"]!;
            long missed = Long(row["missed"]);
            long decided = Long(row["matched"]) + missed;

            double least = quantity == "outcome" ? 0.9999 : 0.999;
            Assert.True(missed <= (1 - least) * decided, $"{quantity}: {missed} of {decided} missed");

            // Where the windows' ends are probed, the records leave next to nothing open.
            bool probed = replayed.Manifest.EventCounts.Any(count => count.Value > 0 && count.Key.EndsWith(".faultin", StringComparison.Ordinal));
            Assert.True(!probed || replayed.Manifest.Lost > 0 || Long(row["in_set"]) <= Math.Max(1, 0.003 * Long(row["total"])), $"{quantity}: {row["in_set"]} of {row["total"]} in a set");
            Assert.Equal(missed + Long(row["lost"]), misses.Count(miss => miss["quantity"] == quantity));
            Assert.Equal(Long(row["lost"]), misses.Count(miss => miss["quantity"] == quantity && bool.Parse(miss["lost"]!)));
            Assert.Equal(Long(row["total"]), s_standings.Sum(standing => Long(row[standing])));
            Assert.True(quantity != "outcome" || Long(row["total"]) == replayed.Report.Faults, $"{row["total"]} of {replayed.Report.Faults} faults have a standing");
        }

        Assert.Equal(replayed.Report.Faults, replayed.Manifest.EventCounts.GetValueOrDefault("kvm.kvm_page_fault") + replayed.Manifest.EventCounts.GetValueOrDefault("kvm.kvm_guest_fault"));
    }

    [Theory]
    [MemberData(nameof(CapturesWithTruth))]
    public void Faults_end_in_EFAULT_exactly_where_KVM_RUN_did(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        TruthFile truth = TruthFile.Read(ReplayedCapture.TruthOf(capture)!);
        if (replayed.Events("ftrace.print").Count == 0)
        {
            // No markers recorded: the passes cannot be told apart, their sum can.
            Assert.Equal(truth.Ops.SelectMany(op => op.EfaultGfns()).Distinct().Order(), Refused(replayed, (0, long.MaxValue)).Order());
            return;
        }

        foreach (TruthFile.Op op in truth.Ops)
        {
            if (replayed.Manifest.Lost > 0)
            {
                // Lost records may hide a fault or a marker; they cannot make a refusal that the VMM did not see.
                Assert.Subset(op.EfaultGfns().ToHashSet(), Refused(replayed, replayed.Pass(op.N) ?? (0, 0)));
                continue;
            }

            (long From, long To)? pass = replayed.Pass(op.N);
            Assert.NotNull(pass);
            Assert.Equal(op.EfaultGfns().Order(), Refused(replayed, pass.Value).Order());
        }
    }

    /// <summary>QEMU with a guest's graphics buffer that moves to system memory: its README says at which page KVM_RUN ended the run.</summary>
    [Theory]
    [InlineData("6.12.ivshmem.trace.dat", 0xfc801UL)]
    [InlineData("6.12.blob.trace.dat", 0xf8201UL)]
    public void A_VMM_ends_with_the_first_tail_page_that_its_guest_touches(string name, ulong gfn)
    {
        string? path = ReplayedCapture.More().Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"the capture {name} is in none of the directories that TRACEREPLAY_CAPTURES names");
        ReplayedCapture replayed = ReplayedCapture.Of(path!);
        Assert.Equal([gfn], Refused(replayed, (0, long.MaxValue)));
        string fault = replayed.Result("faults").Single(row => row["observed_outcome"] == "EFAULT")["fault_id"]!;
        Assert.Equal(
            [("current", "EFAULT"), ("merged", "FIXED"), ("v11", "FIXED")],
            replayed.Result("outcomes").Where(row => row["fault_id"] == fault).Select(row => (row["model"]!, row["outcomes"]!)).Order());
    }

    [Theory]
    [InlineData("6.1-ttmevict")]
    [InlineData("6.12-ttmevict")]
    public void Current_refuses_the_tail_pages_of_evicted_buffers_and_no_other(string sample)
    {
        // shared ground truth: 3 evicted buffers of 2048 pages in order-10 blocks, 2 heads each.
        ReplayedCapture replayed = ReplayedCapture.Of(Path.Combine(ReplayedCapture.RepositoryRoot(), "sample-traces", sample + ".trace.dat"));
        Dictionary<string, string?> observed = replayed.Result("faults").ToDictionary(row => row["fault_id"]!, row => row["observed_outcome"]);
        List<Dictionary<string, string?>> outcomes = replayed.Result("outcomes");
        List<Dictionary<string, string?>> current = [.. outcomes.Where(row => row["model"] == "current")];

        Assert.Equal(3 * 2046, current.Count(row => row["outcome"] == "EFAULT"));
        Assert.All(current, row => Assert.Equal(observed[row["fault_id"]!] == "EFAULT", row["outcome"] == "EFAULT"));
        Assert.All(current.Where(row => row["outcome"] == "EFAULT"), row => Assert.Equal("P4", row["page_kind"]));
        Assert.All(outcomes.Where(row => row["model"] == "merged"), row => Assert.Equal("FIXED", row["outcome"]));
        Assert.All(outcomes.Where(row => row["model"] == "v11"), row => Assert.Equal("FIXED", row["outcome"]));
    }

    [Fact]
    public void Merged_maps_what_7_2_mapped_and_current_would_have_refused_its_tails()
    {
        ReplayedCapture replayed = ReplayedCapture.Of(Path.Combine(ReplayedCapture.RepositoryRoot(), "sample-traces", "7.2-ttmevict.trace.dat"));
        Assert.DoesNotContain(replayed.Result("faults"), row => row["observed_outcome"] == "EFAULT");
        Assert.Equal(3 * 2046, replayed.Result("outcomes").Count(row => row["model"] == "current" && row["outcome"] == "EFAULT"));
        Assert.Equal(2 * 3 * 2046, replayed.Result("divergences").Count(row => row["page_kind"] == "P4"));
    }

    /// <summary>
    /// Spec B3: no graphics involved. The VMM reads 2,048 pages (the zero page), then writes them (anon.truth.txt, ops 1 and 2): each
    /// write breaks copy-on-write within its own lookup, and v11 on 6.8 puts the page that it does not hold any more.
    /// </summary>
    [Theory]
    [InlineData("v11", "6.8", 2048)]
    [InlineData("v11", "posted", 0)]
    [InlineData("current", "6.8", 0)]
    [InlineData("merged", "7.x", 0)]
    public void V11_on_6_8_puts_twice_where_a_write_breaks_copy_on_write(string model, string setting, int doublePuts)
    {
        string? anon = ReplayedCapture.More().SelectMany(d => Directory.EnumerateFiles(d, "anon.trace.dat", SearchOption.AllDirectories)).Order(StringComparer.Ordinal).FirstOrDefault(p => p.Contains("6.12", StringComparison.Ordinal) && !ReplayedCapture.IsArm64(p));
        Assert.SkipWhen(anon is null, "the capture 6.12/anon.trace.dat is in none of the directories that TRACEREPLAY_CAPTURES names");
        ReplayedCapture replayed = ReplayedCapture.With(anon!, new ReplayOptions { Models = [model], Setting = setting });
        Assert.Equal(doublePuts, replayed.Result("outcomes").Count(row => Long(row["refs_put"]) > Long(row["refs_got"])));
        Assert.Equal(doublePuts, replayed.Result("violations").Count(row => row["model"] == model && row["invariant"] == "INV-03"));
        Assert.Equal(doublePuts == 0, !replayed.Result("violations").Any(row => row["model"] == model && row["invariant"] is "INV-01" or "INV-07"));
    }

    private static HashSet<ulong> Refused(ReplayedCapture replayed, (long From, long To) pass) => [.. replayed.Result("faults")
        .Where(row => row["observed_outcome"] == "EFAULT" && Long(row["seq"]) > pass.From && Long(row["seq"]) < pass.To)
        .Select(row => ulong.Parse(row["gfn"]!, CultureInfo.InvariantCulture))];

    private static long Long(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);
}
