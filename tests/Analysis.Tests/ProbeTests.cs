using TraceReplay.Analysis.Knowledge;
using TraceReplay.Analysis.Probes;
using TraceReplay.Replay.Timeline;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class ProbeTests
{
    // What a generation cannot give: 5.10 has neither the fault's structure nor counts of invalidations; 6.1 reads no structures behind a return, and its invalidate_end has arguments instead of
    // counters; on 7.2 the begin of an invalidation was not probed, its
    // notifier is, and what is put back is a struct page.
    private static readonly Dictionary<string, string[]> s_lacks = new()
    {
        ["5.10"] =
        [
            "Faultin", "FaultinRet", "FollowPfnRet:pfn", "FollowPfnRet:writable", "InsertPfn:vm_flags", "InvalidateBegin", "InvalidateEnd",
            "TtmFault", "TtmFaultRet", "TtmMove", "TtmMoveRet",
        ],
        ["6.1"] = ["FaultinRet:mmu_seq", "FaultinRet:pfn", "FaultinRet:map_writable", "FollowPfnRet:pfn", "FollowPfnRet:writable", "InvalidateEnd:seq", "TtmMove:size", "InvalidateEnd:in_progress"],
        ["6.12"] = [],
        ["7.2"] = ["InvalidateBegin", "Release:pfn", "Release:pfn"],

        // What reads a page before the handler knows its slot is one function up to 6.12 and another since; the first has no slot on 7.2,
        // the second no symbol before. Which address a notifier counts, 6.1 keeps to itself.
        ["arm64 6.1"] =
        [
            "FollowPfnRet:pfn", "FollowPfnRet:writable", "GuestAbort:kvm", "GuestAbort:vcpu_id", "InvalidateBegin", "InvalidateEnd",
            "LookupRet:writable", "MapMemoryRet:pfn", "TtmMove:size", "UserMemAbort",
        ],
        ["arm64 6.12"] = ["ChangePte", "InvalidateBegin", "UserMemAbort"],
        ["arm64 7.2"] = ["ChangePte", "GfnToPfn", "InvalidateBegin", "Release:pfn", "Release:pfn"],
    };

    /// <summary>What only the other machine's handler has.</summary>
    private static readonly EventKind[] s_x86 = [EventKind.TdpFault, EventKind.TdpFaultRet, EventKind.Faultin, EventKind.FaultinRet];

    public static TheoryData<string> Generations => [.. ProbeCatalog.All.Select(KeyOf)];

    private static string KeyOf(ProbeGeneration generation) => generation.Machine == Machine.X86 ? generation.Name : $"{Machines.Name(generation.Machine)} {generation.Name}";

    private static ProbeGeneration Generation(string key) => ProbeCatalog.All.Single(g => KeyOf(g) == key);

    private static bool Concerns(Machine machine, EventKind kind) => machine == Machine.Arm64 ? !s_x86.Contains(kind) : kind < EventKind.GuestFault;

    [Theory]
    [MemberData(nameof(Generations))]
    public void Every_probe_that_replay_reads_is_there_with_its_arguments(string name)
    {
        ProbeGeneration generation = Generation(name);
        var lacking = new List<string>();
        foreach (EventSource source in EventCatalog.All.Where(s => s.Event is null && Concerns(generation.Machine, s.Kind)))
        {
            ProbeDefinition? probe = generation.Definitions.FirstOrDefault(d => source.Functions.Contains(d.Function) && d.IsReturn == source.IsReturn);
            if (probe is null)
            {
                // Which of several functions a kernel has differs (kvm_release_*): one of them will do.
                bool another = EventCatalog.All.Any(s => s.Kind == source.Kind && generation.Definitions.Any(d => s.Functions.Contains(d.Function) && d.IsReturn == s.IsReturn));
                if (!another)
                {
                    lacking.Add($"{source.Kind}");
                }

                continue;
            }

            // The dataset has a column seq of its own, so that argument is called field_seq there.
            lacking.AddRange(source.Columns.Select(c => c.Replace("field_", "", StringComparison.Ordinal))
                .Where(c => !c.Split('|').Any(probe.Arguments.Contains))
                .Select(c => $"{source.Kind}:{c}"));
        }

        Assert.Equal(s_lacks[name].Order(), lacking.Order());
    }

    [Theory]
    [MemberData(nameof(Generations))]
    public void Names_are_unique_and_only_the_oldest_generations_read_offsets(string name)
    {
        ProbeGeneration generation = Generation(name);
        Assert.Equal(generation.Definitions.Count, generation.Definitions.Select(d => d.Name).Distinct().Count());
        Assert.Equal(generation.ByOffset, generation.Definitions.Any(d => d.Text.Split('=').Any(a => a[0] == '+' && !a.StartsWith("+0(", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("5.4.0-150-generic", "5.10", "no kernel of the series 5.4")]
    [InlineData("5.10.0-30-amd64", "5.10", "another build")]
    [InlineData("5.15.0-119-generic", "5.10", "offsets")]
    [InlineData("5.19.0-50-generic", "6.1", "offsets")]
    [InlineData("6.1.0-56-amd64", "6.1", null)]
    [InlineData("6.1.0-9-amd64", "6.1", "another build")]
    [InlineData("6.5.0", "6.1", "no kernel of the series 6.5")]
    [InlineData("6.6.30", "6.12", "return probes")]
    [InlineData("6.10.2", "6.12", "follow_pte")]
    [InlineData("6.12.95+deb12-amd64", "6.12", null)]
    [InlineData("6.13.0-rc1", "7.2", "no kernel of the series 6.13")]
    [InlineData("7.2.12+deb13-amd64", "7.2", null)]
    [InlineData("6.16.12+deb13-amd64", "7.2", "took and recorded them, too")]
    [InlineData("6.18.15+deb13-rt-amd64", "7.2", "took and recorded them, too")]
    [InlineData("6.17.13+deb13-amd64", "7.2", "no kernel of the series 6.17")]
    [InlineData("6.18.5+deb13-amd64", "7.2", "another build")]
    [InlineData("7.3.4+deb13-amd64", "7.2", "took and recorded them, too")]
    public void A_kernel_gets_the_definitions_nearest_to_it_and_hears_what_is_not_verified(string release, string generation, string? note)
    {
        ProbeChoice choice = ProbeCatalog.For(release, machine: Machine.X86);
        Assert.Equal(generation, choice.Generation.Name);
        if (note is null)
        {
            Assert.Single(choice.Notes);
        }
        else
        {
            Assert.Contains(choice.Notes, n => n.Contains(note, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("6.1.0-56-amd64", 16, "insert_pfn_ret")]
    [InlineData("6.12.95+deb12-amd64", 14, "follow_pfnmap_ret")]
    [InlineData("7.2.12+deb13-amd64", 14, "follow_pfnmap_ret")]
    public void The_small_set_is_a_part_of_the_full_one_and_has_the_memslots_the_returns_and_the_windows(string release, int count, string name)
    {
        ProbeChoice small = ProbeCatalog.For(release, small: true);
        Assert.Equal(count, small.Definitions.Count);
        Assert.Subset(ProbeCatalog.For(release).Definitions.ToHashSet(), small.Definitions.ToHashSet());
        string[] names = [.. small.Definitions.Select(d => d.Name)];
        Assert.Contains(name, names);
        Assert.Subset(names.ToHashSet(), new HashSet<string> { "set_region", "tdp_fault_ret", "faultin_ret", "hva_to_pfn_ret", "kvm_mn_start_ret", "kvm_mn_end", "kvm_inv_end" });
        Assert.DoesNotContain(names, n => n.StartsWith("ttm_", StringComparison.Ordinal));
        var tracefs = new FakeTracefs();
        Assert.Equal(count, ProbeInstaller.Install(tracefs, small).Count);
        Assert.Equal(small.Definitions.Select(d => d.Text), tracefs.Events);
    }

    /// <summary>Kernels before 5.16 have no struct kvm_page_fault; what 5.10.0-46 took is in shared/capture/kernels/probes.5.10 (group kvmrep).</summary>
    [Theory]
    [InlineData("5.4.0-150-generic", false)]
    [InlineData("5.10.0-46-amd64", false)]
    [InlineData("5.10.0-46-amd64", true)]
    [InlineData("5.15.0-119-generic", true)]
    public void A_kernel_without_the_structures_gets_what_reads_none_of_them_and_is_told_why(string release, bool small)
    {
        ProbeChoice choice = ProbeCatalog.For(release, small, Machine.X86);
        Assert.Equal(small ? 13 : 18, choice.Definitions.Count);
        Assert.DoesNotContain(choice.Definitions, d => d.Function is "kvm_faultin_pfn" or "kvm_mmu_invalidate_begin" or "kvm_mmu_invalidate_end" || d.Text.Contains("vm_flags", StringComparison.Ordinal) || d.Name.StartsWith("ttm_", StringComparison.Ordinal));
        Assert.Equal("p:tracereplay/tdp_fault kvm_tdp_page_fault vcpu=$arg1:x64 addr=$arg2:x64 error_code=$arg3:x32", choice.Definitions.Single(d => d.Name == "tdp_fault").Text);
        Assert.Contains(choice.Notes, note => note.Contains("kernels before 5.16 have no struct kvm_page_fault", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_no_release_is_the_persons_mistake() =>
        Assert.Equal(AnalysisFailure.Usage, Assert.Throws<AnalysisException>(() => ProbeCatalog.For("trixie")).Failure);

    [Fact]
    public void Recording_on_arm64_names_no_event_that_it_lacks()
    {
        foreach (string command in (string[])[RecordingCommand.TraceCmd("true", Machine.Arm64), RecordingCommand.Perf("true", Machine.Arm64)])
        {
            Assert.DoesNotContain("kvmmmu", command, StringComparison.Ordinal);
            Assert.Contains("syscalls:sys_enter_mmap", command, StringComparison.Ordinal);
        }
    }

    /// <summary>What the kernels beside the captures took, and what of it never fired (points 15 and 20 of their description).</summary>
    [Theory]
    [InlineData("6.1.0-50-arm64", 39, 18, "set_region __kvm_set_memory_region", "kvm_mmu_invalidate_end")]
    [InlineData("6.12.95+deb12-arm64", 39, 16, "set_region kvm_set_memory_region", "__kvm_set_memory_region")]
    [InlineData("7.2.13+deb14-arm64", 40, 16, "user_mem_abort user_mem_abort", "kvm_mmu_invalidate_start")]
    public void An_arm64_kernel_gets_its_own_probes(string release, int all, int few, string has, string never)
    {
        ProbeChoice choice = ProbeCatalog.For(release);
        ProbeChoice small = ProbeCatalog.For(release, small: true, Machine.Arm64);
        Assert.Equal((Machine.Arm64, all, few), (choice.Generation.Machine, choice.Definitions.Count, small.Definitions.Count));
        Assert.Contains(choice.Definitions, d => $"{d.Name} {d.Function}" == has);
        Assert.DoesNotContain(choice.Definitions, d => d.Function == never);
        Assert.DoesNotContain(choice.Definitions, d => d.Function.Contains("tdp", StringComparison.Ordinal));
        Assert.Subset(choice.Definitions.ToHashSet(), small.Definitions.ToHashSet());
        Assert.Subset(
            small.Definitions.Select(d => d.Function).ToHashSet(),
            new HashSet<string> { "kvm_handle_guest_abort", "hva_to_pfn", "kvm_pgtable_stage2_map", "kvm_pgtable_stage2_relax_perms", "kvm_mmu_notifier_invalidate_range_start", "kvm_mmu_notifier_invalidate_range_end" });
        using var script = new StringWriter();
        ProbeScript.WriteShell(script, small, "/sys/kernel/tracing");
        Assert.DoesNotContain("kvm_amd", script.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("6.12.95+deb12-arm64", null, Machine.Arm64)]
    [InlineData("6.12.0-100.fc41.aarch64", null, Machine.Arm64)]
    [InlineData("6.12.95", Machine.Arm64, Machine.Arm64)]
    [InlineData("6.12.95", Machine.X86, Machine.X86)]
    [InlineData("6.12.95+deb12-amd64", null, Machine.X86)]
    [InlineData("5.14.0-611.el9.x86_64", null, Machine.X86)]
    public void Whose_probes_they_are_the_release_says_or_the_person(string release, Machine? asked, Machine machine) =>
        Assert.Equal(machine, ProbeCatalog.For(release, machine: asked).Generation.Machine);

    [Fact]
    public void A_release_of_another_machine_is_the_persons_mistake() => Assert.Equal(
        "'6.12.95+deb12-amd64' is a kernel for x86, not for arm64",
        Assert.Throws<AnalysisException>(() => ProbeCatalog.For("6.12.95+deb12-amd64", machine: Machine.Arm64)).Message);

    [Fact]
    public void Recording_covers_every_event_of_the_kernel_that_replay_reads()
    {
        string traceCmd = RecordingCommand.TraceCmd("true", Machine.X86);
        string perf = RecordingCommand.Perf("true", Machine.X86);
        foreach (string[] name in EventCatalog.All.Select(s => s.Event).OfType<string>().Select(n => n.Split('.')))
        {
            Assert.True(traceCmd.Contains($"-e {name[0]} ", StringComparison.Ordinal) || traceCmd.Contains($"-e {name[0]}:{name[1]} ", StringComparison.Ordinal), name[1]);
            Assert.True(perf.Contains($"-e '{name[0]}:*'", StringComparison.Ordinal) || perf.Contains($"-e {name[0]}:{name[1]} ", StringComparison.Ordinal), name[1]);
        }

        Assert.Contains("-e kmem:mm_page_alloc -f 'order > 0'", traceCmd, StringComparison.Ordinal);
        Assert.EndsWith(" -- true", perf, StringComparison.Ordinal);
    }

    [Fact]
    public void Installed_twice_is_once_and_removed_is_as_before()
    {
        var tracefs = new FakeTracefs { Events = { "p:kprobes/mine do_sys_open" } };
        ProbeChoice choice = ProbeCatalog.For("6.12.1", machine: Machine.X86);
        Assert.All(ProbeInstaller.Install(tracefs, choice), r => Assert.Equal(ProbeState.Placed, r.State));
        string[] after = [.. tracefs.Events];
        Assert.Equal(choice.Generation.Definitions.Count + 1, after.Length);
        Assert.All(ProbeInstaller.Install(tracefs, choice), r => Assert.Equal(ProbeState.Present, r.State));
        Assert.Equal(after, tracefs.Events);
        Assert.Equal(choice.Generation.Definitions.Count, ProbeInstaller.Remove(tracefs).Count);
        Assert.Equal(["p:kprobes/mine do_sys_open"], tracefs.Events);
        Assert.Empty(ProbeInstaller.Remove(tracefs));
    }

    [Fact]
    public void A_refused_event_does_not_keep_the_others_away_and_says_what_is_lost()
    {
        var tracefs = new FakeTracefs { Refuses = c => c.Contains(" ttm_pool_alloc ", StringComparison.Ordinal) };
        IReadOnlyList<ProbeResult> results = ProbeInstaller.Install(tracefs, ProbeCatalog.For("6.12.1", machine: Machine.X86));
        ProbeResult pool = results.Single(r => r.Name == "ttm_pool_alloc");
        Assert.Equal((ProbeState.Refused, "no such symbol", "allocations that are TTM's (AS-4)"), (pool.State, pool.Reason, pool.Loses));
        Assert.Equal(results.Count(r => r.State == ProbeState.Placed), tracefs.Events.Count);
    }

    [Fact]
    public void A_return_probe_whose_arguments_are_refused_keeps_its_return_value()
    {
        var tracefs = new FakeTracefs { Refuses = c => c[0] == 'r' && c.Contains("fault->", StringComparison.Ordinal) };
        IReadOnlyList<ProbeResult> results = ProbeInstaller.Install(tracefs, ProbeCatalog.For("6.6.1", machine: Machine.X86));
        Assert.Equal(ProbeState.PlacedInPart, results.Single(r => r.Name == "faultin_ret").State);
        Assert.Contains("r:tracereplay/faultin_ret kvm_faultin_pfn ret=$retval:s32", tracefs.Events);
    }

    [Fact]
    public void If_tracefs_fails_halfway_nothing_stays()
    {
        int commands = 0;
        var tracefs = new FakeTracefs();
        tracefs.Refuses = c => c[0] != '-' && ++commands == 5 ? throw new AnalysisException(AnalysisFailure.Environment, "gone") : false;
        Assert.Equal("gone", Assert.Throws<AnalysisException>(() => ProbeInstaller.Install(tracefs, ProbeCatalog.For("6.12.1", machine: Machine.X86))).Message);
        Assert.Equal(5, commands);
        Assert.Empty(tracefs.Events);
    }

    [Fact]
    public void Nothing_placed_or_an_event_in_use_is_a_failure_of_the_environment()
    {
        var tracefs = new FakeTracefs { Refuses = _ => true };
        AnalysisException none = Assert.Throws<AnalysisException>(() => ProbeInstaller.Install(tracefs, ProbeCatalog.For("7.2.1", machine: Machine.X86)));
        Assert.StartsWith("none of 31 events could be placed", none.Message, StringComparison.Ordinal);
        tracefs.Events.Add("r32:tracereplay/x f ret=$retval:s32");
        Assert.Equal("tracereplay/x could not be removed: no such symbol", Assert.Throws<AnalysisException>(() => ProbeInstaller.Remove(tracefs)).Message);
    }

    /// <summary>Does what the kernel does with commands, in memory.</summary>
    private sealed class FakeTracefs : ITracefs
    {
        public List<string> Events { get; init; } = [];

        public Func<string, bool> Refuses { get; set; } = _ => false;

        public string ReadEvents() => string.Join('\n', Events);

        public string? Run(string command)
        {
            if (Refuses(command))
            {
                return "no such symbol";
            }

            if (command.StartsWith("-:", StringComparison.Ordinal))
            {
                Events.RemoveAll(e => e.Contains($":{command[2..]} ", StringComparison.Ordinal));
            }
            else
            {
                Events.Add(command);
            }

            return null;
        }
    }
}
