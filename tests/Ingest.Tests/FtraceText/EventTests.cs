using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Texts of events back to fields. Lines are from captures and mailing lists; values follow from the events' print formats.</summary>
public sealed class EventTests
{
    [Theory]
    [InlineData("kvm_entry: vcpu 1, rip 0xfc95a", "kvm.kvm_entry vcpu_id=1 rip=fc95a immediate_exit=0")]
    [InlineData("kvm_entry: vcpu 1, rip 0xfc95a[immediate exit]", "kvm.kvm_entry vcpu_id=1 rip=fc95a immediate_exit=1")]
    [InlineData("kvm_entry: vcpu 7, rip 0x10 intr_info 0x80000202 error_code 0x00000000", "kvm.kvm_entry vcpu_id=7 intr_info=80000202 error_code=0 immediate_exit=0")]
    [InlineData("kvm_exit: vcpu 1 reason npf rip 0xfc95a info1 0x0000000100000014 info2 0x00000000000fc000 intr_info 0x00000000 error_code 0x00000000", "kvm.kvm_exit exit_reason=400 isa=2 guest_rip=fc95a info1=100000014 info2=fc000 vcpu_id=1")]
    [InlineData("kvm_exit: vcpu 4 reason EPT_VIOLATION rip 0xffffffff820fe612 info1 0x0000000000000184 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000", "kvm.kvm_exit exit_reason=30 isa=1 info1=184")]
    [InlineData("kvm_exit: vcpu 4 reason INVALID_STATE FAILED_VMENTRY rip 0x0 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000", "kvm.kvm_exit exit_reason=80000021 isa=1")]
    [InlineData("kvm_exit: vcpu 4 reason 0xabc rip 0x0 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000", "kvm.kvm_exit exit_reason=abc isa=?")]
    [InlineData("kvm_exit:             reason EXIT_NPF rip 0x1020 info 100000014 1020", "kvm.kvm_exit exit_reason=400 isa=2 guest_rip=1020 info1=100000014 info2=1020 intr_info=? vcpu_id=?")]
    [InlineData("kvm_exit:             reason EXIT_IOIO rip 0x1028 info 100010 102a", "kvm.kvm_exit exit_reason=7b isa=2")]
    [InlineData("kvm_exit:              exit_reason=1024 guest_rip=0x1020 isa=2 info1=0x0000000100000014 info2=0x0000000000001020 intr_info=0x00000000 error_code=0x00000000 vcpu_id=0", "kvm.kvm_exit exit_reason=400 isa=2 guest_rip=1020 vcpu_id=0")]
    [InlineData("kvm_page_fault: address fc000 error_code 14", "kvm.kvm_page_fault fault_address=fc000 error_code=14 vcpu_id=? guest_rip=?")]
    [InlineData("kvm_page_fault: address 0xfc000 error_code 0x14", "kvm.kvm_page_fault fault_address=fc000 error_code=14 vcpu_id=? guest_rip=?")]
    [InlineData("kvm_inj_virq: irq 236", "kvm.kvm_inj_virq vector=ec soft=? reinjected=?")]
    [InlineData("kvm_cpuid: func 1 rax 106a1 rbx 800 rcx 80802001 rdx 78bfbff", "kvm.kvm_cpuid function=1 rax=106a1 rdx=78bfbff index=? found=?")]
    [InlineData("kvm_cpuid: func 1 rax 106a1 rbx 800 rcx 80802001 rdx 78bfbff, cpuid entry found", "kvm.kvm_cpuid function=1 index=? found=1")]
    [InlineData("kvm_ioapic_set_irq: pin 4 dst 0 vec 49 (Fixed|physical|edge)", "kvm.kvm_ioapic_set_irq pin=4 e=? coalesced=0")]
    [InlineData("kvm_ioapic_set_irq: pin 4 dst 0 vec 49 (Fixed|physical|level|masked) (coalesced)", "kvm.kvm_ioapic_set_irq pin=4 coalesced=1")]
    [InlineData("kvm_pic_set_irq: chip 0 pin 4 (edge|masked)", "kvm.kvm_pic_set_irq chip=0 pin=4 coalesced=0")]
    [InlineData("kvm_page_fault: vcpu 5 rip 0x7f08a4602116 address 0x0000000113600002 error_code 0x181", "kvm.kvm_page_fault vcpu_id=5 guest_rip=7f08a4602116 fault_address=113600002 error_code=181")]
    [InlineData("kvm_userspace_exit: reason KVM_EXIT_MMIO (6)", "kvm.kvm_userspace_exit reason=6 errno=0")]
    [InlineData("kvm_userspace_exit: reason error (14)", "kvm.kvm_userspace_exit reason=? errno=fffffffffffffff2")]
    [InlineData("kvm_userspace_exit: reason restart (4)", "kvm.kvm_userspace_exit reason=? errno=fffffffffffffffc")]
    [InlineData("kvm_userspace_exit:   reason KVM_EXIT_UNKNOWN (0)", "kvm.kvm_userspace_exit reason=0 errno=?")]
    [InlineData("kvm_mmu_set_spte: gfn 1 spte 149334e67 (rwxu) level 1 at 10a6d8008", "kvmmmu.kvm_mmu_set_spte gfn=1 spte=149334e67 r=1 x=1 u=1 level=1 sptep=10a6d8008")]
    [InlineData("kvm_mmu_set_spte: gfn 1 spte 149334e65 (r-x) level 1 at 10a6d8008", "kvmmmu.kvm_mmu_set_spte r=1 x=1 u=ffffffffffffffff")]
    [InlineData("kvm_mmu_set_spte: gfn 10 spte 0 (----) level 2 at 8", "kvmmmu.kvm_mmu_set_spte gfn=10 r=0 x=0 u=0 level=2")]
    [InlineData("kvm_tdp_mmu_spte_changed: as id 0 gfn 800 level 2 old_spte 100b1b16827 new_spte 5a0", "kvmmmu.kvm_tdp_mmu_spte_changed as_id=0 gfn=800 level=2 old_spte=100b1b16827 new_spte=5a0")]
    [InlineData("kvm_mmu_get_page: sp gen 0 gfn 800 l1 8-byte q0 direct wux nxe ad root 3 unsync new", "kvmmmu.kvm_mmu_get_page mmu_valid_gen=0 gfn=800 role=? root_count=3 unsync=1 created=1")]
    [InlineData("kvm_mmu_get_page:     new sp gfn 8 4 q0 direct wux !pae nxe wp root 0 sync", "kvmmmu.kvm_mmu_get_page mmu_valid_gen=? gfn=8 role=? root_count=0 unsync=0 created=1")]
    [InlineData("kvm_mmu_get_page: [FAILED TO PARSE] mmu_valid_gen=0 gfn=12 role=14212 root_count=0 unsync=0 created=1", "kvmmmu.kvm_mmu_get_page gfn=c role=3784 created=1")]
    [InlineData("fast_page_fault: vcpu 4 gva 20fe612 error_code P|W|U|0x100000000 sptep 00000000fd98c937 old 0x61000034d4fe877 new 61000034d4fe877 spurious 0 fixed 0", "kvmmmu.fast_page_fault vcpu_id=4 cr2_or_gpa=20fe612 error_code=100000007 sptep=? old_spte=61000034d4fe877 new_spte=61000034d4fe877 ret=?")]
    [InlineData("fast_page_fault:      vcpu 0 gva 10000000 error_code P|W sptep 0xffff8881191ce000 old 0x107400825 new 107400825 spurious 0 fixed 1", "kvmmmu.fast_page_fault error_code=3 sptep=ffff8881191ce000 ret=?")]
    [InlineData("kvm_pio: pio_write at 0x10 size 1 count 2 val 0x20 (...)", "kvm.kvm_pio rw=1 port=10 size=1 count=2 val=20")]
    [InlineData("kvm_mmio: mmio unsatisfied-read len 1 gpa 0x40000000 val 0x0", "kvm.kvm_mmio type=0 len=1 gpa=40000000 val=0")]
    [InlineData("kvm_inj_exception: #PF (0x2)", "kvm.kvm_inj_exception exception=e has_error=1 error_code=2 reinjected=0")]
    [InlineData("kvm_inj_exception: #UD [reinjected]", "kvm.kvm_inj_exception exception=6 has_error=0 error_code=? reinjected=1")]
    [InlineData("kvm_emulate_insn: 0:fc95a:0f 78 c6 (prot32) failed", "kvm.kvm_emulate_insn csbase=0 rip=fc95a len=3 flags=5 failed=1 insn=?")]
    [InlineData("kvm_apic_ipi: dst 1 vec 251 (Fixed|physical|assert|edge|dst)", "kvm.kvm_apic_ipi dest_id=1 icr_low=?")]
    [InlineData("mm_page_alloc: page=00000000e3d027bd pfn=0x10ad42 order=1 migratetype=0 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO", "kmem.mm_page_alloc pfn=10ad42 order=1 migratetype=0 gfp_flags=400dc0")]
    [InlineData("sys_mmap(addr: 0, len: 10000, prot: 3, flags: 22, fd: ffffffff, off: 0)", "syscalls.sys_enter_mmap addr=0 len=10000 prot=3 flags=22 fd=ffffffff __syscall_nr=?")]
    [InlineData("sys_mmap -> 0x7f1c68861000", "syscalls.sys_exit_mmap ret=7f1c68861000")]
    [InlineData("sys_enter_mprotect:   start: 0x005db000, len: 0x00007000, prot: 0x00000001", "syscalls.sys_enter_mprotect start=5db000 len=7000 prot=1")]
    [InlineData("tdp_fault_ret: (kvm_mmu_do_page_fault+0x1e8/0x230 [kvm] <- kvm_tdp_page_fault) addr=0x10011000 ret=-5", "kvmrep.tdp_fault_ret __probe_func=? __probe_ret_ip=? addr=10011000 ret=fffffffffffffffb")]
    [InlineData("tdp_fault_ret:        (ffffffffc0278754 <- ffffffffc0278a38) addr=0x1020 ret=5", "kvmrep.tdp_fault_ret __probe_func=ffffffffc0278754 __probe_ret_ip=ffffffffc0278a38 addr=1020 ret=5")]
    [InlineData("tracing_mark_write: minivmm: op 3 begin", "ftrace.print buf=minivmm: op 3 begin\n")]
    [InlineData("print:                tracing_mark_write: minivmm: op 3 begin", "ftrace.print ip=? buf=minivmm: op 3 begin\n")]
    [InlineData("kvm_vcpu_ioctl+0x6/0xa0 [kvm] <-do_syscall_64", "ftrace.function function=kvm_vcpu_ioctl parent_function=do_syscall_64 ip=?")]
    [InlineData("function:             a <-- b", "ftrace.function function=a parent_function=b")]
    [InlineData("funcgraph_entry:        1.773 us   |    f();", "ftrace.funcgraph_entry function=f depth=1 duration_ns=6ed")]
    [InlineData("funcgraph_exit:       + 20.772 us  |  }", "ftrace.funcgraph_exit function=? depth=0 duration_ns=5124")]
    [InlineData("sched_switch: prev_comm=a b prev_pid=1 prev_state=S ==> next_comm=c next_pid=2", "sched.sched_switch prev_comm=a b prev_pid=1 prev_state=S next_comm=c next_pid=2")]
    [InlineData("bputs:                0xffff0000080feeb8s: equals_event: my_field=foo=bar=baz", "ftrace.bputs my_field=foo=bar=baz")]
    [InlineData("my_probe: (do_x+0x4/0x40 [m]) a=0x10 b=-3 c=\"x y\"", "text.my_probe __probe_ip=? a=10 b=fffffffffffffffd c=\"x y\"")]
    public void Text_becomes_fields(string text, string expected)
    {
        CapturedRows.Row row = Assert.Single(Texts.Read($"sh-1 [000] ..... 1.000000: {text}\n").Rows);
        IEnumerable<string> names = System.Text.RegularExpressions.Regex.Matches(expected, "(?<= )(?!=)(\\w+)=").Select(m => m.Groups[1].Value);
        Assert.Equal(expected, $"{row.Format.FullName} {Texts.Fields(row, names)}");
    }

