using Xunit;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>Several recordings of one deterministic scenario: the same faults and outcomes, whatever the form.</summary>
public class SameScenarioTests
{
    // Scenarios in which nothing but the VMM acts on the guest's memory.
    private static readonly string[] s_deterministic = ["mmio", "roslot", "ttmsmall"];

    public static TheoryData<string, string, string> SameRun()
    {
        TheoryData<string, string, string> data = new()
        {
            { "sample-traces/6.12-ttmsmall.trace.dat", "tests/Replay.Tests/Captures/Forms/6.12-ttmsmall.perf.data.zst", "6.12" },
            { "sample-traces/6.12-ttmsmall.trace.dat", "tests/Ingest.Tests/FtraceText/6.12-ttmsmall.trace.txt.zst", "6.12" },
        };
        foreach (string recorded in ReplayedCapture.More().SelectMany(d => Directory.EnumerateFiles(d, "*.trace.dat", SearchOption.AllDirectories)).Order(StringComparer.Ordinal))
        {
            string stem = recorded[..^".trace.dat".Length];
            foreach (string other in ((string[])[".perf.data.zst", ".trace.txt.zst"]).Select(e => stem + e).Where(f => File.Exists(f) && s_deterministic.Contains(Path.GetFileName(stem))))
            {
                data.Add(recorded, other, Path.GetFileName(Path.GetDirectoryName(recorded)!));
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(SameRun))]
    public void Two_recordings_of_one_run_show_the_same_faults_and_outcomes(string recorded, string other, string kernel) =>
        AssertSame(Of(recorded, kernel), Of(other, kernel), Recordings.OfRecording);

    [Fact]
    public void Two_runs_of_one_scenario_show_the_same_faults_and_outcomes()
    {
        (string First, string Other)[] pairs = [.. ReplayedCapture.More().SelectMany(OtherRuns)];
        Assert.SkipWhen(pairs.Length == 0, "needs TRACEREPLAY_CAPTURES: the directory of captures with variants/");
        foreach ((string path, string other) in pairs)
        {
            ReplayedCapture first = Of(path, "6.12");
            ReplayedCapture second = Of(other, "6.12");
            if (second.Manifest.EventCounts.ContainsKey("kvmrep.tdp_fault_ret"))
            {
                AssertSame(first, second, Recordings.OfRun);
                continue;
            }

            // Without probes the outcomes of lookups are not seen, only what the guest and the SPTEs show.
            string[] probed = [.. first.Result("faults")[0].Keys.Except(["gpa", "gfn", "access", "vm", "vcpu", "observed_level", "observed_writable"])];
            Assert.Empty(Recordings.AssertSame(other, first.Result("faults"), second.Result("faults"), probed));
        }
    }

    /// <summary>Other runs of what the folder 6.12 holds, with the same probes and events, in other forms and with other options.</summary>
    private static IEnumerable<(string First, string Other)> OtherRuns(string captures)
    {
        string[] kept = ["clock-counter.trace.dat", "clock-mono.trace.dat", "clock-x86-tsc.trace.dat", "compression-none.trace.dat.zst", "fileversion-6.trace.dat.zst",
            "clock-mono.trace.txt.zst", "latencyfmt.trace.txt.zst", "noirqinfo.trace.txt.zst", "tgid.trace.txt.zst", "trace_pipe.trace.txt.zst", "mono-g.perf.data.zst", "zpipe.perf.data.zst"];
        string variants = Path.Combine(captures, "variants");
        string first = Path.Combine(captures, "6.12", "ttmsmall.trace.dat");
        IEnumerable<(string, string)> ttmsmall = kept.Select(k => (first, Path.Combine(variants, "ttmsmall." + k)));
        IEnumerable<(string, string)> ttm = ((string[])["ttm.z.perf.data.zst", "ttm.pipe.perf.data.zst"]).Select(k => (Path.Combine(captures, "6.12", "ttm.trace.dat"), Path.Combine(variants, k)));
        return Directory.Exists(variants) ? ttmsmall.Concat(ttm) : [];
    }

    private static void AssertSame(ReplayedCapture first, ReplayedCapture second, string[] leftOut)
    {
        foreach (string table in (string[])["faults", "outcomes"])
        {
            Assert.Empty(Recordings.AssertSame($"{second.Manifest.Path} {table}", first.Result(table), second.Result(table), leftOut));
        }
    }

    private static ReplayedCapture Of(string path, string kernel) => ReplayedCapture.Of(Path.Combine(ReplayedCapture.RepositoryRoot(), path), kernel);
}
