using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>A text whose kernel the user names, or that names it itself.</summary>
public sealed class NamedKernelTests
{
    private const string Fault = "sh-1 [000] ..... 1.000001: fast_page_fault: vcpu 4 gva 2 error_code P sptep 00000000fd98c937 old 0x6 new 6 spurious 1 fixed 0\n";

    // RET_PF_SPURIOUS: 5 on 6.1, 6 since 6.12.
    [Theory]
    [InlineData("", null, null, null)]
    [InlineData("", "6.1.192", "6.1.192", "5")]
    [InlineData("", "6.12", "6.12", "6")]
    [InlineData("", "5.10.1", "5.10.1", null)]
    [InlineData("Linux rack7 6.1.0-56-amd64 #1 SMP Debian x86_64 GNU/Linux\n", null, "6.1.0-56-amd64", "5")]
    [InlineData("# Linux version 6.1.0-56-amd64 (x@y) #1 SMP\n", "6.12", "6.1.0-56-amd64", "5")]
    public void What_differs_between_releases_is_read_as_that_kernel_prints_it(string before, string? named, string? kernel, string? ret)
    {
        using ICapture capture = CaptureFormats.Open(CaptureFormats.Spool(new MemoryStream(Encoding.UTF8.GetBytes(before + Fault)), "test.txt"), kernel: named);
        CapturedRows.Row row = Assert.Single(CapturedRows.Read(capture).Rows);
        Assert.Equal(kernel, capture.Info.Kernel);
        Assert.Equal(ret, GoldenTextTests.Value(row, "ret"));
        Assert.Equal(kernel is null, capture.Info.Warnings.Any(w => w.Contains("does not name its kernel", StringComparison.Ordinal)));
    }
}
