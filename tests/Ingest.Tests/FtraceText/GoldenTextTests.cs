using TraceReplay.Ingest.Capture;
using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Texts against the binary captures that they show; Golden.md says where both come from.</summary>
public sealed class GoldenTextTests
{
    private static readonly string[] s_report = ["Golden", "FtraceText"];

    private static string File(params string[] path) => Path.Combine([AppContext.BaseDirectory, .. path]);

    private static CapturedRows Rows(string path, out CaptureInfo info)
    {
        using ICapture capture = CaptureFormats.Open(path);
        CapturedRows rows = CapturedRows.Read(capture);
        info = capture.Info;
        return rows;
    }

    [Theory]
    [InlineData("instance-and-top.dat", "instance-and-top.default.txt.zst", 7499)]
    [InlineData("function.dat", "function.default.txt.zst", 4115)]
    [InlineData("clock-x86-tsc.dat.zst", "clock-x86-tsc.default.txt.zst", 7577)]
    [InlineData("clock-counter.dat.zst", "clock-counter.default.txt.zst", 7522)]
    [InlineData("v6-7.2.dat.zst", "v6-7.2.default.txt.zst", 9242)]
    [InlineData("instance-and-top.dat", "instance-and-top.report.zst", 7499)]
    [InlineData("function.dat", "function.report.zst", 4115)]
    [InlineData("fgraph.dat", "fgraph.report.zst", 4632)]
    [InlineData("clock-x86-tsc.dat.zst", "clock-x86-tsc.report.zst", 7577)]
    [InlineData("clock-counter.dat.zst", "clock-counter.report.zst", 7522)]
    [InlineData("v6-7.2.dat.zst", "v6-7.2.report.zst", 9242)]
    public void A_report_gives_the_rows_of_its_trace_dat(string capture, string text, int rows)
    {
        string path = s_report.Select(d => File(d, text)).First(System.IO.File.Exists);
        CapturedRows expected = Rows(File("Golden", capture), out CaptureInfo info);
        CapturedRows actual = Rows(path, out CaptureInfo textInfo);
        RowComparer comparer = new(1000, sameRecording: true);
        foreach ((CapturedRows.Row b, CapturedRows.Row t) in expected.Rows.Zip(actual.Rows))
        {
            comparer.Compare(b, t);
        }

        Assert.Empty(comparer.Report(all: false));
        Assert.Equal((rows, rows, expected.Lost), (expected.Rows.Count, actual.Rows.Count, actual.Lost));
        Assert.Equal(info.Instances.Order(), textInfo.Instances.Order());
        Assert.Null(textInfo.Damage);
    }

    /// <summary>In its default form trace-cmd shows the entry and the exit of a leaf as one line: 576 of 4632 records.</summary>
    [Fact]
    public void A_function_graph_has_a_row_for_each_line()
    {
        CapturedRows rows = Rows(File("FtraceText", "fgraph.default.txt.zst"), out _);
        Assert.Equal(4056, rows.Rows.Count);
        CapturedRows.Row leaf = rows.Rows.First(r => r.Format.Name == "funcgraph_entry" && Value(r, "duration_ns") is not null);
        Assert.NotNull(Value(leaf, "function"));
        Assert.Null(Value(leaf, "func"));
    }

    /// <summary>Two buffers of one kernel recorded the same run: each event of the trace.dat has the same fields in the text.</summary>
    [Theory]
    [InlineData("FtraceText", "6.12-ttmsmall.trace.txt.zst", 11019, 7530)]
    [InlineData("PerfScript", "6.12-ttmsmall.script.txt.zst", 9864, 7530)]
    public void Two_recordings_of_one_run_agree(string folder, string text, int rows, int paired)
    {
        CapturedRows binary = Rows(File("sample-traces", "6.12-ttmsmall.trace.dat"), out _);
        CapturedRows shown = Rows(File(folder, text), out CaptureInfo info);
        RowComparer comparer = new(Pairing.Window, sameRecording: false);
        foreach ((CapturedRows.Row b, CapturedRows.Row t) in Pairing.ByContent(binary.Rows, shown.Rows))
        {
            comparer.Compare(b, t);
        }

        Assert.Equal(rows, shown.Rows.Count);
        Assert.InRange(comparer.Rows, paired, binary.Rows.Count);
        Assert.Equal(0, comparer.Different);
        Assert.Contains(info.Warnings, w => w.Contains("Linux 6.12", StringComparison.Ordinal));
    }

    /// <summary>Row counts as `awk '/^#/||/^CPU:/{next} NF{n++} END{print n}'` gives them.</summary>
    [Theory]
    [InlineData("latencyfmt.trace.txt.zst", 2803)]
    [InlineData("noirqinfo.trace.txt.zst", 2805)]
    [InlineData("tgid.trace.txt.zst", 2806)]
    [InlineData("trace_pipe.trace.txt.zst", 2832)]
    public void Every_line_becomes_a_row(string text, int rows)
    {
        CapturedRows read = Rows(File("FtraceText", text), out CaptureInfo info);
        Assert.Equal(rows, read.Rows.Count);
        Assert.Null(info.Damage);
        Assert.All(read.Rows.Where(r => r.Format.System is "kvm" or "kvmmmu"), r => Assert.NotNull(Enumerable.Range(4, r.Format.Fields.Count - 4).Select(r.Value).FirstOrDefault(v => v is not null)));
    }

    [Fact]
    public void Raw_lines_say_too_little_to_be_read()
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => CaptureFormats.Open(File("FtraceText", "rawopt.trace.txt.zst")));
        Assert.Contains("no event", refused.Message, StringComparison.Ordinal);
    }

    internal static string? Value(CapturedRows.Row row, string field)
    {
        int index = row.Format.Fields.Select((f, i) => f.Name == field ? i : -1).Max();
        return index < 0 ? null : row.Value(index);
    }
}
