using System.Text;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>A pasted text does not name its kernel; the user does.</summary>
public sealed class KernelOptionTests : IDisposable
{
    private const string Fidelity = "SELECT model FROM fidelity WHERE quantity = 'outcome'";

    private static readonly byte[] s_text = Encoding.UTF8.GetBytes("""
        a-1 [000] ..... 1.000000: kvm_page_fault: vcpu 0 rip 0x1000 address 0x0000000000005000 error_code 0x6
        a-1 [000] ..... 1.000001: tdp_fault_ret: (kvm_mmu_do_page_fault+0x1e8/0x230 [kvm] <- kvm_tdp_page_fault) addr=0x5000 ret=-14
        a-1 [000] ..... 1.000002: kvm_userspace_exit: reason error (14)
        """);

    private readonly Scratch _scratch = new();

    [Fact]
    public void Run_with_it_measures_fidelity()
    {
        string text = _scratch.Write("pasted.txt", s_text);
        ToolResult result = _scratch.Run("run", text, "-d", _scratch["data"], "--kernel", "6.12.95");
        Assert.Equal(0, result.Code);
        Assert.DoesNotContain("release is not known", result.Error, StringComparison.Ordinal);
        Assert.Equal("kernel\n6.12.95\n", Query("SELECT kernel FROM traces"));
        Assert.Equal("model\ncurrent\n", Query(Fidelity));
    }

    [Fact]
    public void Replay_takes_it_for_what_was_ingested_without()
    {
        string text = _scratch.Write("pasted.txt", s_text);
        Assert.Contains("(--kernel names it)", _scratch.Run("run", text, "-d", _scratch["data"]).Error, StringComparison.Ordinal);
        Assert.Equal("model\n", Query(Fidelity));
        Assert.Contains("--kernel 7.2 changes nothing", _scratch.Run("ingest", text, "-d", _scratch["data"], "--kernel", "7.2").Error, StringComparison.Ordinal);
        Assert.Equal(0, _scratch.Run("replay", "-d", _scratch["data"], "--kernel", "7.2.12").Code);
        Assert.Equal("model\nmerged\n", Query(Fidelity));
    }

    [Fact]
    public void The_last_line_needs_no_line_feed() => Assert.Equal("n\n3\n", Ingested(s_text));

    public void Dispose() => _scratch.Dispose();

    private string Ingested(byte[] text)
    {
        Assert.Equal(0, _scratch.Run("ingest", _scratch.Write("pasted.txt", text), "-d", _scratch["data"]).Code);
        return Query("SELECT events AS n FROM traces");
    }

    private string Query(string sql) => _scratch.Run("query", "-d", _scratch["data"], "--format", "csv", "--sql", sql).Output.Replace("\r", "", StringComparison.Ordinal);
}
