using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Tests.Judging;
using TraceReplay.Replay.Timeline;
using Xunit;
using static TraceReplay.Replay.Tests.Judging.Story;

namespace TraceReplay.Replay.Tests.Timeline.X86;

/// <summary>One fault per vCPU thread (spec 15.1): where it begins and ends, and in which order the models are told of several.</summary>
public class FaultTrackerTests
{
    private const ulong Gpa = 0x1000_1000;
    private const ulong Write = 0x100000006;

    private static readonly StorySlot s_memory = new(1, 0x1000_0000, 0x20_0000, 0x7f00_0000_0000);
    private static readonly OperationKind[] s_steps = [OperationKind.FaultBegin, OperationKind.FaultLookup, OperationKind.FaultMap];

    private static string[] UpToRequested(int vcpu) =>
    [
        PageFault(vcpu, Gpa, Write), Handler(vcpu, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true), LookupReturn(s_memory, Gpa, 0x5001, write: true),
        FaultinReturn(s_memory, Gpa, 0x5001, seq: 0), Requested(Gpa, 0x5001),
    ];

    private static Story Start(string kernel = "7.3.4") => new Story(kernel).SetRegion(s_memory);

    /// <summary>The snapshot of 6.3 and later lies inside kvm_faultin_pfn, that of 6.1 between the handler's entry and the lookup.</summary>
    [Theory]
    [InlineData("7.3.4", "faultin .. hva_to_pfn")]
    [InlineData("6.1.192", "tdp_fault .. faultin")]
    public void Snapshot_lookup_and_lock_have_their_places(string kernel, string begin)
    {
        Played played = Played.Of(Start(kernel).Maps(0, s_memory, Gpa, 0x5001));
        Assert.Equal(s_steps, played.Of(s_steps).Select(op => op.Kind));
        Assert.Equal([begin, "hva_to_pfn_ret .. faultin_ret", "kvm_mmu_spte_requested"], played.Of(s_steps).Select(played.Between));
        Assert.All(played.Of(s_steps), op => Assert.Equal(0, op.FaultId));
    }

    [Fact]
    public void What_it_left_by_its_own_record_follows_it()
    {
        Played played = Played.Of(Start().Maps(0, s_memory, Gpa, 0x5001));
        Operation record = Assert.Single(played.Of(OperationKind.LeafRecorded));
        Assert.Equal((Gpa >> 12, 0x5001e67UL, 1UL), (record.A, record.B, record.D));
    }

