using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tests.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.Capture;

/// <summary>What is no trace is refused by its name, with what to do.</summary>
public sealed class UnknownFormatTests
{
    [Theory]
    [InlineData("Attached 3 probes\n\n@[kvm_page_fault]: 1234\n", "output of bpftrace")]
    [InlineData("     0.000 ( 0.012 ms): qemu/2301 ioctl(fd: 21, cmd: KVM_RUN) = 0\n     0.020 ( 0.007 ms): qemu/2301 ioctl(fd: 21, cmd: KVM_RUN) = 0\n", "output of perf trace")]
    [InlineData("     0.000 qemu/2301 kvm:kvm_entry(rip: 18446744071579504439, vcpu_id: 0)\n     0.004 qemu/2301 kvm:kvm_exit(exit_reason: 48, isa: 1)\n", "output of perf trace")]
    [InlineData(" qemu-2301   |   0.123 us    |    fast_page_fault();\n qemu-2301   | + 12.345 us   |  }\n", "function_graph text without task and time")]
    [InlineData("\nAnalyze events for all VMs, all VCPUs:\n\n  VM-EXIT    Samples\n", "a summary by perf kvm stat")]
    [InlineData("\n Performance counter stats for 'system wide':\n\n            12,345      kvm:kvm_page_fault\n", "a summary by perf stat")]
    [InlineData("2301  16:06:01.123456 ioctl(21, KVM_RUN, 0) = -1 EFAULT (Bad address)\n", "output of strace")]
    [InlineData("error: kvm run failed Bad address\nRAX=0000000000000000 RBX=0000000000000000\n", "what QEMU prints when a guest dies")]
    [InlineData("[   12.345678] kvm: vcpu 0 hung\n[   13.345678] Call Trace:\n", "a log of the kernel without events")]
    [InlineData("# event histogram\n#\n# trigger info: hist:keys=fault_address [active]\n\n{ fault_address: 0x113674000 } hitcount:          1\n", "a histogram of events")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a pointer of Git LFS")]
    [InlineData("<!DOCTYPE html>\n<html><body>404 not found</body></html>\n", "a page (HTML) without a trace")]
    [InlineData("\n \n\n", "an empty text")]
    [InlineData("       CPU 0/KVM  2301 [001] kvm:kvm_entry: vcpu 0, rip 0xffffffff81051f37\n", "perf script text without time")]
    [InlineData("kvm_page_fault:       vcpu 1 address 0x32319fe00000 error_code 0xf82\n", "events without task, CPU and time")]
    public void It_is_named(string text, string expected)
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => Texts.Read(text));
        Assert.Contains($": {expected}", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("Füße, 日本 😀", "Füße, 日本 😀")]
    [InlineData("a\tb\r\nc\x1b[31m\x7f\x85", @"a\x09b\x0d\x0ac\x1b[31m\x7f\x85")]
    [InlineData("evil\u202etxt\u2066\u200f\u2028", @"evil\u202etxt\u2066\u200f\u2028")]
    public void Shown_text_does_not_act(string text, string expected) => Assert.Equal(expected, ShownText.Of(text));

    [Fact]
    public void Halves_of_characters_are_shown() => Assert.Equal(@"a \ud83d b \ude00", ShownText.Of($"a {(char)0xd83d} b {(char)0xde00}"));

    /// <summary>The options that the refusal of a graph without task and time names.</summary>
    [Fact]
    public void A_function_graph_with_task_and_time_is_read()
    {
        Texts read = Texts.Read("""
            # tracer: function_graph
            #
            #     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS
            #      |          |     |    |           |   |                     |   |   |   |
              901.100001 |   3)  CPU 0/KVM-2301  |               |  kvm_tdp_page_fault() {
              901.100002 |   3)  CPU 0/KVM-2301  |   0.123 us    |    fast_page_fault();
              901.100003 |   3)  CPU 0/KVM-2301  |               |    /* kvm_page_fault: vcpu 0 rip 0x1 address 0x0000000113674000 error_code 0x182 */
              901.100004 |   3)  CPU 0/KVM-2301  | + 12.345 us   |  }

            """);
        Assert.All(read.Rows, row => Assert.Equal(("CPU 0/KVM", 2301, 3), (row.Comm, row.Pid, row.Cpu)));
        Assert.Equal(
            ["ftrace.funcgraph_entry kvm_tdp_page_fault 0 ?", "ftrace.funcgraph_entry fast_page_fault 1 7b", "kvm.kvm_page_fault", "ftrace.funcgraph_exit ? 0 3039"],
            read.Rows.Select(row => row.Format.System == "kvm" ? row.Format.FullName : $"{row.Format.FullName} {GoldenTextTests.Value(row, "function") ?? "?"} {GoldenTextTests.Value(row, "depth")} {GoldenTextTests.Value(row, "duration_ns") ?? "?"}"));
        Assert.Equal("vcpu_id=0 fault_address=113674000 error_code=182", Texts.Fields(read.Rows[2], ["vcpu_id", "fault_address", "error_code"]));
        Assert.Equal(901_100_003_000, read.Rows[2].Timestamp);
    }
}
