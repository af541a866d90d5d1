using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>What stands before the event: task, CPU, latency columns, time (spec/trace-formats sections 5.1 and 5.2).</summary>
public sealed class LineTests
{
    [Theory]
    [InlineData("              sh-162     [001] d..2.    19.969320: kvm_fpu: load", "sh", 162, -1, 1, 19969320000)]
    [InlineData("              sh-162   [001]    19.969320: kvm_fpu:              load", "sh", 162, -1, 1, 19969320000)]
    [InlineData("              sh-162   [001]    19.969320123: kvm_fpu:              load", "sh", 162, -1, 1, 19969320123)]
    [InlineData("           CPU 1/KVM-1278472 [119] d..2 246654.769260: kvm_fpu: load", "CPU 1/KVM", 1278472, -1, 119, 246654769260000)]
    [InlineData("VCPU-0-61883   [078] ..... 72276.115679: kvm_fpu: load", "VCPU-0", 61883, -1, 78, 72276115679000)]
    [InlineData("    kworker/u8:2-ev-77 [000] .....     1.000001: kvm_fpu: load", "kworker/u8:2-ev", 77, -1, 0, 1000001000)]
    [InlineData("           a [001] b-77 [000] .....     1.000001: kvm_fpu: load", "a [001] b", 77, -1, 0, 1000001000)]
    [InlineData("          <idle>-0       [000] dNh1.     1.000001: kvm_fpu: load", "<idle>", 0, -1, 0, 1000001000)]
    [InlineData("           <...>-9       [000] .....     1.000001: kvm_fpu: load", null, 9, -1, 0, 1000001000)]
    [InlineData("              sh-162     (    160) [000]     68.014886: kvm_fpu: load", "sh", 162, 160, 0, 68014886000)]
    [InlineData("              sh-162     (-------) [000] .....    68.014886: kvm_fpu: load", "sh", 162, -1, 0, 68014886000)]
    [InlineData("              sh-162   [001] 62435005628: kvm_fpu:              load", "sh", 162, -1, 1, 62435005628)]
    [InlineData("              sh-162   [001]62435005628: kvm_fpu:              load", "sh", 162, -1, 1, 62435005628)]
    [InlineData("      sh-162       1...1. 90646us!: kvm_fpu: load", "sh", 162, -1, 1, 90646000)]
    [InlineData("      sh-162       1...1.     1us : kvm_fpu: load", "sh", 162, -1, 1, 1000)]
    [InlineData(" minivmm-338     1.....    60.045624: kvm_fpu:              load", "minivmm", 338, -1, 1, 60045624000)]
    [InlineData("longname-338     1.....    60.045624: kvm_fpu:              load", null, 338, -1, 1, 60045624000)]
    [InlineData("         minivmm-338   [001]    60.047283: (+1659)  kvm_fpu:              load", "minivmm", 338, -1, 1, 60047283000)]
    [InlineData("> > sh-162     [001] d..2.    19.969320: kvm_fpu: load", "sh", 162, -1, 1, 19969320000)]
    [InlineData("sh-162     [001] d..2.    19.969320: kvm_fpu: load\r", "sh", 162, -1, 1, 19969320000)]
    public void A_line_tells_task_cpu_and_time(string line, string? comm, int pid, int tgid, int cpu, long timestamp)
    {
        Texts read = Texts.Read(line + "\n");
        CapturedRows.Row row = Assert.Single(read.Rows);
        Assert.Equal(("kvm.kvm_fpu", comm, pid, cpu, timestamp), (row.Format.FullName, row.Comm, row.Pid, row.Cpu, row.Timestamp));
        Assert.Equal(tgid, Assert.Single(read.Tgids));
        Assert.Equal("1", GoldenTextTests.Value(row, "load"));
    }