    /// <summary>RET_PF_FIXED and RET_PF_SPURIOUS are other numbers on 6.1: the text tells them only where it tells the release.</summary>
    [Theory]
    [InlineData("kvm_exit: vcpu 0 reason npf rip 0x0 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000 requests 0x0000000000000000", "6")]
    [InlineData("kvm_set_spte_hva: mmu notifier set pte hva: 0x00007f0000000000", "5")]
    [InlineData("kvm_fpu: load", null)]
    public void A_value_that_depends_on_the_release_needs_a_text_that_tells_it(string beside, string? ret)
    {
        Texts read = Texts.Read($"sh-1 [000] ..... 1.000000: {beside}\nsh-1 [000] ..... 1.000001: fast_page_fault: vcpu 4 gva 2 error_code P sptep 00000000fd98c937 old 0x6 new 6 spurious 1 fixed 0\n");
        Assert.Equal(ret, GoldenTextTests.Value(read.Rows[1], "ret"));
    }

    [Theory]
    [InlineData("reason EXIT_NPF rip 0x1020 info 100000014 1020", "amd")]
    [InlineData("reason EPT_VIOLATION rip 0x1020 info 100000014 1020", "intel")]
    [InlineData("vcpu 0 reason npf rip 0x1000 info1 0x0000000100000014 info2 0x0000000000001000 intr_info 0x00000000 error_code 0x00000000", "amd")]
    [InlineData("vcpu 0 reason npf rip 0x1000 info1 0x0000000100000014 info2 0x0000000000001000 intr_info 0x00000000 error_code 0x00000000 requests 0x0000000000000000", "amd")]
    [InlineData("reason 0x999 rip 0x1020 info 100000014 1020", null)]
    public void The_name_of_an_exit_tells_the_vendor(string text, string? vendor) =>
        Assert.Equal(vendor, Texts.Read($"sh-1 [000] ..... 1.000000: kvm_exit:             {text}\n").Info.CpuVendor);

