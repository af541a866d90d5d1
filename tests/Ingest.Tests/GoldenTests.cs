using TraceReplay.TraceCmdCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>Real captures against what trace-cmd printed for them; Golden/README.md says where both come from.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("instance-and-top.dat", 7499, 0)]
    [InlineData("function.dat", 4115, 0)]
    [InlineData("fgraph.dat", 4632, 2)]
    [InlineData("clock-x86-tsc.dat.zst", 7577, 0)]
    [InlineData("clock-counter.dat.zst", 7522, 0)]
    [InlineData("v6-7.2.dat.zst", 9242, 0)]
    public void Every_event_field_and_hole_equals_trace_cmds_report(string name, long events, long holes)
    {
        string capture = Path.Combine(AppContext.BaseDirectory, "Golden", name);
        using StreamReader report = new(new ZstdSharp.DecompressionStream(File.OpenRead(capture.Replace(".dat.zst", ".dat", StringComparison.Ordinal).Replace(".dat", ".report.zst", StringComparison.Ordinal))));
        CompareResult result = ReportComparer.Compare(capture, report);
        Assert.Empty(result.Differences);
        Assert.Equal((events, holes), (result.Events, result.Lost));
    }

    [Theory]
    [InlineData(" gfn=1 ", " gfn=2 ", "gfn")]
    [InlineData(" spte=10", " spte=20", "spte")]
    [InlineData("[001]", "[000]", "cpu")]
    [InlineData("minivmm-", "minivm-", "comm")]
    [InlineData("errno=-14", "errno=-13", "errno")]
    public void The_comparison_sees_a_single_changed_value(string from, string to, string column)
    {
        string capture = Path.Combine(AppContext.BaseDirectory, "Golden", "instance-and-top.dat");
        string text;
        using (StreamReader report = new(new ZstdSharp.DecompressionStream(File.OpenRead(Path.ChangeExtension(capture, ".report.zst")))))
        {
            text = report.ReadToEnd();
        }

        int at = text.IndexOf(from, StringComparison.Ordinal);
        CompareResult result = ReportComparer.Compare(capture, new StringReader(string.Concat(text.AsSpan(0, at), to, text.AsSpan(at + from.Length))));
        Assert.StartsWith(column + " is ", Assert.Single(result.Differences), StringComparison.Ordinal);
    }

    [Fact]
    public void The_comparison_sees_a_missing_and_an_additional_event()
    {
        string capture = Path.Combine(AppContext.BaseDirectory, "Golden", "function.dat");
        string[] lines;
        using (StreamReader report = new(new ZstdSharp.DecompressionStream(File.OpenRead(Path.ChangeExtension(capture, ".report.zst")))))
        {
            lines = report.ReadToEnd().Split('\n');
        }

        Assert.NotEmpty(ReportComparer.Compare(capture, new StringReader(string.Join('\n', lines[..^2]))).Differences);
        Assert.NotEmpty(ReportComparer.Compare(capture, new StringReader(string.Join('\n', (string[])[.. lines[..^1], lines[^2]]))).Differences);
    }
}
