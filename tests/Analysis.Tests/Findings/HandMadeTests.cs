using System.Globalization;
using System.Text;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests.Findings;

/// <summary>Findings that no shown capture has, and those that texts show best: traces written by hand in the kernel's form, and what is just not one.</summary>
public class HandMadeTests
{
    private const string Kernel = "6.12.0";

    [Theory]
    [InlineData("kcompactd0", 64, "storm-compaction")]
    [InlineData("kcompactd0", 63, null)]
    [InlineData("ksmd", 64, "storm-ksm")]
    [InlineData("khugepaged", 64, "storm-khugepaged")]
    [InlineData("kswapd0", 64, "storm-reclaim")]
    [InlineData("somebody", 64, "storm-other")]
    public void Invalidations_are_charged_to_the_task_that_makes_them(string task, int windows, string? finding)
    {
        var guest = new Text().Slot().Maps(0, windows);
        for (int i = 0; i < windows; i++)
        {
            guest.Window(task, i, 1, what: 1);
        }

        Assert.Equal(finding is null ? [] : [finding], Storms(guest));
    }

    [Theory]
    [InlineData(512, "storm-fork")]
    [InlineData(511, null)]
    public void A_fork_is_one_window_and_what_the_guest_faults_in_again_behind_it(int pages, string? finding)
    {
        Text guest = new Text().Slot().Maps(0, 512).Window("vmm", 0, 512, what: 3).Maps(0, pages);
        Assert.Equal(finding is null ? [] : [finding], Storms(guest));
    }

    [Theory]
    [InlineData(true, "storm-numa")]
    [InlineData(false, "storm-other")]
    public void A_protection_change_without_a_call_is_NUMA_balancing_where_calls_are_recorded(bool calls, string finding)
    {
        Text guest = new Text().Slot().Maps(0, 64);
        if (calls)
        {
            guest.Event("other", 999, "sys_mprotect(start: 7fcf75399000, len: 4000, prot: 1)");
        }

        for (int i = 0; i < 64; i++)
        {
            guest.Window("vmm", i, 1, what: 2);
        }

        Assert.Equal([finding], Storms(guest));
    }

    [Fact]
    public void Windows_that_hit_no_memslot_are_named_from_a_thousand_on()
    {
        Text few = new Text().Slot().Maps(0, 1), many = new Text().Slot().Maps(0, 1);
        for (int i = 0; i < 1000; i++)
        {
            many.Window("vmm", 100_000 + i, 1, what: 0);
            if (i > 0)
            {
                few.Window("vmm", 100_000 + i, 1, what: 0);
            }
        }

        Assert.Contains("windows-for-nothing", Ids(many));
        Assert.DoesNotContain("windows-for-nothing", Ids(few));
    }

    [Theory]
    [InlineData(true, "window-stays-open")]
    [InlineData(false, null)]
    public void A_window_that_does_not_end_is_told_from_one_that_does(bool open, string? finding)
    {
        Text guest = new Text().Slot().Maps(0, 2).Begin("uffd", 2, 1, what: 1).Retries(2, 5);
        if (!open)
        {
            guest.End("uffd", 2, 1, what: 1).Maps(2, 1);
        }

        Assert.Equal(finding is null ? [] : [finding], Ids(guest).Intersect(["window-stays-open", "no-progress", "mapped-and-faulting"]));
    }

    [Fact]
    public void One_long_window_that_ends_is_a_retry_storm()
    {
        Text guest = new Text().Slot().Maps(0, 2).Begin("khugepaged", 2, 1, what: 1).Retries(2, 12).End("khugepaged", 2, 1, what: 1).Maps(2, 2);
        FindingRow found = Assert.Single(Found(guest), f => f.Severity == "warning");
        Assert.Equal("retry-storm", found.Finding);
        Assert.Contains("until one long MMU notifier invalidation ended", found.Title, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, "no-progress")]
    [InlineData(1, null)]
    public void A_fault_without_progress_and_without_a_reason(int times, string? finding) =>
        Assert.Equal(finding is null ? [] : [finding], Ids(new Text().Slot().Maps(0, 4).Retries(9, times)).Intersect(["window-stays-open", "no-progress", "mapped-and-faulting"]));

