using System.Globalization;
using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Kinds;

/// <summary>Kinds of disagreement of which there is no excerpt, as short texts after the kernel's logic.</summary>
public class StoryTests
{
    private const ulong Mib = 1 << 20;
    private const ulong Page = 4096;
    private const ulong Read = 0x100000004;
    private const ulong Write = 0x100000006;
    private const ulong WriteProtected = 0x100000007;

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 2 * Mib, 0x7f00_0000_0000);

    /// <summary>
    /// K7a. kvm_mmu_spte_requested says that the fault got as far as the map: on 7.x it finds a leaf that permits the access and returns
    /// SPURIOUS without a record. Without a probe on the return, an entry right behind is that and no retry.
    /// </summary>
    [Fact]
    public void An_entry_behind_spte_requested_is_SPURIOUS_where_a_leaf_permits_the_access() => Expect(
        new Story("7.2.12")
            .On(100, PageFault(0, 0x1000_1000, Write), Requested(0x1000_1000, 0x5001), Changed(0x1000_1000, Empty, Leaf(0x5001)), SetSpte(0x1000_1000, Leaf(0x5001)), Entry(0))
            .On(101, PageFault(1, 0x1000_1000, Read), Requested(0x1000_1000, 0x5001), Entry(1)),
        "~FIXED",
        "+SPURIOUS");

    /// <summary>K7b. KVM_RUN returns EINTR for a signal that the next entry met: the fault was over with its leaf.</summary>
    [Fact]
    public void An_EINTR_exit_behind_a_leaf_belongs_to_the_next_entry() => Expect(
        new Story("6.12.95")
            .On(100, PageFault(0, 0x1000_1000, Write), Requested(0x1000_1000, 0x5001), Changed(0x1000_1000, Empty, Leaf(0x5001)), SetSpte(0x1000_1000, Leaf(0x5001)))
            .On(100, "kvm_userspace_exit: reason restart (4)", Entry(0))
            .On(101, Changed(0x1000_1000, Leaf(0x5001), "5001e65"))
            .On(100, PageFault(0, 0x1000_1000, WriteProtected))
            .On(100, "fast_page_fault: vcpu 0 gva 10001000 error_code P|W sptep 00000000fd98c937 old 0x5001e65 new 5001e67 spurious 0 fixed 1")
            .On(100, "kvm_userspace_exit: reason restart (4)", Entry(0)),
        "~FIXED",
        "+FIXED_FAST");

    /// <summary>
    /// K7c. Of the first fault nothing is known but its exit. Were a leaf left for it by a guess, the second would be SPURIOUS; the kernel
    /// shows that the entry was empty.
    /// </summary>
    [Fact]
    public void A_guess_leaves_no_leaf_that_the_kernel_did_not_leave() => Expect(
        new Story("6.12.95")
            .On(100, PageFault(0, 0x1000_1000, Write), "kvm_userspace_exit: reason error (14)", Entry(0))
            .On(100, PageFault(0, 0x1000_1000, Write), Requested(0x1000_1000, 0x5001), Changed(0x1000_1000, Empty, Leaf(0x5001)), SetSpte(0x1000_1000, Leaf(0x5001)), Entry(0))
            .On(100, PageFault(0, 0x1000_2000, Write), "kvm_userspace_exit: reason error (14)", Entry(0)),
        "~EFAULT",
        "~FIXED",
        "~EFAULT");

    /// <summary>K7d. A memslot that a leaf tells of is over when all roots are zapped and an MMIO SPTE of a later generation stands in its place.</summary>
    [Fact]
    public void An_inferred_memslot_has_an_end_and_a_begin() => Expect(
        new Story("6.12.95")
            .On(101, PageFault(1, 0x1000_1000, Write), Requested(0x1000_1000, 0x5001), Changed(0x1000_1000, Empty, Leaf(0x5001)), SetSpte(0x1000_1000, Leaf(0x5001)), Entry(1))
            .On(100, ZapAllFast, Changed(0x1000_1000, Leaf(0x5001), Empty))
            .On(101, Entry(1), PageFault(1, 0x1000_1000, Write), Requested(0x1000_1000, 0x8000000000000000), Changed(0x1000_1000, Empty, MmioEntry(0x1000_1000)), MarkMmio(0x1000_1000, 4))
            .On(101, "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)", Entry(1))
            .On(101, PageFault(1, 0x1000_1000, 0x10000000e), Requested(0x1000_1000, 0x5002), Changed(0x1000_1000, MmioEntry(0x1000_1000), "5002e27"), SetSpte(0x1000_1000, "5002e27"), Entry(1)),
        "~FIXED",
        "~EMULATE",
        "~FIXED");

    /// <summary>K12. Neither kvm_unmap_hva_range nor a probe on the notifier: a leaf that a live VM loses shows that there were windows, so a retry is none too many.</summary>
    [Fact]
    public void Of_windows_that_nothing_records_any_check_may_have_met_one()
    {
        const ulong Gpa = 0x1000_2000;
        Story story = new Story("6.12.95")
            .SetRegion(s_memory)
            .Maps(0, s_memory, 0x1000_1000, 0x5001)
            .On(200, Changed(0x1000_1000, Leaf(0x5001), Empty))
            .On(100, PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true), LookupReturn(s_memory, Gpa, 0x5002, write: true))
            .On(100, FaultinReturn(s_memory, Gpa, 0x5002, seq: 0), Put("6.12.95", 0x5002), HandlerReturn(Gpa, 1), Entry(0))
            .Maps(0, s_memory, Gpa, 0x5003);
        Expect(story, "FIXED", "RETRY", "FIXED");
    }

    /// <summary>
    /// K9. A window over no memslot has no kvm_mmu_invalidate_end, and its task does nothing more: it is over with its end's record all the
    /// same, and the faults behind it are of certain order.
    /// </summary>
    [Theory]
    [InlineData(5, "FIXED")]
    [InlineData(1, "RETRY: missed, FIXED")]
    public void A_window_of_a_task_that_does_nothing_more_is_over(int ret, string standing)
    {
        const ulong Elsewhere = 0x7e00_0000_0000;
        Story story = new Story("6.12.95")
            .SetRegion(s_memory)
            .Maps(0, s_memory, 0x1000_1000, 0x5001)
            .On(201, [.. WindowBegin(Elsewhere, Page), WindowBegun, WindowEnd(Elsewhere, Page)])
            .Wait(1000)
            .Maps(0, s_memory, 0x1000_2000, 0x5002);
        if (ret == 5)
        {
            story.Maps(0, s_memory, 0x1000_3000, 0x5003);
        }
        else
        {
            const ulong Gpa = 0x1000_3000;
            story.On(100, PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true), LookupReturn(s_memory, Gpa, 0x5003, write: true))
                .On(100, FaultinReturn(s_memory, Gpa, 0x5003, seq: 0), Put(story.Kernel, 0x5003), HandlerReturn(Gpa, ret), Entry(0));
        }

        Expect(story, "FIXED", "FIXED", standing);
    }

    /// <summary>
    /// K10. A process makes one VM after another, and struct kvm of the next lies where the last one lay: the slots are asked for again
    /// and the sequence begins anew. The last one's leaves were zapped with its memory's end; even if a record of that is missing, the new
    /// VM has none.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_new_VM_at_the_same_address_has_nothing_of_the_old_one(bool zapsRecorded)
    {
        StorySlot low = new(0, 0, 2 * Mib, 0x7f00_0000_0000);
        StorySlot smram = new(65537, 0x100_0000, 0x10000, 0x7f00_1000_0000);
        const string Notifier = "0xffffc9000055a548";
        Story story = new("7.3.4");
        for (int life = 0; life < 3; life++)
        {
            ulong pfn = 0x5000 + ((ulong)life * 0x1000);
            story.SetRegion(low).SetRegion(smram)
                .On(100, Entry(0))
                .Maps(0, low, 0x18_0000, pfn)
                .Maps(0, low, 0x18_1000, pfn + 1)
                .On(100, [.. WindowBegin(low.Hva + 0x18_1000, Page, mn: Notifier), Changed(0x18_1000, Leaf(pfn + 1), Empty), WindowBegun])
                .On(100, WindowEnd(low.Hva + 0x18_1000, Page, mn: Notifier), InvalidateEnd(low, 0x18_1000, Page, seq: 0))
                .Maps(0, low, 0x18_1000, pfn + 2, seq: 1);
            if (zapsRecorded)
            {
                story.On(100, Changed(0x18_0000, Leaf(pfn), Empty), Changed(0x18_1000, Leaf(pfn + 2), Empty));
            }

            story.Wait(10_000);
        }

        Expect(story, [.. Enumerable.Repeat("FIXED", 9)]);
    }

    /// <summary>
    /// K10. Two VMs of one process, at once: both have a slot 0 at guest address 0. A leaf of one is none of the other, and their
    /// sequences are their own. A vCPU's pointer belongs to one of them.
    /// </summary>
    [Fact]
    public void Two_VMs_of_one_process_are_two()
    {
        StorySlot first = new(0, 0, 2 * Mib, 0x7f00_0000_0000);
        StorySlot second = new(0, 0, 2 * Mib, 0x7f10_0000_0000) { Kvm = "0xffffc9000077a000" };
        const string Notifier = "0xffffc9000055a548";
        Expect(
            new Story("7.3.4")
                .SetRegion(first)
                .SetRegion(second)
                .Maps(0, first, 0x18_0000, 0x5000)
                .Maps(1, second, 0x18_0000, 0x6000, vm: 1)
                .On(102, [.. WindowBegin(first.Hva + 0x18_0000, Page, mn: Notifier), Changed(0x18_0000, Leaf(0x5000), Empty), WindowBegun])
                .On(102, WindowEnd(first.Hva + 0x18_0000, Page, mn: Notifier), InvalidateEnd(first, 0x18_0000, Page, seq: 0))
                .Maps(1, second, 0x18_1000, 0x6001, seq: 0, vm: 1)
                .Maps(0, first, 0x18_0000, 0x5001, seq: 1)
                .On(103, [.. WindowBegin(second.Hva + 0x18_1000, Page, mn: "0xffffc9000077b548"), Changed(0x18_1000, Leaf(0x6001), Empty), WindowBegun])
                .On(103, WindowEnd(second.Hva + 0x18_1000, Page, mn: "0xffffc9000077b548"), InvalidateEnd(second, 0x18_1000, Page, seq: 0))
                .Maps(1, second, 0x18_1000, 0x6002, seq: 1, vm: 1),
            "FIXED",
            "FIXED",
            "FIXED",
            "FIXED",
            "FIXED");
    }

    /// <summary>
    /// K12, K11. 5.10 on x86 records no kvm_unmap_hva_range: its windows are what the probes on the notifier show, and what
    /// kvm_tdp_page_fault returns is RETRY 0, FIXED 3. Leaves come by kvm_mmu_set_spte only.
    /// </summary>
    [Fact]
    public void On_5_10_windows_are_what_the_probes_show() => Expect(
        new Story("5.10.0-46-amd64")
            .SetRegion(s_memory)
            .On(100, Fault510(0x1000_1000, 0x5001, mapped: true))
            .On(101, WindowBegin(s_memory.Hva + 0x2000, Page)[0], WindowBegun)
            .On(100, Fault510(0x1000_2000, 0x5002, mapped: false))
            .On(101, WindowEnd(s_memory.Hva + 0x2000, Page))
            .On(101, WindowBegin(0x7e00_0000_0000, Page)[0], WindowBegun, WindowEnd(0x7e00_0000_0000, Page))
            .On(100, Fault510(0x1000_2000, 0x5003, mapped: true)),
        "FIXED",
        "RETRY",
        "FIXED");

    /// <summary>
    /// K13. A call that moves a memslot: other slots work in the old roots until kvm_mmu_zap_all_fast, the old address is absent from
    /// then on, the new slot is there before the call returns.
    /// </summary>
    [Fact]
    public void A_memslot_call_has_steps()
    {
        StorySlot moved = new(2, 0x2000_0000, Page, 0x7f00_1000_0000);
        StorySlot there = moved with { Gpa = 0x3000_0000 };
        Expect(
            new Story("7.3.4")
                .SetRegion(s_memory)
                .SetRegion(moved)
                .On(101, Entry(1))
                .Maps(1, moved, 0x2000_0000, 0x6000)
                .On(100, Region(there))
                .Maps(1, s_memory, 0x1000_1000, 0x5001)
                .On(100, ZapAllFast, Changed(0x1000_1000, Leaf(0x5001), Empty), Changed(0x2000_0000, Leaf(0x6000), Empty))
                .On(101, Entry(1))
                .Emulates(1, 0x2000_0000, generation: 5)
                .Maps(1, there, 0x3000_0000, 0x6000)
                .On(100, RegionReturn)
                .Maps(1, s_memory, 0x1000_1000, 0x5001),
            "FIXED",
            "FIXED",
            "+EMULATE",
            "+FIXED",
            "FIXED");
    }

    /// <summary>
    /// K14. The record of the install is kvm_tdp_mmu_spte_changed of the installing task; kvm_mmu_set_spte may come long after it. The
    /// fault that asked for the entry behind the first is SPURIOUS, in one order only.
    /// </summary>
    [Fact]
    public void An_install_is_recorded_by_spte_changed_and_not_by_set_spte()
    {
        const ulong Gpa = 0x1000_1000;
        Expect(
            new Story("7.3.4")
                .SetRegion(s_memory)
                .On(100, PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true), LookupReturn(s_memory, Gpa, 0x5001, write: true))
                .On(100, FaultinReturn(s_memory, Gpa, 0x5001, seq: 0), Requested(Gpa, 0x5001), Changed(Gpa, Empty, Leaf(0x5001)))
                .On(101, PageFault(1, Gpa, Write), Handler(1, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true), LookupReturn(s_memory, Gpa, 0x5001, write: true))
                .On(101, FaultinReturn(s_memory, Gpa, 0x5001, seq: 0), Requested(Gpa, 0x5001), Put("7.3.4", 0x5001), HandlerReturn(Gpa, 6), Entry(1))
                .Wait(100_000)
                .On(100, SetSpte(Gpa, Leaf(0x5001)), Put("7.3.4", 0x5001), HandlerReturn(Gpa, 5), Entry(0)),
            "FIXED",
            "SPURIOUS");
    }

    /// <summary>
    /// K15. Without probes and entries: a fault is over with its leaf, or before the next kvm_exit of its task, which shows that the guest
    /// ran. An exit to the VMM thousands of events later is not its end. One that left no leaf and went back to the guest has retried.
    /// </summary>
    [Fact]
    public void A_fault_ends_at_its_own_end()
    {
        string[] others = [.. Enumerable.Range(0, 500).SelectMany(_ => (string[])["kvm_exit: vcpu 0 reason EXIT_INTR rip 0x1000 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000", "kvm_fpu: load"])];
        Story story = new Story("6.12.95")
            .On(100, PageFault(0, 0x1000_1000, Write), Requested(0x1000_1000, 0x5001), Changed(0x1000_1000, Empty, Leaf(0x5001)), SetSpte(0x1000_1000, Leaf(0x5001)))
            .On(100, others)
            .On(100, "kvm_userspace_exit: reason error (14)")
            .On(100, PageFault(0, 0x5000_2000, Write))
            .On(100, others)
            .On(100, "kvm_userspace_exit: reason error (14)");
        ReplayedCapture replayed = Texts.Replay(story.Text, story.Kernel);
        Judgement judgement = Judgement.Of(replayed);
        Assert.Equal(["FIXED", "RETRY"], judgement.Faults.Select(fault => fault.Observed));
        Assert.Empty(judgement.Misses);
        foreach (Dictionary<string, string?> fault in replayed.Result("faults").Where(fault => fault["end_seq"] is not null))
        {
            Assert.InRange(long.Parse(fault["end_seq"]!, CultureInfo.InvariantCulture) - long.Parse(fault["seq"]!, CultureInfo.InvariantCulture), 1, 10);
        }
    }

    /// <summary>K15. The handler's return, where it is recorded, is the end; what KVM_RUN says later belongs to another.</summary>
    [Fact]
    public void A_fault_whose_return_is_recorded_ends_there()
    {
        const ulong Gpa = 0x1000_1000;
        Expect(
            new Story("6.12.95")
                .SetRegion(s_memory)
                .On(100, PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true))
                .On(101, [.. WindowBegin(s_memory.Hva + 0x1000, Page), WindowBegun, WindowEnd(s_memory.Hva + 0x1000, Page), InvalidateEnd(s_memory, Gpa, Page, seq: 0)])
                .On(100, LookupReturn(s_memory, Gpa, 0x5001, write: true), FaultinReturn(s_memory, Gpa, 0x5001, seq: 0).Replace("ret=0", "ret=1", StringComparison.Ordinal), Put("6.12.95", 0x5001), HandlerReturn(Gpa, 1))
                .On(100, [.. Enumerable.Repeat("kvm_fpu: load", 1000)])
                .On(100, "kvm_userspace_exit: reason error (14)"),
            "RETRY");
    }

    private static string[] Fault510(ulong gpa, ulong pfn, bool mapped)
    {
        string[] lookup =
        [
            $"kvm_page_fault: address {gpa:x} error_code 6",
            $"tdp_fault: (kvm_tdp_page_fault+0x0/0x100 [kvm]) vcpu={Vcpu(0)} addr=0x{gpa:x} error_code=0x6",
            $"hva_to_pfn: (hva_to_pfn+0x0/0x400 [kvm]) hva=0x{s_memory.Hva + (gpa - s_memory.Gpa):x} a2=0x0 a3=0xffffc90000177c0f a4=0x1 a5=0xffffc90000177cab",
            $"hva_to_pfn_ret: (try_async_pf+0x81/0x200 [kvm] <- hva_to_pfn) pfn=0x{pfn:x}",
        ];
        string[] install = [Requested(gpa, pfn), SetSpte(gpa, $"{pfn:x}c67")];
        string[] end = [Put("5.10", pfn), $"tdp_fault_ret: (kvm_mmu_page_fault+0x70/0x500 [kvm] <- kvm_tdp_page_fault) ret={(mapped ? 3 : 0)}", "kvm_entry: vcpu 0, rip 0x1000"];
        return [.. lookup, .. mapped ? install : [], .. end];
    }

    /// <summary>
    /// The fast path looks at the entry first. By the time that the fault retries, another vCPU has put a writable leaf there: no SPURIOUS follows
    /// from that (a preemptible kernel shows it: 6.18-rt race, without probes).
    /// </summary>
    [Fact]
    public void The_fast_path_met_what_was_there_when_the_fault_began() => Expect(
        new Story("6.12.95")
            .On(100, PageFault(0, 0x1000_1000, Read), Requested(0x1000_1000, 0x4001), Changed(0x1000_1000, Empty, "4001825"), SetSpte(0x1000_1000, "4001825"), Entry(0))
            .On(100, PageFault(0, 0x1000_1000, WriteProtected))
            .On(100, "kvm_unmap_hva_range: mmu notifier unmap range: 0x007f0000001000 -- 0x007f0000002000", Changed(0x1000_1000, "4001825", Empty))
            .On(101, PageFault(1, 0x1000_1000, Write), Requested(0x1000_1000, 0x5001), Changed(0x1000_1000, Empty, Leaf(0x5001)), SetSpte(0x1000_1000, Leaf(0x5001)), Entry(1))
            .On(100, Entry(0)),
        "~FIXED",
        "~RETRY",
        "~FIXED");

    /// <summary>
    /// 5.10: the followed lookup shows that there is a leaf and not which, and its driver's insertion is not probed. What the lookup returned is
    /// its frame; where KVM refused it, nothing but that says why, and it is read off.
    /// </summary>
    [Fact]
    public void A_followed_leaf_that_no_record_shows_is_what_the_lookup_returned() => Expect(
        new Story("5.10.0")
            .On(100, Region(s_memory), RegionReturn)
            .On(100, Followed(0x1000_1000, "0x5001", 3, Requested(0x1000_1000, 0x5001), SetSpte(0x1000_1000, "5001c67"), Put("5.10", 0x5001)))
            .On(100, Followed(0x1000_2000, "0x7ff0000000000000", -14)),
        "FIXED",
        "EFAULT: read off");

    private static string[] Followed(ulong gpa, string pfn, int ret, params string[] maps) =>
    [
        PageFault(0, gpa, Write),
        Handler(0, gpa, Write),
        Lookup(s_memory, gpa, write: true),
        $"follow_pte: (follow_pte+0x0/0x1d0) mm=0xffff888100060cc0 addr=0x{0x7f00_0000_0000 + gpa - 0x1000_0000:x}",
        "follow_pte_ret: (hva_to_pfn+0x1b3/0x3d0 [kvm] <- follow_pte) ret=0",
        $"hva_to_pfn_ret: (try_async_pf+0x51/0x220 [kvm] <- hva_to_pfn) pfn={pfn}",
        .. maps,
        HandlerReturn(gpa, ret),
        ret < 0 ? "kvm_userspace_exit: reason error (14)" : Entry(0),
    ];

    private static void Expect(Story story, params string[] standings) => Standings.Expect(Texts.JudgeNow(story.Text, story.Kernel), standings);
}
