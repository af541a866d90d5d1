using TraceReplay.Replay.Timeline;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline;

public class EventCatalogTests
{
    [Theory]
    [InlineData("set_region", EventKind.SetRegion, false)]
    [InlineData("set_region_ret", EventKind.SetRegionRet, true)]
    [InlineData("tdp_fault", EventKind.TdpFault, false)]
    [InlineData("tdp_fault_ret", EventKind.TdpFaultRet, true)]
    [InlineData("faultin", EventKind.Faultin, false)]
    [InlineData("faultin_ret", EventKind.FaultinRet, true)]
    [InlineData("hva_to_pfn", EventKind.HvaToPfn, false)]
    [InlineData("hva_to_pfn_ret", EventKind.HvaToPfnRet, true)]
    [InlineData("follow_pfnmap_ret", EventKind.FollowPfnRet, true)]
    [InlineData("follow_pte_ret", EventKind.FollowPfnRet, true)]
    [InlineData("fixup_user_fault_ret", EventKind.FixupUserFaultRet, true)]
    [InlineData("insert_pfn", EventKind.InsertPfn, false)]
    [InlineData("insert_pfn_ret", EventKind.InsertPfnRet, true)]
    [InlineData("remap_pfn", EventKind.RemapPfn, false)]
    [InlineData("ttm_fault", EventKind.TtmFault, false)]
    [InlineData("ttm_fault_ret", EventKind.TtmFaultRet, true)]
    [InlineData("ttm_move", EventKind.TtmMove, false)]
    [InlineData("ttm_move_ret", EventKind.TtmMoveRet, true)]
    [InlineData("kvm_mn_start", EventKind.NotifierStart, false)]
    [InlineData("kvm_mn_start_ret", EventKind.NotifierStartRet, true)]
    [InlineData("kvm_mn_end", EventKind.NotifierEnd, false)]
    [InlineData("kvm_inv_begin", EventKind.InvalidateBegin, false)]
    [InlineData("kvm_inv_end", EventKind.InvalidateEnd, false)]
    [InlineData("release_pfn", EventKind.Release, false)]
    [InlineData("release_page_dirty", EventKind.Release, false)]
    public void A_printed_definition_is_what_its_name_says(string probe, EventKind kind, bool isReturn)
    {
        string function = Assert.IsType<string>(EventCatalog.FunctionByDefinition(probe));
        Assert.Contains(EventCatalog.All, source => source.Kind == kind && source.IsReturn == isReturn && source.Functions.Contains(function));
    }

    [Fact]
    public void A_probe_that_somebody_named_otherwise_is_not_guessed() => Assert.Null(EventCatalog.FunctionByDefinition("my_probe"));
}
