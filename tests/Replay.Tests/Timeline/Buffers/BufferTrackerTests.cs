using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Tests.Judging;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Timeline.Buffers;

/// <summary>Blocks of pages, and where TTM's buffers lie (spec 8.4).</summary>
public class BufferTrackerTests
{
    private const ulong Bo = 0xffff_8881_0099_a800;
    private const string Move = "ttm_move: (ttm_bo_handle_move_mem+0x0/0x200 [ttm]) bo=0xffff88810099a800 new_type=0x0 old_type=0x2 size=0x800000 evict=1";
    private const string Moved = "ttm_move_ret: (ttm_bo_evict+0x1b0/0x3b0 [ttm] <- ttm_bo_handle_move_mem) ret=0";

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 0x20_0000, 0x7f00_0000_0000);

    [Fact]
    public void Blocks_come_and_go_as_recorded()
    {
        Played played = Played.Of(new Story("6.12.95").On(
            100,
            "mm_page_alloc: page=0000000012345678 pfn=0x7000 order=4 migratetype=0 gfp_flags=GFP_HIGHUSER|__GFP_NOWARN",
            "mm_page_free: page=0000000012345678 pfn=0x7000 order=4"));
        Assert.Equal(
            [(OperationKind.PageAlloc, 0x7000UL, 4UL), (OperationKind.PageFree, 0x7000UL, 4UL)],
            played.Of(OperationKind.PageAlloc, OperationKind.PageFree).Select(op => (op.Kind, op.A, op.B)));
        Assert.Empty(played.Of(OperationKind.NoBlockOrders));
    }

    [Fact]
    public void A_trace_without_allocations_says_so_first() =>
        Assert.Equal(OperationKind.NoBlockOrders, Played.Of(new Story("6.12.95").SetRegion(s_memory)).Operations[0].Kind);

    [Theory]
    [InlineData("ret=0", 1)]
    [InlineData("ret=-12", 0)]
    public void A_buffer_has_moved_when_the_call_returns_without_an_error(string result, int placed)
    {
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory).On(101, Move, Moved.Replace("ret=0", result, StringComparison.Ordinal)));
        Assert.Equal(Enumerable.Repeat((Bo, 0UL), placed), played.Of(OperationKind.BoPlace).Select(op => (op.A, op.B)));
        Assert.Equal((Bo, 2UL, true), (played.Moves[0].Bo, played.Moves[0].OldType, played.Moves[0].Evict));
    }

    [Fact]
    public void The_windows_that_it_opens_are_the_moves()
    {
        string[] window = [.. WindowBegin(s_memory.Hva, 4096), WindowBegun, WindowEnd(s_memory.Hva, 4096), InvalidateEnd(s_memory, s_memory.Gpa, 4096, 0)];
        Played played = Played.Of(new Story("6.12.95").SetRegion(s_memory).On(101, [Move, .. window, Moved]).On(103, window));
        Assert.Same(played.Windows[0], Assert.Single(Assert.Single(played.Moves).Windows));
        Assert.Equal(["ttm_bo_handle_move_mem", null], played.Windows.Select(w => w.Cause));
    }
}
