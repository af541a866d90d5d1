using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Timeline.Slots;

/// <summary>The steps of a memslot call (spec 4.7, K5, K13): with which record each is certain.</summary>
public class MemslotTrackerTests
{
    private const int Vmm = 101;

    private static readonly OperationKind[] s_steps = [OperationKind.SlotPut, OperationKind.SlotInvalidate, OperationKind.SlotRemove, OperationKind.ZapAll];
    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 0x20_0000, 0x7f00_0000_0000);
    private static readonly StorySlot s_moved = s_memory with { Gpa = 0x3000_0000 };

    private static readonly string s_fail = RegionReturn.Replace("ret=0", "ret=-17", StringComparison.Ordinal);
    private static readonly string s_loggingCall = Region(s_memory).Replace("flags=0x0", "flags=0x1", StringComparison.Ordinal);

    public static TheoryData<string, string[], string[]> Calls() => new()
    {
        { "creates", [], [] },
        { "switches dirty logging on: active before the write protection", [s_loggingCall, RegionReturn], ["SlotPut at set_region 2"] },
        { "deletes", [Region(s_memory, delete: true), ZapAllFast, RegionReturn], ["SlotInvalidate at kvm_mmu_zap_all_fast", "ZapAll at kvm_mmu_zap_all_fast", "SlotRemove at set_region_ret 2"] },
        { "moves", [Region(s_moved), ZapAllFast, RegionReturn], ["SlotInvalidate at kvm_mmu_zap_all_fast", "ZapAll at kvm_mmu_zap_all_fast", "SlotPut at set_region_ret 2"] },
        { "fails before anything is done", [Region(s_moved), s_fail], [] },
        { "fails when the old one is INVALID already: it is put back", [Region(s_moved), ZapAllFast, s_fail], ["SlotInvalidate at kvm_mmu_zap_all_fast", "ZapAll at kvm_mmu_zap_all_fast", "SlotPut at set_region_ret 2"] },
        { "asks for what is there", [Region(s_memory with { Id = 2, Gpa = 0x2000_0000 }), RegionReturn], ["SlotPut at set_region_ret 2"] },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_call(string does, string[] call, string[] steps)
    {
        Assert.NotEmpty(does);

        // Somewhere the capture records kvm_mmu_zap_all_fast, whether this call comes to it or not.
        Story story = new Story("6.12.95").SetRegion(s_memory).On(Vmm, call).On(Vmm, "kvm_fpu: load");
        Played played = Played.Of(call.Contains(ZapAllFast) ? story : story.On(Vmm, ZapAllFast));
        Assert.Equal(["SlotPut at set_region_ret" + (call.Length > 0 ? " 1" : ""), .. steps, .. call.Contains(ZapAllFast) ? (string[])[] : ["ZapAll at kvm_mmu_zap_all_fast"]], played.At(s_steps));
    }

    [Fact]
    public void Where_nothing_records_the_roots_they_go_with_the_call()
    {
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory).On(Vmm, Region(s_memory, delete: true), RegionReturn));
        Assert.Equal(["SlotPut at set_region_ret 1", "SlotInvalidate at set_region 2", "SlotRemove at set_region_ret 2"], played.At(s_steps));
        Assert.Equal(0UL, played.Of(OperationKind.SlotInvalidate).Single().C);
    }

    /// <summary>A fault's own lookup reads the memslots that are active then: the call has come as far as that.</summary>
    [Fact]
    public void A_fault_that_finds_the_new_memslot_shows_it_active_before_the_call_returns()
    {
        Played played = Played.Of(new Story("7.3.4").SetRegion(s_memory).On(Vmm, Region(s_moved), ZapAllFast).Maps(0, s_moved, s_moved.Gpa, 0x5000).On(Vmm, RegionReturn));
        Assert.Equal(["SlotPut at set_region_ret 1", "SlotInvalidate at kvm_mmu_zap_all_fast", "ZapAll at kvm_mmu_zap_all_fast", "SlotPut at faultin"], played.At(s_steps));
    }

    [Fact]
    public void A_fault_that_finds_none_where_the_old_one_was_shows_it_gone()
    {
        Played played = Played.Of(new Story("7.3.4").SetRegion(s_memory).On(Vmm, Region(s_memory, delete: true), ZapAllFast).Emulates(0, s_memory.Gpa, generation: 4).On(Vmm, RegionReturn));
        Assert.Equal(["SlotPut at set_region_ret 1", "SlotInvalidate at kvm_mmu_zap_all_fast", "ZapAll at kvm_mmu_zap_all_fast", "SlotRemove at faultin"], played.At(s_steps));
    }

    [Fact]
    public void A_fault_that_finds_it_INVALID_shows_that_it_is()
    {
        string seen = Faultin(s_memory, 0x1000_1000).Replace("slot_flags=0x0", "slot_flags=0x10000", StringComparison.Ordinal);
        Played played = Played.Of(new Story("7.3.4").SetRegion(s_memory)
            .On(Vmm, Region(s_memory, delete: true))
            .On(100, PageFault(0, 0x1000_1000, 6), Handler(0, 0x1000_1000, 6), seen, HandlerReturn(0x1000_1000, 1), Entry(0))
            .On(Vmm, ZapAllFast, RegionReturn));
        Assert.Equal(["SlotPut at set_region_ret 1", "SlotInvalidate at faultin", "ZapAll at kvm_mmu_zap_all_fast", "SlotRemove at set_region_ret 2"], played.At(s_steps));
        Assert.Equal(1UL, played.Of(OperationKind.SlotInvalidate).Single().C);
    }

    /// <summary>Other memslots work on in the old roots while the call is under way: a fault on them shows nothing of it.</summary>
    [Fact]
    public void A_fault_on_another_memslot_shows_nothing()
    {
        StorySlot other = new(2, 0x2000_0000, 0x20_0000, 0x7f10_0000_0000);
        Played played = Played.Of(new Story("7.3.4").SetRegion(s_memory).SetRegion(other)
            .On(Vmm, Region(s_memory, delete: true))
            .Maps(0, other, other.Gpa, 0x5000)
            .On(Vmm, ZapAllFast, RegionReturn));
        Assert.Equal(["SlotPut at set_region_ret 1", "SlotPut at set_region_ret 2", "SlotInvalidate at kvm_mmu_zap_all_fast", "ZapAll at kvm_mmu_zap_all_fast", "SlotRemove at set_region_ret 3"], played.At(s_steps));
    }

    /// <summary>While the call is under way and nothing shows how far, a fault in the memslot that goes may find it INVALID.</summary>
    [Theory]
    [InlineData(true, SlotFact.Recorded)]
    [InlineData(false, SlotFact.MayBeInvalid)]
    public void Without_the_lookups_probe_a_fault_under_way_may_find_it_INVALID(bool lookupRecorded, SlotFact fact)
    {
        string[] fault = [PageFault(0, 0x1000_1000, 6), Handler(0, 0x1000_1000, 6), .. lookupRecorded ? (string[])[Faultin(s_memory, 0x1000_1000)] : [], HandlerReturn(0x1000_1000, 1), Entry(0)];
        Played played = Played.Of(new Story("7.3.4").SetRegion(s_memory).On(Vmm, Region(s_memory, delete: true)).On(100, fault).On(Vmm, ZapAllFast, RegionReturn));
        Assert.Equal(fact, new BeginFacts(played.Of(OperationKind.FaultBegin).Single().C).Slot);
    }

    /// <summary>A memslot older than the trace is learned from the fault that finds it.</summary>
    [Fact]
    public void A_memslot_that_only_a_fault_shows_is_learned()
    {
        Played played = Played.Of(new Story("7.3.4").Maps(0, s_memory, s_memory.Gpa, 0x5000).Maps(0, s_memory, s_memory.Gpa + 0x1000, 0x5001));
        Assert.Equal(["SlotPut at faultin 1"], played.At(s_steps));
        Assert.Equal(1, played.Counts.SlotsFromFaults);
    }
}
