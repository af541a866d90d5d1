using Xunit;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>One recording in several forms: the same rows, whatever the form (but for what a text does not show).</summary>
public class SameRecordingTests
{
    private const string Kernel = "6.12.95+deb12-amd64";
    private const string TraceDat = "sample-traces/6.12-ttmsmall.trace.dat";
    private const string PerfData = "tests/Replay.Tests/Captures/Forms/6.12-ttmsmall.perf.data.zst";
    private const string Report = "tests/Replay.Tests/Captures/Forms/6.12-ttmsmall.report.txt.zst";
    private const string RawReport = "tests/Replay.Tests/Captures/Forms/6.12-ttmsmall.report-R.txt.zst";
    private const string Script = "tests/Ingest.Tests/PerfScript/6.12-ttmsmall.script.txt.zst";

    private static readonly string[] s_latencyColumns = ["common_flags", "common_preempt_count"];

    public static TheoryData<string, string, long> Forms() => new()
    {
        { TraceDat, RawReport, 0 },
        { TraceDat, Report, 500 },
        { PerfData, Script, 0 },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_event_table_has_the_same_rows_and_types(string recorded, string form, long timeDifference)
    {
        ReplayedCapture first = Of(recorded);
        ReplayedCapture second = Of(form);
        Assert.Equal(first.Manifest.EventCounts, second.Manifest.EventCounts);
        List<string> untold = [];
        foreach (string table in first.Manifest.EventCounts.Keys.Order(StringComparer.Ordinal))
        {
            Dictionary<string, Type> types = second.Types(table);
            bool typed = !types.ContainsKey("text");
            foreach ((string column, Type type) in first.Types(table).Where(_ => typed))
            {
                Assert.True(types.GetValueOrDefault(column) == type, $"{table}.{column}: {type.Name} and {types.GetValueOrDefault(column)?.Name}");
            }

            untold.AddRange(Recordings.AssertSame(table, first.Events(table), second.Events(table), [.. Recordings.Identity, .. s_latencyColumns], timeDifference).Select(u => $"{table}.{u.Key} {u.Value}"));
        }

        string expected = Path.Combine(ReplayedCapture.RepositoryRoot(), "tests/Replay.Tests/Captures/Forms", Path.GetFileName(form).Replace(".txt.zst", ".untold.txt", StringComparison.Ordinal));
        Assert.Equal(File.ReadAllLines(expected), untold);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_replay_comes_to_the_same_results(string recorded, string form, long timeDifference)
    {
        ReplayedCapture first = Of(recorded);
        ReplayedCapture second = Of(form);
        Assert.Empty(Recordings.AssertSame("faults", first.Result("faults"), second.Result("faults"), [.. Recordings.Identity, .. timeDifference > 0 ? ["latency_ns", "latency_cycles", "latency_to"] : Array.Empty<string>()], timeDifference));
        foreach (string table in (string[])["outcomes", "divergences", "violations", "fidelity", "fidelity_misses"])
        {
            Assert.Empty(Recordings.AssertSame(table, first.Result(table), second.Result(table), Recordings.Identity, timeDifference));
        }

        Assert.NotEmpty(second.Result("fidelity"));
    }

    private static ReplayedCapture Of(string path) => ReplayedCapture.Of(Path.Combine(ReplayedCapture.RepositoryRoot(), path), Kernel);
}
