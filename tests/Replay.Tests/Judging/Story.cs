using System.Globalization;
using System.Text;

namespace TraceReplay.Replay.Tests.Judging;

/// <summary>A memslot as a story's VMM sets it.</summary>
internal sealed record StorySlot(int Id, ulong Gpa, ulong Size, ulong Hva)
{
    public string Kvm { get; init; } = "0xffffc90000559000";
}

/// <summary>
/// An ftrace text written by hand, event after event, ten microseconds apart. Two tasks with an even and an odd number run on two CPUs;
/// a vCPU is the task 100 + its number unless said.
/// </summary>
internal sealed class Story(string kernel)
{
    public const string Empty = "8000000000000000";
    private const ulong PageStructs = 0xffffea0000000000;

    private readonly StringBuilder _text = new("# tracer: nop\n#\n");
    private long _time = 10_000_000;

    public string Kernel { get; } = kernel;

    public string Text => _text.ToString();

    /// <summary>The pointer of a vCPU that probes show; another VM's vCPUs have others.</summary>
    public static string Vcpu(int vcpu, int vm = 0) => string.Create(CultureInfo.InvariantCulture, $"0xffff88810{vm}b4{vcpu}4d8");

    public Story On(int pid, params string[] events)
    {
        foreach (string e in events)
        {
            _time += 10;
            _text.Append(CultureInfo.InvariantCulture, $"             vmm-{pid}     [{pid % 2:000}] .....   {_time / 1_000_000}.{_time % 1_000_000:000000}: {e}\n");
        }

        return this;
    }

    /// <summary>A system call's edge, which the kernel's text shows without a colon behind the name.</summary>
    public Story Wait(long microseconds)
    {
        _time += microseconds;
        return this;
    }

    public Story SetRegion(StorySlot slot, int pid = 100) => On(pid, Region(slot), RegionReturn);

    public static string Region(StorySlot slot, bool delete = false) =>
        $"set_region: (__kvm_set_memory_region+0x4/0x600 [kvm]) kvm={slot.Kvm} slot={slot.Id} flags=0x0 gpa=0x{slot.Gpa:x} size=0x{(delete ? 0 : slot.Size):x} hva=0x{(delete ? 0 : slot.Hva):x}";

    public static string RegionReturn => "set_region_ret: (kvm_vm_ioctl+0x1/0x2 [kvm] <- __kvm_set_memory_region) ret=0";

    public static string ZapAllFast => "kvm_mmu_zap_all_fast: kvm-mmu-valid-gen 0 used_pages 0";

    public static string PageFault(int vcpu, ulong gpa, ulong code) => string.Create(CultureInfo.InvariantCulture, $"kvm_page_fault: vcpu {vcpu} rip 0x1000 address 0x{gpa:x16} error_code 0x{code:x}");

    public static string Handler(int vcpu, ulong gpa, ulong code, int vm = 0) => $"tdp_fault: (kvm_tdp_page_fault+0x4/0xf0 [kvm]) vcpu={Vcpu(vcpu, vm)} addr=0x{gpa:x} error_code=0x{code:x}";

    public static string HandlerReturn(ulong gpa, int ret) => string.Create(CultureInfo.InvariantCulture, $"tdp_fault_ret: (kvm_mmu_do_page_fault+0x1e8/0x230 [kvm] <- kvm_tdp_page_fault) addr=0x{gpa:x} ret={ret}");

    public static string Faultin(StorySlot slot, ulong gpa) =>
        $"faultin: (kvm_faultin_pfn+0x0/0x620 [kvm]) addr=0x{gpa:x} gfn=0x{gpa >> 12:x} mmu_seq=0 slot_id={slot.Id} slot_flags=0x0 slot_base=0x{slot.Gpa >> 12:x} slot_npages={slot.Size >> 12} slot_hva=0x{slot.Hva:x}";

    /// <summary>The probe that reads through a NULL slot.</summary>
    public static string FaultinNoSlot(ulong gpa) =>
        $"faultin: (kvm_faultin_pfn+0x0/0x620 [kvm]) addr=0x{gpa:x} gfn=0x{gpa >> 12:x} mmu_seq=0 slot_id=1 slot_flags=0x0 slot_base=0x0 slot_npages=1152921504606846976 slot_hva=0x0";

    public static string FaultinReturn(StorySlot slot, ulong gpa, ulong pfn, int seq) => string.Create(
        CultureInfo.InvariantCulture, $"faultin_ret: (kvm_tdp_page_fault+0x97/0xf0 [kvm] <- kvm_faultin_pfn) gfn=0x{gpa >> 12:x} mmu_seq={seq} pfn=0x{pfn:x} hva=0x{HvaOf(slot, gpa):x} map_writable=1 ret=0");

    public static string FaultinReturnNoSlot(ulong gpa, int seq) => string.Create(
        CultureInfo.InvariantCulture, $"faultin_ret: (kvm_tdp_page_fault+0x97/0xf0 [kvm] <- kvm_faultin_pfn) gfn=0x{gpa >> 12:x} mmu_seq={seq} pfn=0x8000000000000000 hva=0x0 map_writable=0 ret=0");

    public static string Lookup(StorySlot slot, ulong gpa, bool write) =>
        $"hva_to_pfn: (hva_to_pfn+0x4/0x4e0 [kvm]) hva=0x{HvaOf(slot, gpa):x} atomic=0 interruptible=0 async=0xffffc900005578b7 write={(write ? 1 : 0)}";

