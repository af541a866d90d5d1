using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Kinds;

/// <summary>Faults whose page is not the VMM's to give alone: those of nested guests, and of guest_memfd. After the kernel's logic, and captures of 6.12 and 7.3.</summary>
public sealed class GuestTableTests : IDisposable
{
    private const ulong Mib = 1 << 20;
    private const ulong Read = 0x100000004;
    private const ulong Write = 0x100000006;
    private const ulong WriteProtected = 0x100000007;
    private const ulong Gpa = 0x1000_3000;
    private const string VmEnter = "kvm_nested_vmenter: rip: 0x0000000000418d19 vmcb: 0x0000000000121000 nested_rip: 0x0000000000401930 int_ctl: 0x00000000 event_inj: 0x00000000 nested_npt=y nested_cr3: 0x0000000000210000";
    private const string Left = "kvm_nested_vmexit: vcpu 0 reason npf rip 0x401930 info1 0x0000000100000004 info2 0x0000000010003000 intr_info 0x00000000 error_code 0x00000000";
    private const string Reflected = "kvm_nested_vmexit_inject: reason npf info1 0x0000000100000004 info2 0x0000000010003000 int_info 0x00000000 int_info_err 0x00000000";

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 2 * Mib, 0x7f00_0000_0000);

    private readonly string _text = Path.Combine(Path.GetTempPath(), $"tracereplay-guests-{Guid.NewGuid():N}.txt");

    /// <summary>
    /// A read through an entry of the guest's whose dirty bit (6) is clear gets a leaf without W, so that a write shows; one through an entry that
    /// is dirty, and a write, get one with it. No-execute is bit 63.
    /// </summary>
    [Theory]
    [InlineData("10003007", Read, "5001a25")]
    [InlineData("10003047", Read, "5001e67")]
    [InlineData("10003045", Read, "5001a25")]
    [InlineData("10003007", Write, "5001e67")]
    [InlineData("8000000010003047", Read, "8000000005001e67")]
    public void A_shadow_leaf_permits_what_the_guest_s_own_tables_do(string element, ulong code, string leaf)
    {
        ReplayedCapture replayed = Replay(Nested(code, leaf, "kvm_mmu_pagetable_walk: addr 10003000 pferr 4 U", "kvm_mmu_paging_element: pte 212027 level 2", $"kvm_mmu_paging_element: pte {element} level 1"));
        Assert.Empty(replayed.Result("fidelity_misses"));
        Assert.Equal(("nested", "FIXED"), Fault(replayed));
        Assert.Equal(["1", "1", "1"], Matched(replayed, "outcome", "writable", "spte"));
    }

    /// <summary>Where the walk is not recorded, its rights are not known, and neither right nor wrong is predicted.</summary>
    [Theory]
    [InlineData("5001a25")]
    [InlineData("5001e67")]
    [InlineData("8000000005001a21")]
    public void Without_a_record_of_the_walk_the_leaf_s_rights_are_unknown(string leaf)
    {
        ReplayedCapture replayed = Replay(Nested(Read, leaf));
        Assert.Empty(replayed.Result("fidelity_misses"));
        Assert.Equal(["1", "0", "0"], Matched(replayed, "outcome", "writable", "spte"));
    }

    /// <summary>The capture began when the nested guest ran already: its exit tells.</summary>
    [Fact]
    public void An_exit_from_a_nested_guest_tells_of_it_where_its_entry_is_not_recorded()
    {
        ReplayedCapture replayed = Replay(Start().On(100, Left, PageFault(0, Gpa, Read), Reflected, Entry(0)).On(100, PageFault(0, Gpa, Read), Entry(0)));
        Assert.Equal(["nested", "tdp"], replayed.Result("faults").Select(row => row["kind"]));
    }

    /// <summary>A fault that the guest's hypervisor has to resolve is no fault of this KVM's: how it ends no record says.</summary>
    [Fact]
    public void A_fault_that_goes_to_the_guest_s_hypervisor_is_unknown()
    {
        ReplayedCapture replayed = Replay(Start().On(100, VmEnter, Left, PageFault(0, Gpa, Read), "kvm_mmu_pagetable_walk: addr 10003000 pferr 4 U", "kvm_mmu_paging_element: pte 0 level 4", Reflected, Entry(0)));
        Assert.Equal(("nested", "UNKNOWN"), Fault(replayed));
        Assert.Empty(replayed.Result("fidelity_misses"));
    }

    /// <summary>The guest hypervisor's write to a gfn that holds a table of its guest: KVM write-protects it while it shadows it, and no longer.</summary>
    [Theory]
    [InlineData(3, "WRITE_PROTECTED")]
    [InlineData(2, "EMULATE")]
    [InlineData(5, "FIXED")]
    public void A_write_to_a_guest_s_table_may_be_emulated(int ret, string outcome)
    {
        const string ShadowPage = "kvm_mmu_get_page: gfn=0x10003 role=0x404 root_count=0 unsync=0 created=1 mmu_valid_gen=0";
        string[] events = ret == 5
            ? [PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, true), LookupReturn(s_memory, Gpa, 0x5001, true), FaultinReturn(s_memory, Gpa, 0x5001, 0), Requested(Gpa, 0x5001), Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), Put("6.12", 0x5001), HandlerReturn(Gpa, 5), Entry(0)]
            : [PageFault(0, Gpa, WriteProtected), Handler(0, Gpa, WriteProtected), HandlerReturn(Gpa, ret), Entry(0)];
        ReplayedCapture replayed = Replay(Start().Maps(0, s_memory, Gpa + 0x1000, 0x5002).On(100, ShadowPage).On(100, events));
        Assert.DoesNotContain(replayed.Result("fidelity_misses"), row => row["quantity"] == "outcome");
        Assert.Equal(outcome, replayed.Result("faults")[1]["observed_outcome"]);
    }

    /// <summary>A lookup that found a page and called no hva_to_pfn, in a memslot with a guest_memfd (flag 4): the page is the file's.</summary>
    [Fact]
    public void A_page_of_guest_memfd_is_told_by_its_lookup()
    {
        ReplayedCapture replayed = Replay(Start().Maps(0, s_memory, Gpa + 0x1000, 0x5002).On(
            100, PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Memfd(Faultin(s_memory, Gpa)), FaultinReturn(s_memory, Gpa, 0x5001, 0), Requested(Gpa, 0x5001),
            Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), Put("6.12", 0x5001), HandlerReturn(Gpa, 5), Entry(0)));
        Assert.Empty(replayed.Result("fidelity_misses"));
        Assert.Equal(["tdp", "guest_memfd"], replayed.Result("faults").Select(row => row["kind"]));
        Assert.Equal(["2", "2"], Matched(replayed, "outcome", "pfn"));
    }

    /// <summary>Where no lookup is recorded, the page may be the file's or the VMM's; and where one failed, a private page may have been asked for as a shared one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_does_not_tell_the_source_of_a_page_decides_nothing(bool refused)
    {
        string[] end = refused
            ? ["faultin_ret: (kvm_tdp_page_fault+0x97/0xf0 [kvm] <- kvm_faultin_pfn) gfn=0x10003 mmu_seq=0 pfn=0x7ff0000000000000 hva=0x0 map_writable=0 ret=-14", HandlerReturn(Gpa, -14), "kvm_userspace_exit: reason error (14)"]
            : [Requested(Gpa, 0x5001), Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), HandlerReturn(Gpa, 5), Entry(0)];
        Story story = refused ? Start().Maps(0, s_memory, Gpa + 0x1000, 0x5002) : new Story("6.12.95").On(100, Memfd(Region(s_memory)), RegionReturn);
        ReplayedCapture replayed = Replay(story.On(100, [PageFault(0, Gpa, Write), Handler(0, Gpa, Write), .. refused ? (string[])[Memfd(Faultin(s_memory, Gpa))] : [], .. end]));
        Assert.Empty(replayed.Result("fidelity_misses"));
        Assert.Equal("1", replayed.Result("fidelity").Single(row => row["quantity"] == "outcome")["unknown"]);
    }

    public void Dispose() => File.Delete(_text);

    private static Story Start() => new Story("6.12.95").SetRegion(s_memory);

    private static string Memfd(string e) => e.Replace("flags=0x0", "flags=0x4", StringComparison.Ordinal);

    private static Story Nested(ulong code, string leaf, params string[] walk) => Start().On(
        100,
        [
            VmEnter, Left, PageFault(0, Gpa, code), .. walk, Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, code == Write), LookupReturn(s_memory, Gpa, 0x5001, code == Write),
            FaultinReturn(s_memory, Gpa, 0x5001, 0), Requested(Gpa, 0x5001), SetSpte(Gpa, leaf), Put("6.12", 0x5001), Entry(0),
        ]);

    private static (string? Kind, string? Outcome) Fault(ReplayedCapture replayed)
    {
        Dictionary<string, string?> row = Assert.Single(replayed.Result("faults"));
        return (row["kind"], row["observed_outcome"]);
    }

    private static string?[] Matched(ReplayedCapture replayed, params string[] quantities) =>
        [.. quantities.Select(quantity => replayed.Result("fidelity").Single(row => row["quantity"] == quantity)["matched"])];

    private ReplayedCapture Replay(Story story)
    {
        File.WriteAllText(_text, story.Text + $"# {Guid.NewGuid():N}\n");
        return ReplayedCapture.With(_text, new ReplayOptions { Kernel = story.Kernel });
    }
}