    [Fact]
    public void Losses_of_the_text_are_counted()
    {
        Texts read = Texts.Read("""
            sh-1 [000] ..... 1.000000: kvm_exit:             reason EXIT_NPF rip 0x1020 info 100000014 1020
            sh-1 [000] ..... 1.000001: kvm_exit:             something else

            """);
        Assert.Contains("the text does not tell intr_info, error_code, vcpu_id in 1 of 2 rows of kvm.kvm_exit", read.Info.Warnings);
        Assert.Contains("1 of 2 rows of kvm.kvm_exit are in no known form: only their text is kept", read.Info.Warnings);
        Assert.Equal("something else", GoldenTextTests.Value(read.Rows[1], "text"));
    }

    [Theory]
    [InlineData("1", "2", false)]
    [InlineData("-1", "2", true)]
    [InlineData("0x10", "2", false)]
    public void A_key_is_typed_by_all_its_values(string a, string b, bool signed)
    {
        Texts read = Texts.Read($"sh-1 [000] ..... 1.000000: ev: k={a}\nsh-1 [000] ..... 1.000001: ev: k={b}\nsh-1 [000] ..... 1.000002: ev: other=1\n");
        Tracefs.EventField k = read.Rows[0].Format.Field("k")!;
        Assert.True(k.IsNumber);
        Assert.Equal(signed || !a.StartsWith("0x", StringComparison.Ordinal), k.Signed);
        Assert.Null(GoldenTextTests.Value(read.Rows[2], "k"));
    }