    public static string LookupReturn(StorySlot slot, ulong gpa, ulong pfn, bool write) =>
        $"hva_to_pfn_ret: (kvm_faultin_pfn+0x13a/0x620 [kvm] <- hva_to_pfn) hva=0x{HvaOf(slot, gpa):x} write={(write ? 1 : 0)} pfn=0x{pfn:x}";

    public static string Requested(ulong gpa, ulong pfn) => $"kvm_mmu_spte_requested: gfn {gpa >> 12:x} pfn {pfn:x} level 1";

    public static string Changed(ulong gpa, string old, string entry) => $"kvm_tdp_mmu_spte_changed: as id 0 gfn {gpa >> 12:x} level 1 old_spte {old} new_spte {entry}";

    public static string SetSpte(ulong gpa, string entry) => $"kvm_mmu_set_spte: gfn {gpa >> 12:x} spte {entry} (rwxu) level 1 at 10a6d8008";

    public static string Put(string kernel, ulong pfn) => kernel.StartsWith('7')
        ? $"release_page_dirty: (kvm_release_page_dirty+0x4/0x90 [kvm]) page=0x{PageStructs + (pfn * 64):x}"
        : $"release_pfn: (kvm_release_pfn_clean+0x4/0xc0 [kvm]) pfn=0x{pfn:x}";

    public static string Entry(int vcpu) => string.Create(CultureInfo.InvariantCulture, $"kvm_entry: vcpu {vcpu}, rip 0x1000");

    public static string MarkMmio(ulong gpa, int generation) => string.Create(CultureInfo.InvariantCulture, $"mark_mmio_spte: sptep:00000000abcd gfn {gpa >> 12:x} access 7 gen {generation}");

    /// <summary>NPT: P, W, U, accessed, dirty, host-writable, MMU-writable, MMU-present.</summary>
    public static string Leaf(ulong pfn) => $"{pfn:x}e67";

    public static string MmioEntry(ulong gpa) => $"8{gpa >> 12:x9}087";

    public static string[] WindowBegin(ulong hva, ulong size, int kind = 1, string mn = "0xffffc90000562a88") =>
    [
        string.Create(CultureInfo.InvariantCulture, $"kvm_mn_start: (kvm_mmu_notifier_invalidate_range_start+0x4/0x2b0 [kvm]) mn={mn} start=0x{hva:x} end=0x{hva + size:x} flags=0x1 event={kind}"),
        $"kvm_unmap_hva_range: mmu notifier unmap range: 0x{hva:x14} -- 0x{hva + size:x14}",
    ];

    public static string WindowBegun => "kvm_mn_start_ret: (__mmu_notifier_invalidate_range_start+0x80/0x1f0 <- kvm_mmu_notifier_invalidate_range_start) ret=0";

    public static string WindowEnd(ulong hva, ulong size, int kind = 1, string mn = "0xffffc90000562a88") => string.Create(
        CultureInfo.InvariantCulture, $"kvm_mn_end: (kvm_mmu_notifier_invalidate_range_end+0x4/0xc0 [kvm]) mn={mn} start=0x{hva:x} end=0x{hva + size:x} event={kind}");

    public static string InvalidateEnd(StorySlot slot, ulong gpa, ulong size, int seq) => string.Create(
        CultureInfo.InvariantCulture, $"kvm_inv_end: (kvm_mmu_invalidate_end+0x4/0x60 [kvm]) kvm={slot.Kvm} seq={seq} in_progress=1 start=0x{gpa >> 12:x} end=0x{(gpa + size) >> 12:x}");

    /// <summary>A write fault with all probes that maps a 4 KiB page, from the fault to the entry.</summary>
    public Story Maps(int vcpu, StorySlot slot, ulong gpa, ulong pfn, int seq = 0, int vm = 0, int? pid = null, string old = Empty)
    {
        const ulong Code = 0x100000006;
        return On(
            pid ?? 100 + vcpu,
            PageFault(vcpu, gpa, Code),
            Handler(vcpu, gpa, Code, vm),
            Faultin(slot, gpa),
            Lookup(slot, gpa, write: true),
            LookupReturn(slot, gpa, pfn, write: true),
            FaultinReturn(slot, gpa, pfn, seq),
            Requested(gpa, pfn),
            Changed(gpa, old, Leaf(pfn)),
            SetSpte(gpa, Leaf(pfn)),
            Put(Kernel, pfn),
            HandlerReturn(gpa, 5),
            Entry(vcpu));
    }

    /// <summary>An access without a memslot, with all probes: an MMIO SPTE and an exit to the VMM.</summary>
    public Story Emulates(int vcpu, ulong gpa, int generation, int seq = 0, int vm = 0) => On(
        100 + vcpu,
        PageFault(vcpu, gpa, 0x100000006),
        Handler(vcpu, gpa, 0x100000006, vm),
        FaultinNoSlot(gpa),
        FaultinReturnNoSlot(gpa, seq),
        Requested(gpa, 0x8000000000000000),
        Changed(gpa, Empty, MmioEntry(gpa)),
        MarkMmio(gpa, generation),
        HandlerReturn(gpa, 2),
        "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)",
        Entry(vcpu));

    private static ulong HvaOf(StorySlot slot, ulong gpa) => slot.Hva + (gpa - slot.Gpa);
}
