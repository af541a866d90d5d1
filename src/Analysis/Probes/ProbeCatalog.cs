using TraceReplay.Analysis.Knowledge;

namespace TraceReplay.Analysis.Probes;

/// <summary>Definitions that fit a range of kernels.</summary>
/// <param name="Name">The series they were recorded on, as <c>6.12</c>.</param>
/// <param name="VerifiedOn">The release of the kernel that took all of them.</param>
/// <param name="From">First version they are offered for; null = all before.</param>
/// <param name="ByOffset">Whether they read structures at the offsets of that one build.</param>
public sealed record ProbeGeneration(string Name, string VerifiedOn, Version? From, bool ByOffset)
{
    /// <summary>The machine whose functions they sit on.</summary>
    public Machine Machine { get; init; }

    /// <summary>Other releases that took all of them, and recorded.</summary>
    public IReadOnlyList<string> AlsoTakenBy { get; init; } = [];

    /// <summary>What a kernel that these are for has not, and is therefore not probed; null if nothing.</summary>
    public string? LeavesOut { get; init; }

    private IReadOnlyList<ProbeDefinition>? _definitions;

    // What was enough for nearly every verdict on captures that were tried: memslots, the handler's and the lookup's returns,
    // the windows. On 6.1 a followed lookup does not show the pfn: the driver's insertion and its return do.
    private static readonly HashSet<string> s_small =
    [
        "set_region", "set_region_ret", "tdp_fault", "tdp_fault_ret", "faultin", "faultin_ret", "hva_to_pfn", "hva_to_pfn_ret",
        "follow_pfnmap", "follow_pfnmap_ret", "follow_pte", "follow_pte_ret", "kvm_mn_start", "kvm_mn_start_ret", "kvm_mn_end", "kvm_inv_end",
    ];

    // arm64 has no event for its leaves: what maps them stands in for kvmmmu's. The sequence numbers are not needed, a retry shows. Without
    // the injection a fetch from device memory looks like a retry.
    private static readonly HashSet<string> s_smallArm64 =
    [
        "set_region", "set_region_ret", "guest_abort", "guest_abort_ret", "inject_abt", "inject_sea", "gfn_to_pfn", "user_mem_abort", "hva_to_pfn", "hva_to_pfn_ret",
        "follow_pfnmap", "follow_pfnmap_ret", "follow_pte", "follow_pte_ret", "s2_map", "s2_map_ret", "s2_relax", "s2_relax_ret", "kvm_mn_start", "kvm_mn_end",
    ];

    public IReadOnlyList<ProbeDefinition> Definitions => _definitions ??= Load(Machine == Machine.X86 ? Name : $"{Machines.Name(Machine)}-{Name}");

    /// <summary>The few that give most of the coverage.</summary>
    public IReadOnlyList<ProbeDefinition> Small => [.. Definitions.Where(d => (Machine == Machine.Arm64 ? s_smallArm64 : s_small).Contains(d.Name) || (ByOffset && d.Function == "vmf_insert_pfn_prot"))];

    private static ProbeDefinition[] Load(string name)
    {
        string text = Resource.Text($"Probes.{name}.probes");
        return [.. text.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(ProbeDefinition.Parse)];
    }
}

/// <summary>Which definitions a kernel gets, and what nobody tried.</summary>
/// <param name="Release">As uname -r prints it.</param>
/// <param name="Notes">For a person: where the definitions come from and what is not verified.</param>
/// <param name="Definitions">All of the generation, or the small set.</param>
public sealed record ProbeChoice(string Release, ProbeGeneration Generation, IReadOnlyList<ProbeDefinition> Definitions, IReadOnlyList<string> Notes);

