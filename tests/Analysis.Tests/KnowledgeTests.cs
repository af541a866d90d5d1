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

    [Fact]
    public void Without_faults_nothing_else_is_worth_recording() =>
        Assert.Equal("kvm:kvm_page_fault", Assert.Single(CoverageAdvice.For(Capture("6.12"))).Source.Name);

    /// <summary>A capture of kvm, kvmmmu, kmem and syscalls: 100 faults, of which 60 mapped a page, 30 windows.</summary>
    [Theory]
    [InlineData("6.12.95+deb12-amd64", new[] { "__kvm_set_memory_region 100", "kvm_tdp_page_fault 40", "hva_to_pfn 40", "follow_pfnmap_start 40", "kvm_mmu_notifier_invalidate_range_end 30" })]
    [InlineData("7.2.12+deb13-amd64", new[] { "kvm_set_memory_region 100", "kvm_tdp_page_fault 40", "hva_to_pfn 40", "follow_pfnmap_start 40", "kvm_mmu_notifier_invalidate_range_end 30" })]
    [InlineData("6.1.0-56-amd64", new[] { "__kvm_set_memory_region 100", "kvm_tdp_page_fault 40", "hva_to_pfn 40", "follow_pte 40", "kvm_mmu_notifier_invalidate_range_end 30" })]
    public void The_records_that_concern_most_faults_come_first(string kernel, string[] gains) =>
        Assert.Equal(gains, Gains(Usual(kernel)));

    [Fact]
    public void What_is_recorded_already_is_not_advised()
    {
        CaptureContents capture = Usual("6.12") with
        {
            Probes = [new("p:faultin", "kvm_faultin_pfn", IsReturn: false), new("p:hva_to_pfn_ret", "hva_to_pfn", IsReturn: true), new("p:tdp_fault_ret", "kvm_tdp_page_fault", IsReturn: true)],
        };
        Assert.Equal(["follow_pfnmap_start 40", "kvm_mmu_notifier_invalidate_range_end 30", "kvm_faultin_pfn 30"], Gains(capture));
    }

    [Fact]
    public void Without_windows_their_ends_are_no_matter_and_without_refused_pages_neither_are_lookups()
    {
        CaptureContents capture = Usual("6.12");
        Dictionary<string, long> events = new(capture.Events) { ["kvmmmu:kvm_mmu_set_spte"] = 120 };
        events.Remove("kvm:kvm_unmap_hva_range");
        Assert.Equal(["__kvm_set_memory_region 100", "kvm:kvm_unmap_hva_range 100"], Gains(capture with { Events = events }));
    }

    [Fact]
    public void A_kernel_without_an_event_is_not_advised_to_record_it()
    {
        CaptureContents capture = Usual("5.10.0-46-amd64");
        Dictionary<string, long> events = new(capture.Events);
        events.Remove("kvm:kvm_unmap_hva_range");
        Assert.Contains("kvm_mmu_notifier_invalidate_range_start 100", Gains(capture with { Events = events }));
    }

    // Without it, all but one of the 14,337 faults of a TTM capture of 6.1 have no verdict.
    [Fact]
    public void On_6_1_the_driver_s_insertion_shows_what_a_followed_lookup_does_not()
    {
        CaptureContents capture = Usual("6.1.0-56-amd64");
        capture = capture with
        {
            Events = new Dictionary<string, long>(capture.Events) { ["p:follow_pte"] = 70 },
            Probes = [new("p:follow_pte", "follow_pte", IsReturn: false), new("p:set_region", "__kvm_set_memory_region", IsReturn: false)],
        };
        Assert.Equal("vmf_insert_pfn_prot 70", Gains(capture).First());
    }

    /// <summary>A capture of kvm, kmem and syscalls on arm64, where no kernel has kvmmmu: 100 faults, 30 windows.</summary>
    [Theory]
    [InlineData("6.1.0-50-arm64", new[] { "__kvm_set_memory_region 100", "kvm_pgtable_stage2_map 100", "kvm_handle_guest_abort 100", "hva_to_pfn 100", "follow_pte 100" })]
    [InlineData("6.12.95+deb12-arm64", new[] { "kvm_set_memory_region 100", "kvm_pgtable_stage2_map 100", "kvm_handle_guest_abort 100", "hva_to_pfn 100", "follow_pfnmap_start 100" })]
    [InlineData("7.2.13+deb14-arm64", new[] { "kvm_set_memory_region 100", "kvm_pgtable_stage2_map 100", "kvm_handle_guest_abort 100", "hva_to_pfn 100", "follow_pfnmap_start 100" })]
    public void On_arm64_its_own_records_are_advised(string kernel, string[] gains) => Assert.Equal(gains, Gains(UsualArm64(kernel)));

    [Fact]
    public void Faults_that_a_probe_shows_mapped_need_no_other_record_on_arm64()
    {
        CaptureContents capture = UsualArm64("6.12.95+deb12-arm64");
        capture = capture with
        {
            Events = new Dictionary<string, long>(capture.Events) { ["p:map"] = 60 },
            Probes = [new("p:map", "kvm_pgtable_stage2_map", IsReturn: false), new("p:map_ret", "kvm_pgtable_stage2_map", IsReturn: true), new("p:set_region", "kvm_set_memory_region", IsReturn: false)],
        };
        Assert.Equal(["kvm_handle_guest_abort 40", "hva_to_pfn 40", "follow_pfnmap_start 40", "kvm_mmu_notifier_invalidate_range_end 30"], Gains(capture));
    }

    /// <summary>kvmmmu, kvm_page_fault, TDP: no arm64 kernel has them; kvm_mmu_invalidate_end is inlined on 6.1.</summary>
    [Theory]
    [InlineData("6.1.0-50-arm64")]
    [InlineData("6.12.95+deb12-arm64")]
    [InlineData("7.2.13+deb14-arm64")]
    [InlineData(null)]
    public void Nothing_of_x86_is_named_for_arm64(string? kernel)
    {
        CaptureContents capture = UsualArm64(kernel);
        Assert.Equal(Machine.Arm64, capture.Machine);
        foreach (CaptureContents contents in (CaptureContents[])[capture, Capture(kernel) with { Machine = Machine.Arm64 }])
        {
            string[] said = [.. ReplayKnowledge.Assess(contents).Select(f => $"{f.Fact} {f.From} {f.ToKnow}"), .. CoverageAdvice.For(contents).Select(g => g.Source.Advice)];
            Assert.All(said, text => Assert.DoesNotMatch("kvmmmu|page_fault|tdp|nested_vm|SPTE|NPT|EPT|faultin_pfn (?!from)|direct_page", text.Replace("__kvm_faultin_pfn", "", StringComparison.Ordinal)));
            Assert.True(kernel?.StartsWith("6.1.", StringComparison.Ordinal) != true || !said.Any(text => text.Contains("kvm_mmu_invalidate_end", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Without_probes_arm64_infers_from_the_other_aborts()
    {
        CaptureContents capture = UsualArm64("6.12.95+deb12-arm64");
        Assert.Equal((Certainty.Inferred, "kvm:kvm_entry", "probe on kvm_set_memory_region"), Of(Fact(capture, "memslots")));
        Assert.Equal((Certainty.Inferred, "kvm:kvm_entry", "return probe on kvm_pgtable_stage2_map"), Of(Fact(capture, "mapped, or")));
        Assert.Equal(Certainty.Assumed, Fact(capture, "stage-2 leaves").Certainty);
        Assert.Equal((Certainty.Assumed, "return probe on kvm_set_memory_region"), (Fact(capture, "S2FWB").Certainty, Fact(capture, "S2FWB").ToKnow));
        Assert.Equal("kvm:kvm_guest_fault", Assert.Single(CoverageAdvice.For(capture with { Events = new Dictionary<string, long>() })).Source.Name);
    }

    private static (Certainty Certainty, string From, string ToKnow) Of(KnownFact fact) => (fact.Certainty, fact.From, fact.ToKnow);

    private static CaptureContents UsualArm64(string? kernel) => new(kernel, Clock: null, Lost: 0, new Dictionary<string, long>
    {
        ["kvm:kvm_guest_fault"] = 100,
        ["kvm:kvm_entry"] = 500,
        ["kvm:kvm_exit"] = 500,
        ["kvm:kvm_userspace_exit"] = 20,
        ["kvm:kvm_unmap_hva_range"] = 30,
        ["kmem:mm_page_alloc"] = 9,
        ["syscalls:sys_enter_mmap"] = 5,
    }, []);

    private static IEnumerable<string> Gains(CaptureContents capture) =>
        CoverageAdvice.For(capture).Select(gain => FormattableString.Invariant($"{gain.Source.Name} {gain.Faults}"));

    private static CaptureContents Usual(string kernel) => Capture(kernel) with
    {
        Events = new Dictionary<string, long>
        {
            ["kvm:kvm_page_fault"] = 100,
            ["kvm:kvm_entry"] = 500,
            ["kvm:kvm_unmap_hva_range"] = 30,
            ["kvmmmu:kvm_mmu_set_spte"] = 60,
            ["kvmmmu:fast_page_fault"] = 1,
            ["kmem:mm_page_alloc"] = 9,
            ["syscalls:sys_enter_mmap"] = 5,
        },
    };

    private static KnownFact Fact(CaptureContents capture, string begin) =>
        ReplayKnowledge.Assess(capture).Single(f => f.Fact.StartsWith(begin, StringComparison.Ordinal));

    private static CaptureContents Capture(string? kernel, string[]? events = null, ProbeSite[]? probes = null) =>
        new(kernel, Clock: null, Lost: 0, (events ?? []).ToDictionary(e => e, _ => 1L), probes ?? []);
}
