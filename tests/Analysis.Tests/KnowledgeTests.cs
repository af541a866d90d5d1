using TraceReplay.Analysis.Knowledge;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class KnowledgeTests
{
    [Fact]
    public void Nothing_recorded_means_that_everything_is_assumed_and_says_what_to_record()
    {
        IReadOnlyList<KnownFact> facts = ReplayKnowledge.Assess(Capture(null));
        Assert.All(facts.Where(f => !f.Fact.StartsWith("lost", StringComparison.Ordinal)), f =>
        {
            Assert.Equal(Certainty.Assumed, f.Certainty);
            Assert.NotEmpty(f.ToKnow);
        });
    }

    [Theory]
    [InlineData("6.12.95+deb12-amd64", "__kvm_set_memory_region")]
    [InlineData("7.2.12+deb13-amd64", "kvm_set_memory_region")]
    public void Memslots_need_the_probe_that_the_kernel_has(string kernel, string function)
    {
        Assert.Equal($"probe on {function}", Fact(Capture(kernel), "memslots").ToKnow);
        KnownFact known = Fact(Capture(kernel, probes: [new("kvmrep:set_region", function, IsReturn: false)]), "memslots");
        Assert.Equal((Certainty.Known, $"kvmrep:set_region on {function}", ""), (known.Certainty, known.From, known.ToKnow));
    }

    [Fact]
    public void A_probe_on_entry_does_not_tell_what_the_function_returned()
    {
        ProbeSite entry = new("kvmrep:hva_to_pfn", "hva_to_pfn", IsReturn: false);
        Assert.Equal(Certainty.Assumed, Fact(Capture("6.12", probes: [entry]), "what the lookup").Certainty);
        Assert.Equal(Certainty.Known, Fact(Capture("6.12", probes: [entry with { IsReturn = true }]), "what the lookup").Certainty);
    }

    [Fact]
    public void What_follows_from_other_events_is_inferred()
    {
        KnownFact outcome = Fact(Capture("6.12", events: ["kvmmmu:kvm_mmu_set_spte"]), "outcome");
        Assert.Equal((Certainty.Inferred, "kvmmmu:kvm_mmu_set_spte", "return probe on kvm_tdp_page_fault"), (outcome.Certainty, outcome.From, outcome.ToKnow));
    }

    // 6.1 has not yet set fault->mmu_seq where kvm_faultin_pfn returns; later kernels have.
    [Theory]
    [InlineData("6.1.0-56-amd64", Certainty.Assumed)]
    [InlineData("6.12.95+deb12-amd64", Certainty.Known)]
    public void The_sequence_count_is_read_only_where_the_kernel_has_set_it(string kernel, Certainty expected) =>
        Assert.Equal(expected, Fact(Capture(kernel, probes: [new("kvmrep:faultin_ret", "kvm_faultin_pfn", IsReturn: true)]), "mmu_invalidate_seq").Certainty);

    [Theory]
    [InlineData("local", Certainty.Inferred)]
    [InlineData("mono", Certainty.Known)]
    [InlineData(null, Certainty.Assumed)]
    public void Order_between_CPUs_hangs_on_the_clock(string? clock, Certainty expected) =>
        Assert.Equal(expected, Fact(Capture("6.12") with { Clock = clock }, "order between").Certainty);

    [Fact]
    public void An_event_that_is_described_but_never_recorded_tells_nothing()
    {
        CaptureContents described = Capture("6.12") with { Events = new Dictionary<string, long> { ["kvm:kvm_page_fault"] = 0 } };
        Assert.Equal(Certainty.Assumed, Fact(described, "faults:").Certainty);
    }

    private static KnownFact Fact(CaptureContents capture, string begin) =>
        ReplayKnowledge.Assess(capture).Single(f => f.Fact.StartsWith(begin, StringComparison.Ordinal));

    private static CaptureContents Capture(string? kernel, string[]? events = null, ProbeSite[]? probes = null) =>
        new(kernel, Clock: null, Lost: 0, (events ?? []).ToDictionary(e => e, _ => 1L), probes ?? []);
}