    [Theory]
    [InlineData(".....", "0", "0")]
    [InlineData("d..2.", "1", "2")]
    [InlineData("d..2", "1", "2")]
    [InlineData("D.s.1", "91", "10")]
    [InlineData("bNh2a", "ac", "a2")]
    [InlineData(".pH..", "38", "0")]
    [InlineData(".lz..", null, "0")]
    [InlineData("X....", null, "0")]
    public void Latency_columns_are_flags_and_depth(string columns, string? flags, string? depth)
    {
        CapturedRows.Row row = Assert.Single(Texts.Read($"sh-1 [000] {columns} 1.000000: kvm_fpu: load\n").Rows);
        Assert.Equal((flags, depth), (row.Value(1), row.Value(2)));
    }

    [Fact]
    public void Instances_stand_before_the_task()
    {
        Texts read = Texts.Read("""
            cpus=2
            repbuf:          minivmm-478   [001]    38.485812: kvm_fpu:              load
            kvmbuf:          kworker/0:1-4 [001]    38.485813: kvm_fpu:              load
                             kworker/0:1-4 [001]    38.485814: kvm_fpu:              load

            """);
        Assert.Equal(["repbuf", "kvmbuf", ""], read.Instances);
        Assert.Equal(["minivmm", "kworker/0:1", "kworker/0:1"], read.Rows.Select(r => r.Comm));
    }

    [Fact]
    public void Losses_are_told_with_the_next_event_of_their_cpu()
    {
        Texts read = Texts.Read("""
            # tracer: nop
            #
            # entries-in-buffer/entries-written: 3/10   #P:2
            CPU:1 [LOST 123 EVENTS]
                      sh-1 [000] .....     1.000000: kvm_fpu: load
                      sh-1 [001] .....     1.000001: kvm_fpu: load
            CPU:0 [EVENTS DROPPED]
                      sh-1 [000] .....     1.000002: kvm_fpu: load
            CPU:1 [17 EVENTS DROPPED]

            """);
        Assert.Equal([(-1, null, 7L), (1, 1000001000L, 123L), (0, 1000002000L, null), (1, (long?)null, (long?)17L)], read.Losses.Select(l => (l.Cpu, l.Timestamp, l.Count)));
        Assert.Equal(3, read.Rows.Count);
    }

    [Fact]
    public void A_header_alone_is_an_empty_trace() =>
        Assert.Empty(Texts.Read("# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:2\n#\n").Rows);

    [Fact]
    public void Lines_of_several_cpus_are_put_in_order()
    {
        Texts read = Texts.Read("""
            a-1 [000] .....     1.000005: kvm_fpu: load
            a-1 [000] .....     1.000009: kvm_fpu: load
            a-1 [000] .....     1.000008: kvm_fpu: load
            b-2 [001] .....     1.000001: kvm_fpu: load
            b-2 [001] .....     1.000007: kvm_fpu: load

            """);
        Assert.Equal([1, 5, 7, 9, 8], read.Rows.Select(r => (r.Timestamp / 1000) - 1_000_000));
        Assert.Contains(read.Info.Warnings, w => w.Contains("sorted", StringComparison.Ordinal));
    }

    [Fact]
    public void Prose_is_counted_and_a_wrapped_line_is_joined()
    {
        Texts read = Texts.Read("""
            Hello list,

            here is what I see:
            > VCPU-0-61883   [078] ..... 72276.127005: kvm_mmu_spte_requested: gfn
            > 84d pfn 100b4a4d level 2
            Regards

            """);
        CapturedRows.Row row = Assert.Single(read.Rows);
        Assert.Equal("gfn=84d pfn=100b4a4d level=2", Texts.Fields(row, ["gfn", "pfn", "level"]));
        Assert.Contains(read.Info.Warnings, w => w.StartsWith("3 lines are no part of a trace", StringComparison.Ordinal));
        Assert.Contains(read.Info.Warnings, w => w.StartsWith("the lines of 1 events were broken", StringComparison.Ordinal));
    }

    [Fact]
    public void Quoted_printable_mail_is_decoded()
    {
        Texts read = Texts.Read("a-1 [000] .....     1.000005: kvm_write_tsc_offset: vcpu=3D0 prev=\n=3D5 next=3D7\n");
        Assert.Equal("vcpu_id=0 previous_tsc_offset=5 next_tsc_offset=7", Texts.Fields(Assert.Single(read.Rows), ["vcpu_id", "previous_tsc_offset", "next_tsc_offset"]));
    }
}