    /// <summary>K1: queued it is ASYNC. The handler's second entry without kvm_page_fault is the completion: a call, and no guest's fault.</summary>
    [Fact]
    public void The_completion_of_an_async_page_fault_is_a_call_of_its_own()
    {
        Played played = Played.Of(Start("6.12.95").On(
            100,
            PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa),
            "kvm_try_async_get_page: gva 0x10001000 gfn 0x10001", "kvm_async_pf_not_present: token 0x1 gva 0x10001000",
            HandlerReturn(Gpa, 1),
            Handler(0, Gpa, Write), Faultin(s_memory, Gpa), Lookup(s_memory, Gpa, write: true), LookupReturn(s_memory, Gpa, 0x5001, write: true),
            FaultinReturn(s_memory, Gpa, 0x5001, 0), Requested(Gpa, 0x5001), Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), HandlerReturn(Gpa, 5),
            "kvm_async_pf_ready: token 0x1 gva 0x10001000", Entry(0)));
        ObservedFault fault = Assert.Single(played.Faults);
        Assert.Equal((FaultOutcome.Async, "tdp_fault 2"), (fault.Outcome, played.Record(fault.EndSeq + 1)));
        Assert.Equal([0, -1], played.Of(OperationKind.FaultMap).Select(op => op.FaultId));
        Assert.Equal(1, played.Counts.PrefetchFaults);
    }

    /// <summary>kvm_try_async_get_page alone says "tried": a full queue goes on to the waiting lookup.</summary>
    [Fact]
    public void Tried_is_not_queued_where_queueing_is_recorded()
    {
        string[] queued = [PageFault(0, Gpa + 0x1000, Write), Handler(0, Gpa + 0x1000, Write), Faultin(s_memory, Gpa + 0x1000), "kvm_async_pf_not_present: token 0x1 gva 0x10002000", HandlerReturn(Gpa + 0x1000, 1), Entry(0)];
        string[] whole = [.. UpToRequested(0), Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), HandlerReturn(Gpa, 5), Entry(0)];
        string[] tried = [.. whole[..3], "kvm_try_async_get_page: gva 0x10001000 gfn 0x10001", .. whole[3..]];
        Assert.Equal([FaultOutcome.Async, FaultOutcome.Fixed], Played.Of(Start("6.12.95").On(100, queued).On(100, tried)).Faults.Select(fault => fault.Outcome));
    }

    /// <summary>K2, K14: of two that hold mmu_lock for reading, one is back before the other's install is recorded: what it found is known then.</summary>
    [Fact]
    public void A_fault_waits_for_the_record_of_the_install_that_it_met()
    {
        Played played = Played.Of(Start()
            .On(100, UpToRequested(0))
            .On(101, [.. UpToRequested(1), HandlerReturn(Gpa, 6), Entry(1)])
            .On(100, Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), HandlerReturn(Gpa, 5), Entry(0)));
        Assert.Equal([0, 1], played.Of(OperationKind.FaultMap).Select(op => op.FaultId));
        Assert.Equal([false, true], played.Of(OperationKind.FaultMap).Select(op => ((MapFacts)op.B).HasFlag(MapFacts.Raced)));
        Assert.Equal([0, 1], played.Faults.Select(fault => fault.FaultId).Order());
    }

    /// <summary>The chain of old values: who starts from what the other left was second, though his record comes first.</summary>
    [Fact]
    public void The_old_value_of_a_record_says_who_was_first()
    {
        const string ReadOnly = "5001e25";
        Played played = Played.Of(Start()
            .On(100, UpToRequested(0))
            .On(101, [.. UpToRequested(1), Changed(Gpa, ReadOnly, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), HandlerReturn(Gpa, 5), Entry(1)])
            .On(100, Changed(Gpa, Empty, ReadOnly), SetSpte(Gpa, ReadOnly), HandlerReturn(Gpa, 5), Entry(0)));
        Assert.Equal([0, 1], played.Of(OperationKind.FaultMap).Select(op => op.FaultId));
        Assert.Equal([0x5001e25UL, 0x5001e67UL], played.Of(OperationKind.LeafRecorded).Select(op => op.B));
    }

    public static TheoryData<string, string[], FaultOutcome, string> Ends() => new()
    {
        { "the handler's return", [HandlerReturn(Gpa, 1), "kvm_userspace_exit: reason error (14)"], FaultOutcome.Retry, "kvm_userspace_exit" },
        { "the next entry", [HandlerReturn(Gpa, 1), Entry(0)], FaultOutcome.Retry, "kvm_entry" },
        { "another fault of the task", [HandlerReturn(Gpa, 1), PageFault(0, Gpa + 0x1000, Write), Entry(0)], FaultOutcome.Retry, "kvm_page_fault 2" },
        { "a system call", [HandlerReturn(Gpa, 1), "sys_madvise(start: 7f0000000000, len_in: 1000, behavior: 4)", Entry(0)], FaultOutcome.Retry, "sys_madvise" },
    };

    /// <summary>K15: it ends at its own end, or at the next event of its task that cannot be inside; what the return says is what counts.</summary>
    [Theory]
    [MemberData(nameof(Ends))]
    public void A_fault_ends_at(string what, string[] end, FaultOutcome outcome, string at)
    {
        Assert.NotEmpty(what);
        Played played = Played.Of(Start("6.12.95").On(100, [PageFault(0, Gpa, Write), Handler(0, Gpa, Write), Faultin(s_memory, Gpa), .. end]));
        Assert.Equal((outcome, at), (played.Faults[0].Outcome, played.Record(played.Faults[0].EndSeq + 1)));
    }

    /// <summary>
    /// Without probes the events that are left tell the outcome (K7): a bare entry behind a request is SPURIOUS on 7.x where a leaf permits
    /// the access; an errno behind a leaf is the next entry's.
    /// </summary>
    [Theory]
    [InlineData("6.12.95", "kvm_entry: vcpu 0, rip 0x1000", FaultOutcome.Fixed)]
    [InlineData("6.12.95", "kvm_userspace_exit: reason restart (4)", FaultOutcome.Fixed)]
    [InlineData("6.12.95", "kvm_userspace_exit: reason error (14)", FaultOutcome.Fixed)]
    public void A_leaf_says_FIXED_whatever_comes_next(string kernel, string next, FaultOutcome outcome)
    {
        Played played = Played.Of(new Story(kernel).On(100, PageFault(0, Gpa, Write), Requested(Gpa, 0x5001), Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), next));
        Assert.Equal(outcome, Assert.Single(played.Faults).Outcome);
    }

    [Theory]
    [InlineData("7.3.4", FaultOutcome.Spurious)]
    [InlineData("6.12.95", FaultOutcome.Retry)]
    public void A_bare_entry_behind_a_request(string kernel, FaultOutcome outcome)
    {
        Played played = Played.Of(new Story(kernel)
            .On(100, PageFault(0, Gpa, Write), Requested(Gpa, 0x5001), Changed(Gpa, Empty, Leaf(0x5001)), SetSpte(Gpa, Leaf(0x5001)), Entry(0))
            .On(101, PageFault(1, Gpa, Write), Requested(Gpa, 0x5001), Entry(1)));
        Assert.Equal(outcome, played.Faults[1].Outcome);
    }

    /// <summary>K5: a vCPU keeps the root of its last kvm_entry.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_root_is_stale_from_the_zap_to_the_next_entry(bool entersBetween, bool stale)
    {
        Story story = Start().Maps(0, s_memory, Gpa, 0x5001).On(101, ZapAllFast);
        Played played = Played.Of((entersBetween ? story.On(100, Entry(0)) : story).Maps(0, s_memory, Gpa, 0x5001));
        Operation begin = played.Of(OperationKind.FaultBegin).Last();
        Assert.Equal((stale, false), (new BeginFacts(begin.C).RootStale, new BeginFacts(begin.C).RootMayBeStale));
    }
}