    [Theory]
    [InlineData("6000001c6e00b77", "6000001c6e00b77", "mapped-and-faulting")]
    [InlineData("8000000000000000", "8000000000000000", "no-progress")]
    public void A_present_SPTE_that_does_not_help_is_told_from_an_empty_one(string old, string now, string finding)
    {
        Text guest = new Text().Slot().Maps(0, 1);
        for (int i = 0; i < 4; i++)
        {
            guest.Exit(7).Fault(7, "0x100000006")
                .Event("CPU 0/KVM", 101, $"fast_page_fault: vcpu 0 gva {0x10007000:x} error_code W|0x100000000 sptep 00000000a0f78d2c old 0x{old} new {now} spurious 0 fixed 0").Enter();
        }

        Assert.Equal([finding], Ids(guest).Intersect(["window-stays-open", "no-progress", "mapped-and-faulting"]));
    }

    [Theory]
    [InlineData(64, "warning")]
    [InlineData(2, "note")]
    public void Async_page_faults_say_that_the_host_reads_the_guest_back(int pages, string severity)
    {
        Text guest = new Text().Slot();
        for (int i = 0; i < pages; i++)
        {
            guest.Exit(i).Fault(i).Event("CPU 0/KVM", 101, $"kvm_try_async_get_page: gva = 0x{0x10000000 + (i * 4096):x}, gfn = 0x{0x10000 + i:x}").Enter();
        }

        Assert.Equal(severity, Assert.Single(Found(guest), f => f.Finding == "swapped-guest").Severity);
    }

    [Fact]
    public void A_leaf_that_changes_its_page_in_one_step_breaks_the_records()
    {
        Text guest = new Text().Slot().Maps(0, 4);
        Assert.DoesNotContain("records-broken", Ids(guest));
        guest.Event("CPU 0/KVM", 101, "kvm_tdp_mmu_spte_changed: as id 0 gfn 10001 level 1 old_spte 200001e67 new_spte 300001e67");
        FindingRow found = Assert.Single(Found(guest), f => f.Finding == "records-broken");
        Assert.Contains("INV-25", found.Title, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "stale-leaf")]
    [InlineData(false, null)]
    public void A_window_that_leaves_the_SPTE_behind_leaves_a_stale_leaf(bool leaves, string? finding)
    {
        Text guest = new Text().Slot().Maps(0, 4);
        _ = leaves ? guest.Begin("vmm", 2, 1, what: 0).End("vmm", 2, 1, what: 0) : guest.Window("vmm", 2, 1, what: 0);
        Assert.Equal(finding is null ? [] : [finding], Ids(guest.Maps(5, 1)).Intersect(["stale-leaf"]));
    }

    [Theory]
    [InlineData("INV-06", "kernel", 0, "stale-leaf", "critical")]
    [InlineData("INV-11", "current", 0, "stale-leaf", "critical")]
    [InlineData("INV-11", "v11", 0, "stale-leaf", "note")]
    [InlineData("INV-03", "current", 0, "reference-unbalanced", "critical")]
    [InlineData("INV-03", "v11", 0, "reference-unbalanced", "note")]
    [InlineData("INV-13", "kernel", 0, "records-broken", "serious")]
    [InlineData("INV-06", "kernel", 5, null, null)]
    [InlineData("INV-03", "current", 5, null, null)]
    [InlineData("INV-13", "kernel", 5, null, null)]
    public void A_breach_is_a_finding_where_nothing_was_lost(string invariant, string model, long lost, string? finding, string? severity)
    {
        using FakeDataset data = ReplayedDataset.Create();
        data.Manifest(ReplayedDataset.Id, lost: lost).Result("violations", ReplayedDataset.Id, $"""
            SELECT '{ReplayedDataset.Id}' AS trace_id, '{model}' AS model, '{invariant}' AS invariant, 'NAME' AS name, 'violated' AS verdict, 1::BIGINT AS fault_id, 9::BIGINT AS seq, 16::UBIGINT AS gfn, 'what it says' AS detail
            """);
        using DatasetSession session = data.Open();
        FindingRow[] found = [.. FindingsReader.Read(session, ReplayedDataset.Id).Where(f => f.Finding is "stale-leaf" or "reference-unbalanced" or "records-broken")];
        Assert.Equal(finding is null ? [] : [(finding, severity!)], found.Select(f => (f.Finding, f.Severity)));
    }

    private static FindingRow[] Found(Text text) => ShownCaptures.Of(text.ToString(), Kernel);

    private static string[] Ids(Text text) => [.. Found(text).Select(f => f.Finding)];