/// <summary>The dynamic events that give a replay all it can use (spec 9.6), by kernel.</summary>
public static class ProbeCatalog
{
    // struct kvm_page_fault, which the probes on the handler and the lookup read, came with 5.16, field access by BTF with 6.6; the lookup
    // that these definitions follow was rewritten in 6.13.
    public static IReadOnlyList<ProbeGeneration> All { get; } =
    [
        new("5.10", "5.10.0-46-amd64", null, ByOffset: true)
        {
            LeavesOut = "probes on the lookup of a memslot and on the counts of invalidations: kernels before 5.16 have no struct kvm_page_fault and no such functions; what reads them would record wrong values without an error",
        },
        new("6.1", "6.1.0-56-amd64", new Version(5, 16), ByOffset: true),
        new("6.12", "6.12.95+deb12-amd64", new Version(6, 6), ByOffset: false),
        new("7.2", "7.2.12+deb13-amd64", new Version(6, 13), ByOffset: false)
        {
            AlsoTakenBy = ["6.16.12+deb13-amd64", "6.18.15+deb13-rt-amd64", "7.3.4+deb13-amd64"],
        },
        new("6.1", "6.1.0-50-arm64", null, ByOffset: true)
        {
            Machine = Machine.Arm64,
            LeavesOut = "probes on the counts of invalidations and on user_mem_abort: that build inlines these functions, a probe on them is refused or never fires",
        },
        new("6.12", "6.12.95+deb12-arm64", new Version(6, 6), ByOffset: false)
        {
            Machine = Machine.Arm64,
            LeavesOut = "a probe on __kvm_set_memory_region: it is accepted there and never fires, as the kernel's calls go to a clone; kvm_set_memory_region shows the memslots",
        },
        new("7.2", "7.2.13+deb14-arm64", new Version(6, 13), ByOffset: false) { Machine = Machine.Arm64 },
    ];

    /// <summary>Those of one machine, oldest first.</summary>
    public static IEnumerable<ProbeGeneration> Of(Machine machine) => All.Where(generation => generation.Machine == machine);

    /// <param name="release">As uname -r prints it.</param>
    /// <param name="small">The small set instead of all.</param>
    /// <param name="machine">Whose; null = the one that the release names, as Debian's do, else the one that this runs on.</param>
    /// <exception cref="AnalysisException">The release names no version, or another machine.</exception>
    public static ProbeChoice For(string release, bool small = false, Machine? machine = null)
    {
        Machine? named = Machines.OfRelease(release);
        if (machine is { } asked && named is { } other && asked != other)
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"'{release}' is a kernel for {Machines.Name(other)}, not for {Machines.Name(asked)}");
        }

        Machine whose = machine ?? named ?? Machines.Running;
        Version version = CaptureContents.VersionOf(release)
            ?? throw new AnalysisException(AnalysisFailure.Usage, $"'{release}' is no kernel release: expected one as uname -r prints it, e.g. {Of(whose).ElementAt(1).VerifiedOn}");
        ProbeGeneration generation = Of(whose).Last(g => g.From is null || version >= g.From);
        return new ProbeChoice(release, generation, small ? generation.Small : generation.Definitions, [.. Notes(release, version, generation)]);
    }

    private static IEnumerable<string> Notes(string release, Version version, ProbeGeneration generation)
    {
        yield return $"definitions of {generation.Name}, which {generation.VerifiedOn} took and recorded";
        if (generation.LeavesOut is { } left)
        {
            yield return $"not offered: {left}";
        }

        if (release == generation.VerifiedOn)
        {
            yield break;
        }

        if (generation.AlsoTakenBy.Contains(release))
        {
            yield return $"{release} took and recorded them, too";
            yield break;
        }

        bool series = version == Version.Parse(generation.Name) || generation.AlsoTakenBy.Any(other => CaptureContents.VersionOf(other) == version);
        yield return series
            ? $"not verified: {release} is another build of that series"
            : $"not verified: no kernel of the series {version} was at hand, its functions may differ in name and arguments";
        if (generation.ByOffset)
        {
            yield return "not verified: offsets into structures; a wrong one records wrong values without an error, so compare with pahole";
        }

        if (!series && version < new Version(6, 9) && !generation.ByOffset)
        {
            yield return "known to be refused before 6.9: arguments in return probes; the return value alone is recorded there";
        }

        if (!series && version < new Version(6, 12) && !generation.ByOffset)
        {
            yield return "known to be refused before 6.12: follow_pfnmap_start; the function was follow_pte there";
        }
    }
}
