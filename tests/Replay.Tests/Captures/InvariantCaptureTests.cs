using System.Globalization;
using Xunit;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>Real kernels keep the invariants; a breach found here is a defect of a check, or news.</summary>
public class InvariantCaptureTests
{
    /// <summary>What the model of a released kernel is known to break: marks on a driver's pages, EFAULT on TTM tails (spec 11).</summary>
    private static readonly string[] s_known = ["INV-09b", "INV-31"];

    public static TheoryData<string> Captures() => [.. ReplayedCapture.All()];

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_records_of_the_kernel_break_nothing(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        List<Dictionary<string, string?>> rows = [.. replayed.Result("invariants").Where(row => row["model"] == "kernel")];
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.Equal("0", row["violated"]));
        if (replayed.Manifest.Lost == 0)
        {
            Assert.All(rows, row => Assert.Equal("0", row["violable"]));
        }
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void No_model_breaks_what_rests_on_the_order_of_events(string capture)
    {
        string[] ordering = ["INV-06", "INV-10", "INV-11", "INV-12", "INV-13", "INV-14", "INV-15", "INV-19", "INV-20", "INV-24", "INV-25", "INV-39"];
        Assert.All(
            ReplayedCapture.Of(capture).Result("invariants").Where(row => ordering.Contains(row["invariant"])),
            row => Assert.Equal("0", row["violated"]));
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_captured_kernels_model_breaks_only_what_it_is_known_to_break(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        string? model = replayed.Result("fidelity").FirstOrDefault()?["model"];
        Assert.All(
            replayed.Result("invariants").Where(row => row["model"] == model && !s_known.Contains(row["invariant"])),
            row => Assert.Equal("0", row["violated"]));
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void Counts_and_rows_agree(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.Of(capture);
        List<Dictionary<string, string?>> violations = replayed.Result("violations");
        foreach (Dictionary<string, string?> row in replayed.Result("invariants"))
        {
            long times = long.Parse(row["checked"]!, CultureInfo.InvariantCulture);
            Assert.Equal(times == 0, row["note"] is not null);
            Assert.True(long.Parse(row["violated"]!, CultureInfo.InvariantCulture) <= times);
            Assert.Equal(
                row["violated"],
                violations.Count(v => v["model"] == row["model"] && v["invariant"] == row["invariant"] && v["verdict"] == "violated").ToString(CultureInfo.InvariantCulture));
        }
    }
}
