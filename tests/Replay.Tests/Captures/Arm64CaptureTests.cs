using System.Globalization;
using Xunit;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>Real arm64 kernels against the models, and both against what their VMM saw.</summary>
public class Arm64CaptureTests
{
    private const string None = "none at hand";

    /// <summary>The runner fails a theory without data: where there are no captures, one entry says so.</summary>
    public static TheoryData<string> Captures() => [.. All().Where(path => ReplayedCapture.TruthOf(path) is not null).DefaultIfEmpty(None)];

    /// <summary>
    /// Pass by pass: as many faults end in EFAULT, MMIO, ENOSYS and an injected abort as KVM_RUN and the guest saw. Each pass ends by a store to
    /// an address without memslot, which its counts leave out. A pass of a race has pages that the VMM's file lists only in part.
    /// </summary>
    [Theory]
    [MemberData(nameof(Captures))]
    public void Faults_end_as_the_VMM_saw_it(string capture)
    {
        SkipWithout(capture);
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        List<Dictionary<string, string?>> faults = replayed.Result("faults");
        foreach (TruthFile.Op op in TruthFile.Read(ReplayedCapture.TruthOf(capture)!).Ops)
        {
            (long From, long To)? pass = replayed.Pass(op.N);
            Assert.NotNull(pass);
            Dictionary<string, int> ends = faults
                .Where(row => Long(row["seq"]) > pass.Value.From && Long(row["seq"]) < pass.Value.To && Gpa(row) >= op.Start && Gpa(row) < op.End)
                .GroupBy(row => row["observed_outcome"]!)
                .ToDictionary(group => group.Key, group => group.Count());
            Assert.Equal(
                (op.Efaults, op.Mmio, op.NoSyndrome, op.Aborts),
                (ends.GetValueOrDefault("EFAULT"), ends.GetValueOrDefault("EMULATE"), ends.GetValueOrDefault("ENOSYS"), ends.GetValueOrDefault("ABORT")));
        }
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_models_cover_what_that_kernel_did(string capture)
    {
        SkipWithout(capture);
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        Assert.All(replayed.Result("faults"), row => Assert.Equal("arm64", row["kind"]));
        foreach (Dictionary<string, string?> row in replayed.Result("fidelity").Where(row => row["quantity"] is "outcome" or "refs" or "level" or "pfn" or "spte"))
        {
            long missed = Long(row["missed"]);
            long decided = Long(row["matched"]) + missed;
            Assert.True(missed <= (row["quantity"] == "outcome" ? 0.001 : 0.005) * decided, $"{row["quantity"]}: {missed} of {decided} missed");
            bool outcome = row["quantity"] == "outcome";
            Assert.True(!outcome || Long(row["in_set"]) <= 0.015 * Long(row["total"]), $"{row["in_set"]} of {row["total"]} in a set");
            Assert.True(!outcome || double.Parse(row["coverage"]!, CultureInfo.InvariantCulture) >= 0.99, $"coverage {row["coverage"]}");
        }
    }

    /// <summary>
    /// The thread's pages: 413 tail pages that 6.12 refused, `merged` maps as 7.2 on a CPU with S2FWB did, without a reference; without S2FWB the
    /// memslot would be refused and each access be MMIO. The ground truth's figures.
    /// </summary>
    [Theory]
    [InlineData("7.x", "FIXED")]
    [InlineData("7.x-nofwb", "EMULATE")]
    public void Merged_over_6_12_says_what_7_2_did(string setting, string outcome)
    {
        string? path = All().FirstOrDefault(path => path.EndsWith("6.12/ttmsmall.trace.dat", StringComparison.Ordinal));
        Assert.SkipWhen(path is null, "the capture 6.12/ttmsmall.trace.dat of arm64 is in none of the directories that TRACEREPLAY_CAPTURES names");
        ReplayedCapture replayed = ReplayedCapture.With(path!, new ReplayOptions { Models = ["merged"], Setting = setting });
        HashSet<string> refused = [.. replayed.Result("faults").Where(row => row["observed_outcome"] == "EFAULT").Select(row => row["fault_id"]!)];
        Assert.Equal(413, refused.Count);
        Assert.All(replayed.Result("outcomes").Where(row => refused.Contains(row["fault_id"]!)), row => Assert.Equal((outcome, "0"), (row["outcome"], row["refs_got"])));
    }

    /// <summary>Where 7.2 refused the memslot, `merged` says so of that CPU, and `current` and `v11` would have had it: what they would have found no record shows.</summary>
    [Fact]
    public void A_refused_memslot_is_the_CPUs()
    {
        string? path = All().FirstOrDefault(path => path.EndsWith("7.2/ttmsmall.trace.dat", StringComparison.Ordinal));
        Assert.SkipWhen(path is null, "the capture 7.2/ttmsmall.trace.dat of arm64 is in none of the directories that TRACEREPLAY_CAPTURES names");
        ReplayedCapture replayed = ReplayedCapture.Of(path!);
        Assert.Equal(["7.x-nofwb"], replayed.Result("fidelity").Select(row => row["setting"]!).Distinct());
        HashSet<string> mmio = [.. replayed.Result("faults").Where(row => row["observed_outcome"] == "EMULATE" && Gpa(row) >= 0x10000000).Select(row => row["fault_id"]!)];
        Assert.Equal(434, mmio.Count);
        Assert.Equal(
            [("current", "UNKNOWN"), ("merged", "EMULATE"), ("v11", "UNKNOWN")],
            replayed.Result("outcomes").Where(row => mmio.Contains(row["fault_id"]!)).Select(row => (row["model"]!, row["outcomes"]!)).Distinct().Order());
    }

    private static void SkipWithout(string capture) => Assert.SkipWhen(capture == None, "no capture of arm64 is in the directories that TRACEREPLAY_CAPTURES names");

    private static IEnumerable<string> All() => ReplayedCapture.All().Where(ReplayedCapture.IsArm64);

    private static ulong Gpa(Dictionary<string, string?> row) => ulong.Parse(row["gpa"]!, CultureInfo.InvariantCulture);

    private static long Long(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);
}