    private static string[] Storms(Text text) => [.. Ids(text).Where(id => id.StartsWith("storm-", StringComparison.Ordinal))];

    /// <summary>A trace of one guest with one vCPU and a memslot of 8 MiB at gpa 0x10000000, as the kernel's text.</summary>
    private sealed class Text
    {
        private const ulong Hva = 0x7f0000000000;
        private readonly StringBuilder _text = new("# tracer: nop\n#\n");
        private readonly HashSet<int> _mapped = [];
        private int _time = 1000;

        public Text Event(string task, int pid, string text)
        {
            _text.Append(CultureInfo.InvariantCulture, $"{task,16}-{pid,-7} [000] .....    41.{_time++:000000}: {text}\n");
            return this;
        }

        public Text Slot() => Event("vmm", 100, $"set_region: (__kvm_set_memory_region+0x4/0x530 [kvm]) kvm=0xffffc90000535000 slot=0 flags=0x0 gpa=0x10000000 size=0x800000 hva=0x{Hva:x}")
            .Event("vmm", 100, "set_region_ret: (kvm_vm_ioctl+0xa85/0x18b0 [kvm] <- __kvm_set_memory_region) ret=0");

        public Text Exit(int page) => Event("CPU 0/KVM", 101, $"kvm_exit: vcpu 0 reason npf rip 0x1000 info1 0x0000000100000006 info2 0x{0x10000000 + (page * 4096):x16} intr_info 0x00000000 error_code 0x00000000");

        public Text Fault(int page, string code = "0x100000006") => Event("CPU 0/KVM", 101, $"kvm_page_fault: vcpu 0 rip 0x1000 address 0x{0x10000000 + (page * 4096):x16} error_code {code}");

        public Text Enter() => Event("CPU 0/KVM", 101, "kvm_entry: vcpu 0, rip 0x1000");

        public Text Maps(int from, int pages)
        {
            for (int page = from; page < from + pages; page++)
            {
                _mapped.Add(page);
                Exit(page).Fault(page)
                    .Event("CPU 0/KVM", 101, $"kvm_mmu_spte_requested: gfn {0x10000 + page:x} pfn {0x200000 + page:x} level 1")
                    .Event("CPU 0/KVM", 101, $"kvm_tdp_mmu_spte_changed: as id 0 gfn {0x10000 + page:x} level 1 old_spte 8000000000000000 new_spte {0x200000 + page:x}e67")
                    .Event("CPU 0/KVM", 101, $"kvm_mmu_set_spte: gfn {0x10000 + page:x} spte {0x200000 + page:x}e67 (rwxu) level 1 at 108b73008")
                    .Enter();
            }

            return this;
        }

        public Text Retries(int page, int times)
        {
            for (int i = 0; i < times; i++)
            {
                Exit(page).Fault(page).Enter();
            }

            return this;
        }

        public Text Begin(string task, int page, int pages, int what) =>
            Event(task, 200, $"kvm_mn_start: (kvm_mmu_notifier_invalidate_range_start+0x4/0x3d0 [kvm]) mn=0xffffc9000053ea88 start=0x{Hva + ((ulong)page * 4096):x} end=0x{Hva + ((ulong)(page + pages) * 4096):x} flags=0x1 event={what}")
            .Event(task, 200, $"kvm_unmap_hva_range: mmu notifier unmap range: 0x{Hva + ((ulong)page * 4096):x} -- 0x{Hva + ((ulong)(page + pages) * 4096):x}");

        public Text End(string task, int page, int pages, int what) =>
            Event(task, 200, $"kvm_mn_end: (kvm_mmu_notifier_invalidate_range_end+0x4/0x1d0 [kvm]) mn=0xffffc9000053ea88 start=0x{Hva + ((ulong)page * 4096):x} end=0x{Hva + ((ulong)(page + pages) * 4096):x} event={what}");

        /// <summary>A window with the removal of every SPTE in it.</summary>
        public Text Window(string task, int page, int pages, int what)
        {
            Begin(task, page, pages, what);
            for (int i = page; i < page + pages; i++)
            {
                if (_mapped.Remove(i))
                {
                    Event(task, 200, $"kvm_tdp_mmu_spte_changed: as id 0 gfn {0x10000 + i:x} level 1 old_spte {0x200000 + i:x}e67 new_spte 8000000000000000");
                }
            }

            return End(task, page, pages, what);
        }

        public override string ToString() => _text.ToString();
    }
}
