using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tests.FtraceText;
using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.PerfScript;

/// <summary>Texts of perf script (spec/trace-formats section 6).</summary>
public sealed class PerfScriptTests
{
    [Theory]
    [InlineData("sh   629 [000]    84.246166:        syscalls:sys_exit_mmap: 0x7f00", "syscalls.sys_exit_mmap", "sh", 629, -1, 0, 84246166000)]
    [InlineData("       perf-exec   334/335   [001]    59.795718522:     kvm:kvm_fpu: load", "kvm.kvm_fpu", "perf-exec", 335, 334, 1, 59795718522)]
    [InlineData("CPU 0/KVM 1234 [001] 5.000001: kvm:kvm_fpu: load", "kvm.kvm_fpu", "CPU 0/KVM", 1234, -1, 1, 5000001000)]
    [InlineData("dd 29776 666709.771979:   10101010 cpu-clock: ", "perf.cpu-clock", "dd", 29776, -1, -1, 666709771979000)]
    [InlineData("java 1 [011] 51499.088689:          1 page-faults:u: ", "perf.page-faults:u", "java", 1, -1, 11, 51499088689000)]
    [InlineData(":-1 -1 [011] 51499.088689:          1 cycles:ppp: ffff a (b)", "perf.cycles:ppp", ":-1", -1, -1, 11, 51499088689000)]
    public void A_sample_tells_task_cpu_and_time(string line, string name, string comm, int pid, int tgid, int cpu, long timestamp)
    {
        Texts read = Texts.Read(line + "\n\n");
        CapturedRows.Row row = Assert.Single(read.Rows);
        Assert.Equal((name, comm, pid, cpu, timestamp), (row.Format.FullName, row.Comm, row.Pid, row.Cpu, row.Timestamp));
        Assert.Equal(tgid, Assert.Single(read.Tgids));
        Assert.Equal("perf script text", read.Info.Format);
    }

    [Fact]
    public void Frames_and_period_become_columns()
    {
        Texts read = Texts.Read("""
            # hostname : host1
            # os release : 6.12.95+deb12-amd64
            # cpuid : GenuineIntel,6,143,8
            dd 29776 666709.771979:   10101010 cpu-clock: 
            	          414b3b fsnotify (/lib/modules/4.1.0-virtual/build/vmlinux)
            	           e5f70 read+0x10 (/lib/x86_64-linux-gnu/libc-2.15.so)
            	               0 [unknown] ([unknown])

            dd 29776 666709.782078:          7 cpu-clock: 

            dd 29776 666709.782079: PERF_RECORD_LOST lost 12
            dd 29776 666709.782080:          9 cpu-clock: 

            """);
        Assert.Equal(["9a2112", "7", "9"], read.Rows.Select(r => GoldenTextTests.Value(r, "period")));
        Assert.Equal("414b3b vmlinux!fsnotify\ne5f70 libc-2.15.so!read\n0 unknown!unknown", GoldenTextTests.Value(read.Rows[0], "stack"));
        Assert.Null(GoldenTextTests.Value(read.Rows[1], "stack"));
        Assert.Equal((12, 666709782080000), (read.Losses[0].Count, read.Losses[0].Timestamp));
        Assert.Equal(("host1", "6.12.95+deb12-amd64", "intel"), (read.Info.Host, read.Info.Kernel, read.Info.CpuVendor));
    }

    /// <summary>Counts as awk gives them: `/^[^\t ]/` samples, `/^\t/` frames.</summary>
    [Fact]
    public void Every_sample_and_frame_is_kept()
    {
        using ICapture capture = CaptureFormats.Open(Path.Combine(AppContext.BaseDirectory, "PerfScript", "stacks.script.txt.zst"));
        CapturedRows rows = CapturedRows.Read(capture);
        Assert.Equal(384, rows.Rows.Count);
        Assert.Equal(3233, rows.Rows.Sum(r => GoldenTextTests.Value(r, "stack")?.Split('\n').Length ?? 0));
        Assert.Null(capture.Info.Damage);
    }
}
