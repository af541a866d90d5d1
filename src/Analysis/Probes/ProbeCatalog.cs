using TraceReplay.Analysis.Knowledge;

namespace TraceReplay.Analysis.Probes;

/// <summary>Definitions that fit a range of kernels.</summary>
/// <param name="Name">The series they were recorded on, as <c>6.12</c>; also the name of the file with the definitions.</param>
/// <param name="VerifiedOn">The release of the kernel that took all of them.</param>
/// <param name="From">First version they are offered for; null = all before.</param>
/// <param name="ByOffset">Whether they read structures at the offsets of that one build.</param>
public sealed record ProbeGeneration(string Name, string VerifiedOn, Version? From, bool ByOffset)
{
    /// <summary>Other releases that took all of them, and recorded.</summary>
    public IReadOnlyList<string> AlsoTakenBy { get; init; } = [];

    /// <summary>What a kernel that these are for has not, and is therefore not probed; null if nothing.</summary>
    public string? LeavesOut { get; init; }

    private readonly Lazy<IReadOnlyList<ProbeDefinition>> _definitions = new(() => Load(Name));

    // What was enough for nearly every verdict on captures that were tried: memslots, the handler's and the lookup's returns,
    // the windows. On 6.1 a followed lookup does not show the pfn: the driver's insertion and its return do.
    private static readonly HashSet<string> s_small =
    [
        "set_region", "set_region_ret", "tdp_fault", "tdp_fault_ret", "faultin", "faultin_ret", "hva_to_pfn", "hva_to_pfn_ret",
        "follow_pfnmap", "follow_pfnmap_ret", "follow_pte", "follow_pte_ret", "kvm_mn_start", "kvm_mn_start_ret", "kvm_mn_end", "kvm_inv_end",
    ];

    public IReadOnlyList<ProbeDefinition> Definitions => _definitions.Value;

    /// <summary>The few that give most of the coverage.</summary>
    public IReadOnlyList<ProbeDefinition> Small => [.. Definitions.Where(d => s_small.Contains(d.Name) || (ByOffset && d.Function == "vmf_insert_pfn_prot"))];

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
    ];

    /// <param name="release">As uname -r prints it.</param>
    /// <param name="small">The small set instead of all.</param>
    /// <exception cref="AnalysisException">The release names no version.</exception>
    public static ProbeChoice For(string release, bool small = false)
    {
        Version version = CaptureContents.VersionOf(release)
            ?? throw new AnalysisException(AnalysisFailure.Usage, $"'{release}' is no kernel release: expected one as uname -r prints it, e.g. {All[2].VerifiedOn}");
        ProbeGeneration generation = All.Last(g => g.From is null || version >= g.From);
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
