using TraceReplay.Ingest.Capture;
using Xunit;

namespace TraceReplay.Ingest.Tests.NetTrace;

/// <summary>A recording of a real host (README.md here).</summary>
public sealed class NetTraceCaptureTests
{
    internal static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "NetTrace", "kvm.nettrace.zst");

    private static readonly (Recorder Recorder, CaptureInfo Info, CaptureDamage? Damage) s_read = Recorder.Read(Unpacked());

    internal static byte[] Unpacked()
    {
        using FileStream packed = File.OpenRead(Path);
        using ZstdSharp.DecompressionStream plain = new(packed);
        using MemoryStream bytes = new();
        plain.CopyTo(bytes);
        return bytes.ToArray();
    }

    [Theory]
    [InlineData("kvm.kvm_emulate_insn", 312)]
    [InlineData("kvm.kvm_fpu", 12)]
    [InlineData("kvm.kvm_update_master_clock", 12)]
    [InlineData("kvm.kvm_userspace_exit", 6)]
    [InlineData("kvm.kvm_track_tsc", 6)]
    [InlineData("kvm.kvm_write_tsc_offset", 6)]
    [InlineData("kvm.kvm_apicv_inhibit_changed", 6)]
    [InlineData("kvmmmu.kvm_mmu_get_page", 24)]
    [InlineData("kvmmmu.kvm_mmu_prepare_zap_page", 48)]
    [InlineData("Universal_System.ProcessMapping", 3621)]
    public void Every_event_is_delivered(string name, int count) => Assert.Equal(count, Of(name).Count());

    [Fact]
    public void Nothing_is_lost_and_time_never_runs_backwards()
    {
        Assert.Null(s_read.Damage);
        Assert.Equal(4748, s_read.Recorder.Events.Count);
        Assert.Empty(s_read.Recorder.Holes);
        Assert.Equal(s_read.Recorder.Events.Select(e => e.Timestamp).Order(), s_read.Recorder.Events.Select(e => e.Timestamp));
    }

    [Fact]
    public void Fields_that_the_recorder_does_not_describe_are_there()
    {
        Assert.All(Of("kvm.kvm_userspace_exit"), e => Assert.Equal((5UL, 0L), (e.Fields["reason"], e.Fields["errno"])));
        Seen page = Of("kvmmmu.kvm_mmu_get_page").First();
        Assert.Equal(["mmu_valid_gen", "gfn", "role", "root_count", "unsync", "created"], page.Fields.Keys);
        Assert.All(Of("kvmmmu.kvm_mmu_get_page"), e => Assert.Equal(1UL, e.Fields["created"]));
        Seen insn = Of("kvm.kvm_emulate_insn").First();
        Assert.Equal((4096UL, 0UL, 3UL, 0UL), (insn.Fields["rip"], insn.Fields["csbase"], insn.Fields["len"], insn.Fields["failed"]));
        // mov $0x20, %ax is 3 bytes long in 16-bit mode, as len says.
        Assert.Equal("B80020", Convert.ToHexString((byte[])insn.Fields["insn"])[..6]);
    }

    [Fact]
    public void Threads_are_those_of_the_record_and_bear_the_names_of_processes()
    {
        Seen exit = Of("kvm.kvm_userspace_exit").First();
        Assert.Equal((18323, "mini", 5367898337640L), (exit.Pid, exit.Comm, exit.Timestamp));
        // Thread 18324 belongs to that process; its own name is not recorded.
        Assert.Contains(Of("kvmmmu.kvm_mmu_prepare_zap_page"), e => e is { Pid: 18324, Comm: null });
        Assert.Contains(Of("Universal_System.ExistingProcess"), e => e is { Pid: -1 } && (string)e.Fields["Name"] == "kdamond.0");
    }

    [Fact]
    public void What_the_recorder_does_not_say_is_said()
    {
        Assert.Equal(("nettrace", "6", "qpc", 2, null), (s_read.Info.Format, s_read.Info.Version, s_read.Info.Clock, s_read.Info.Cpus, s_read.Info.Kernel));
        Assert.Equal(new DateOnly(2026, 11, 22), s_read.Info.Date);
        Assert.Contains("9 of 9 tracepoints are decoded with layouts of Linux 6.1, 6.12, 6.18, 7.2", Assert.Single(s_read.Info.Warnings), StringComparison.Ordinal);
    }

    private static IEnumerable<Seen> Of(string name) => s_read.Recorder.Events.Where(e => e.Event == name);
}