    [Fact]
    public void A_key_with_one_value_that_is_no_number_is_text()
    {
        Texts read = Texts.Read("sh-1 [000] ..... 1.000000: ev: k=1\nsh-1 [000] ..... 1.000001: ev: k=1f\n");
        Assert.Equal(["1", "1f"], read.Rows.Select(r => GoldenTextTests.Value(r, "k")));
        Assert.True(read.Rows[0].Format.Field("k")!.IsString);
    }

    [Fact]
    public void Probe_functions_are_kept_by_name()
    {
        Texts read = Texts.Read("""
            sh-1 [000] ..... 1.000000: faultin: (kvm_faultin_pfn+0x4/0x620 [kvm]) addr=0x10012000 gfn=0x10012 mmu_seq=0 slot_id=1 slot_flags=0x0 slot_base=0x10000 slot_npages=512 slot_hva=0x7fe1a3e00000
            sh-1 [000] ..... 1.000001: mine: (caller+0x97/0xf0 [kvm] <- kvm_faultin_pfn) ret=0
            sh-1 [000] ..... 1.000002: hva_to_pfn_ret: ([unknown/kretprobe'd] <- hva_to_pfn) gfn=0x1 hva=0x7f33baa47000 flags=0x10 writable=1 refpage=0xffffea000417bac0 pfn=0x105eeb

            """);
        Assert.Equal(["hva_to_pfn"], read.Rows[2].Format.ProbeFunctions);
        Assert.Equal("105eeb", GoldenTextTests.Value(read.Rows[2], "pfn"));
        Assert.Equal(["kvm_faultin_pfn"], read.Rows[0].Format.ProbeFunctions);
        Assert.Equal(["kvm_faultin_pfn"], read.Rows[1].Format.ProbeFunctions);
        Assert.NotNull(read.Rows[1].Format.Field("__probe_func"));
    }
}
