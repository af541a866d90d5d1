using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Timeline.Host;

/// <summary>With which record a change of the VMM's mappings counts (spec 8.3, 9.6, K3).</summary>
public class HostTrackerTests
{
    private const ulong Page = 4096;
    private const int Vmm = 101;
    private const string Mprotect = "sys_mprotect(start: 7f0000000000, len: 1000, prot: 1)";
    private const string MprotectExit = "sys_mprotect -> 0x0";
    private const string Munmap = "sys_munmap(addr: 7f0000000000, len: 1000)";
    private const string MunmapExit = "sys_munmap -> 0x0";

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 0x20_0000, 0x7f00_0000_0000);
    private static readonly OperationKind[] s_mappings = [OperationKind.VmaMap, OperationKind.VmaMapKind, OperationKind.VmaProtect, OperationKind.VmaUnmap];

    private static string[] Window(int kind) =>
        [.. WindowBegin(s_memory.Hva, Page, kind), WindowBegun, WindowEnd(s_memory.Hva, Page, kind), InvalidateEnd(s_memory, s_memory.Gpa, Page, 0)];

    public static TheoryData<string[], string[]> Calls() => new()
    {
        // mmap_lock is held for writing until the end: a lookup before the first window still sees the old leaf.
        { [Mprotect, .. Window(kind: 2), MprotectExit], ["VmaProtect at kvm_unmap_hva_range"] },
        { [Mprotect, MprotectExit], ["VmaProtect at sys_mprotect_exit"] },
        { [Munmap, .. Window(kind: 0), MunmapExit], ["VmaMapKind at kvm_unmap_hva_range"] },
        { [Munmap, MunmapExit], ["VmaMapKind at sys_munmap_exit"] },

        // Where the call's end is not recorded, what the task does next shows it.
        { [Mprotect, "sys_madvise(start: 7f0000000000, len_in: 1000, behavior: 4)"], ["VmaProtect at sys_madvise"] },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_change_counts_from_the_calls_first_window_or_its_end(string[] call, string[] changes)
    {
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory, Vmm).On(Vmm, call));
        Assert.Equal(changes, played.At(s_mappings));
    }

    [Fact]
    public void Mprotect_says_what_it_permits_and_munmap_that_nothing_is_there()
    {
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory, Vmm).On(Vmm, Mprotect, MprotectExit, Munmap, MunmapExit));
        Operation[] changes = [.. played.Of(s_mappings)];
        Assert.Equal((s_memory.Hva, s_memory.Hva + Page, (ulong)VmaFlags.Read), (changes[0].A, changes[0].B, changes[0].C));
        Assert.Equal((s_memory.Hva, s_memory.Hva + Page, (ulong)PageKind.N), (changes[1].A, changes[1].B, changes[1].D));
    }

    public static TheoryData<string, string, VmaFlags, PageKind> Maps() => new()
    {
        { "flags: 22, fd: ffffffff", "anonymous and private", VmaFlags.Read | VmaFlags.Write, PageKind.A1 },
        { "flags: 21, fd: ffffffff", "anonymous and shared", VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared, PageKind.A1 },
        { "flags: 2, fd: 5", "a file, private", VmaFlags.Read | VmaFlags.Write, PageKind.F1 },
        { "flags: 1, fd: 5", "a file, shared", VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared, PageKind.F1 },
    };

    [Theory]
    [MemberData(nameof(Maps))]
    public void Mmap_tells_the_kind_of_page_when_it_returns(string flags, string what, VmaFlags expected, PageKind kind)
    {
        Assert.NotEmpty(what);
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory, Vmm).On(Vmm, $"sys_mmap(addr: 0, len: 1234, prot: 3, {flags}, off: 0)", "sys_mmap -> 0x7f2200000000"));
        Operation map = Assert.Single(played.Of(s_mappings));
        Assert.Equal("sys_mmap_exit", played.Record(map.Seq + 1));
        Assert.Equal((0x7f22_0000_0000UL, 0x7f22_0000_2000UL, (ulong)expected, (ulong)kind), (map.A, map.B, map.C, map.D));
    }

    [Fact]
    public void A_call_that_failed_maps_nothing()
    {
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory, Vmm).On(Vmm, "sys_mmap(addr: 0, len: 1234, prot: 3, flags: 22, fd: ffffffff, off: 0)", "sys_mmap -> 0xfffffffffffffff4"));
        Assert.Empty(played.Of(s_mappings));
    }

    /// <summary>A VMM maps its memory before it makes the VM: what it mapped is the VM's once the task shows which one it works for.</summary>
    [Fact]
    public void What_was_mapped_before_the_VM_is_known_is_kept_for_it()
    {
        Played played = Played.Of(new Story("6.12.95").On(Vmm, "sys_mmap(addr: 0, len: 200000, prot: 3, flags: 22, fd: ffffffff, off: 0)", "sys_mmap -> 0x7f0000000000").SetRegion(s_memory, Vmm));
        Operation map = Assert.Single(played.Of(s_mappings));
        Assert.Equal((s_memory.Hva, (ulong)PageKind.A1), (map.A, map.D));
    }

    [Fact]
    public void The_drivers_insertion_tells_page_and_mapping()
    {
        const string Insert = "insert_pfn: (vmf_insert_pfn_prot+0x0/0xd0) vma_start=0x7f0000000000 vma_end=0x7f0000100000 vm_flags=0xc0444fb addr=0x7f0000001000 pfn=0x7001";
        const string Returns = "insert_pfn_ret: (ttm_bo_vm_fault_reserved+0x1b0/0x3b0 [ttm] <- vmf_insert_pfn_prot) ret=0x100";
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory, Vmm).On(Vmm, Insert, Returns, Insert, Returns.Replace("0x100", "0x2", StringComparison.Ordinal)));
        Operation pte = Assert.Single(played.Of(OperationKind.PteKnown));
        Assert.Equal((s_memory.Hva + Page, 0x7001UL), (pte.A, new HostPte(pte.B).Pfn));
        Assert.Equal("insert_pfn_ret 1", played.Record(pte.Seq + 1));
        Operation vma = Assert.Single(played.Of(OperationKind.VmaMap));
        Assert.Equal((s_memory.Hva, s_memory.Hva + 0x10_0000), (vma.A, vma.B));
    }
}
