using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Timeline.Arm64;
using TraceReplay.Replay.Timeline.Kernel;

namespace TraceReplay.Replay.Timeline;

/// <summary>What follows from the release and vendor of the captured kernel (spec 0.4, 1.4, 2.1).</summary>
public sealed record CapturedKernel
{
    /// <summary>As uname -r says, or what was inferred; null if neither tells.</summary>
    public string? Release { get; private init; }

    /// <summary>No name: the forms of the records say it.</summary>
    public bool ReleaseInferred { get; private init; }

    /// <summary>The model that this kernel's fault logic is; null if the release is unknown.</summary>
    public string? Model { get; private init; }

    /// <summary>The setting of that model nearest to the kernel, of those that its records do not contradict.</summary>
    public string? Setting { get; private init; }

    public bool Intel { get; private init; }

    /// <summary>The machine is arm64, its guests' memory is stage 2.</summary>
    public bool IsArm64Machine { get; private init; }

    /// <summary>arm64: the bits of enum kvm_pgtable_prot.</summary>
    internal Prot Prot { get; private init; } = Prot.Since7;

    /// <summary>arm64: memslots that the kernel refused with -EINVAL although they log nothing.</summary>
    internal long SlotsRefused { get; private init; }

    /// <summary>recorded, inferred, or not told.</summary>
    public string VendorFrom { get; private init; } = NotTold;

    /// <summary>The numbers of RET_PF_*: those that the capture shows, else those of the release.</summary>
    public ReturnCodes ReturnCodes { get; private init; } = ReturnCodes.Kernel612;

    public SpteLayout Layout { get; private init; } = SpteLayout.Npt;

    /// <summary>The snapshot of mmu_invalidate_seq is taken behind the entry of kvm_faultin_pfn (6.3 and later), else before it.</summary>
    public bool SnapshotInLookup { get; private init; } = true;

    /// <summary>What the capture shows of release and vendor, a phrase each.</summary>
    public IReadOnlyList<string> Evidence { get; private init; } = [];

    /// <summary>What is inferred and what contradicts what was said, one line each.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    private const string NotTold = "not told";

    /// <summary>By its name alone.</summary>
    /// <param name="release">uname -r, possibly with more text around it.</param>
    /// <param name="cpuVendor">amd, intel or null; null is taken for amd.</param>
    public static CapturedKernel From(string? release, string? cpuVendor) =>
        new CapturedKernel { VendorFrom = cpuVendor is null ? NotTold : "recorded" }.With(release, IsIntel(cpuVendor), Releases.Parse(release));

    /// <summary>By its name, if there is one, and what its records show.</summary>
    /// <param name="reader">The dataset.</param>
    /// <param name="trace">The trace.</param>
    /// <param name="named">The release that the person who asks names; the capture's own goes before it.</param>
    /// <param name="ignoreProbes">Leave the probe events out.</param>
    public static CapturedKernel Of(DatasetReader reader, TraceManifest trace, string? named, bool ignoreProbes)
    {
        // Forms, bits and numbers of the look are x86's.
        if (IsArm64(trace))
        {
            return OfArm64(reader, trace, trace.Kernel ?? named, ignoreProbes);
        }

        KernelRecords records = KernelRecords.Read(reader, trace, ignoreProbes);
        return Of(trace.Kernel ?? named, trace.CpuVendor, [.. KernelForms.Read(records)], [.. VendorEvidence.Read(records)], ReturnCodes.Shown(records.Returns), records.Vendors, KernelForms.Frozen(records), records.HasFormats);
    }

    private static CapturedKernel OfArm64(DatasetReader reader, TraceManifest trace, string? release, bool ignoreProbes)
    {
        int? version = Releases.Parse(release);
        Arm64Facts facts = Arm64Facts.Read(reader, trace, ignoreProbes, since619: version is null or >= 6019);
        List<string> warnings = [];
        List<string> evidence = [];
        if (facts.OtherPageSize)
        {
            warnings.Add("its leaves have sizes of a kernel whose pages are not 4 KiB: the models count in 4 KiB");
        }

        if (facts.Prot is { } prot)
        {
            bool since = prot == Prot.Since7;
            evidence.Add(since ? "stage-2 permissions are those of 6.19 and later" : "stage-2 permissions are those before 6.19");
            if (version is { } known && since != known >= 6019)
            {
                warnings.Add($"the records are not those of kernel {release}: {evidence[^1]}");
            }
        }

        (string? model, string? setting) = version is { } v ? SettingOfArm64(v) : default((string?, string?));
        if (facts.SlotsRefused > 0 && version >= 6017)
        {
            // -EINVAL for a slot that logs nothing: what lies behind it is what such a kernel refuses.
            setting = Models.Arm64.Stage2Settings.WithoutFwb;
            evidence.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{facts.SlotsRefused} memslots were refused: the CPU lacks S2FWB or DIC"));
        }

        return new CapturedKernel
        {
            Release = release,
            Model = model,
            Setting = setting,
            IsArm64Machine = true,
            Prot = facts.Prot ?? (version is null or >= 6019 ? Prot.Since7 : Prot.Before7),
            Layout = SpteLayout.Stage2 with { AlwaysExecutable = facts.AlwaysExecutable == true },
            SlotsRefused = facts.SlotsRefused,
            Evidence = evidence,
            Warnings = warnings,
        };
    }

    internal static CapturedKernel Of(string? release, string? cpuVendor, IReadOnlyList<ReleaseEvidence> forms, IReadOnlyList<VendorEvidence> vendors, ReturnCodes? shown, VendorCounts counts, ulong? frozen = null, bool described = false)
    {
        List<string> warnings = [];
        int? version = Releases.Parse(release);
        bool inferred = false;
        if (version is { } known)
        {
            ReleaseEvidence[] against = [.. forms.Where(form => !form.Releases.Has(known))];
            if (against.Length > 0)
            {
                warnings.Add($"the records are not those of kernel {release}: {string.Join("; ", against.AsEnumerable())}");
                // A vendor's tree may have another release's KVM, and its own descriptions of its events are certain; a text may be of many hands.
                if (described && against.Any(form => !form.ByCount) && Nearest(known, forms) is { } nearest && SettingOf(nearest) != SettingOf(known))
                {
                    warnings.Add($"kernel {release} is replayed as {SettingOf(nearest).Model} {SettingOf(nearest).Setting}, the nearest whose records these may be: those of {Releases.Name(nearest)}");
                    version = nearest;
                }
            }
            else if (NotCompared(release) is { } what)
            {
                warnings.Add($"{what}, which nothing recorded here contradicts");
            }
        }
        else if (Infer(forms) is { } found)
        {
            (version, inferred) = (found, true);
            warnings.Add($"the captured kernel is taken to be like {Releases.Name(found)}, inferred from its records: {string.Join("; ", Telling(forms))}; --kernel names it");
        }
        else if (forms.Aggregate(Releases.All, (all, form) => all.And(form.Releases)).IsEmpty)
        {
            warnings.Add($"the records are those of no one kernel: {string.Join("; ", forms)}");
        }

        bool intel = vendors.Count > 0 ? vendors[0].Intel : IsIntel(cpuVendor);
        string[] others = [.. vendors.Where(one => one.Intel != intel).Select(one => one.What), .. cpuVendor is not null && IsIntel(cpuVendor) != intel ? [$"the capture names {cpuVendor}"] : (string[])[]];
        if (others.Length > 0)
        {
            warnings.Add($"the CPU's vendor is contradicted: taken for {(intel ? "Intel" : "AMD")} as {vendors[0].What}, but {string.Join("; ", others)}");
        }

        CapturedKernel kernel = new()
        {
            VendorFrom = cpuVendor is not null ? "recorded" : vendors.Count > 0 ? $"inferred: {vendors[0].What}" : NotTold,
            ReleaseInferred = inferred,
            Evidence = [.. forms.Select(form => form.ToString()), .. vendors.Select(one => $"{(one.Intel ? "Intel" : "AMD")}: {one.What}")],
            Warnings = warnings,
        };
        kernel = kernel.With(inferred ? Releases.Name(version!.Value) : release, intel, version);
        return kernel with
        {
            ReturnCodes = shown ?? kernel.ReturnCodes,
            Layout = (!intel || counts.EptLeavesOld == counts.EptLeavesNew ? kernel.Layout : (counts.EptLeavesOld > counts.EptLeavesNew ? SpteLayout.Ept : SpteLayout.Ept7) with { Frozen = kernel.Layout.Frozen }) with { Frozen = frozen ?? kernel.Layout.Frozen },
        };
    }

    /// <summary>What is to be said of an x86 release of which no capture was compared with a model; null of any other.</summary>
    /// <param name="release">As uname -r says; null = unknown.</param>
    public static string? NotCompared(string? release) => Releases.Parse(release) is { } version && !KernelForms.IsKnown(version)
        ? $"no capture of {Releases.Name(version)} was compared with a model (the nearest: {KernelForms.Neighbours(version)}): it is replayed as {SettingOf(version).Model} {SettingOf(version).Setting}"
        : null;

    /// <summary>x86 before 5.13 records no kvm_unmap_hva_range (K12): without a probe on the notifier nothing shows its windows.</summary>
    public bool ShowsWindows(IReadOnlySet<EventKind> kinds) =>
        IsArm64Machine || kinds.Contains(EventKind.UnmapHvaRange) || kinds.Contains(EventKind.NotifierStart) || Releases.Parse(Release) is not < 5013;

    /// <summary>One phrase each for release and vendor, with where it comes from.</summary>
    public string Describe() => IsArm64Machine
        ? $"kernel {Release ?? "unknown"}, arm64 stage 2{(Layout.AlwaysExecutable ? ", DIC" : "")}"
        : $"kernel {Release ?? "unknown"}{(ReleaseInferred ? " (inferred from its records)" : "")}, {(Intel ? "Intel EPT" : "AMD NPT")} ({(VendorFrom == NotTold ? "vendor not told, taken for it" : $"vendor {VendorFrom}")})";

    /// <summary>The known kernel that the forms leave, if all that they leave have one setting: 7.3 differs from 7.x in no form.</summary>
    private static int? Infer(IReadOnlyList<ReleaseEvidence> forms)
    {
        // Each record of a capture of another machine would show some form: none says nothing.
        int[] fitting = forms.Count == 0 ? [] : KernelForms.Fitting(forms);
        (string, string)[] settings = [.. fitting.Select(version => SettingOf(Math.Min(version, 7002))).Distinct()];
        return settings.Length == 1 ? Math.Min(fitting[^1], 7002) : null;
    }

    /// <summary>Of the releases that may have made the records, the one nearest to a release that did not; null if none may.</summary>
    private static int? Nearest(int version, IReadOnlyList<ReleaseEvidence> forms)
    {
        int[] fitting = KernelForms.Fitting(forms);
        return fitting.Length == 0 ? null : version < fitting[0] ? fitting[0] : fitting.LastOrDefault(known => known <= version, fitting[^1]);
    }

    /// <summary>As few as leave the same kernels as all do.</summary>
    private static List<ReleaseEvidence> Telling(IReadOnlyList<ReleaseEvidence> forms)
    {
        List<ReleaseEvidence> telling = [];
        for (int left = int.MaxValue; left > KernelForms.Fitting(forms).Length;)
        {
            ReleaseEvidence next = forms.MinBy(form => KernelForms.Fitting([.. telling, form]).Length)!;
            telling.Add(next);
            left = KernelForms.Fitting(telling).Length;
        }

        return telling;
    }

    /// <summary>By what the capture says of its machine, or by the event that only arm64's KVM has.</summary>
    public static bool IsArm64(TraceManifest trace) =>
        trace.Arch is "aarch64" or "arm64" || trace.EventCounts.GetValueOrDefault("kvm.kvm_guest_fault") > 0;

    private static bool IsIntel(string? cpuVendor) => cpuVendor?.Contains("intel", StringComparison.OrdinalIgnoreCase) == true;

    private static (string Model, string Setting) SettingOf(int version) => version switch
    {
        < 6008 => ("current", "6.1"),
        < 6012 => ("current", "6.8"),
        < 6013 => ("current", "6.12"),
        < 7003 => ("merged", "7.x"),
        _ => ("merged", "7.3"),
    };

    /// <summary>As on x86, but that 6.13 to 6.16 decide by the frame, not by the VMA, what is cacheable.</summary>
    private static (string Model, string Setting) SettingOfArm64(int version) =>
        version is >= 6013 and < 6017 ? ("merged", "6.13") : SettingOf(version);

    private static SpteLayout LayoutOf(bool intel, int? version) => Bits(!intel ? SpteLayout.Npt : version >= 7000 ? SpteLayout.Ept7 : SpteLayout.Ept, version) with
    {
        Frozen = version switch
        {
            < 6010 => 0x5a0,
            < 6013 => SpteLayout.SuppressVe | 0x5a0,
            _ => SpteLayout.SuppressVe | 0x1a0,
        },
    };

    private static SpteLayout Bits(SpteLayout layout, int? version) => version < 5013 ? layout.Before513() : layout;

    private CapturedKernel With(string? release, bool intel, int? version)
    {
        (string? model, string? setting) = version is { } known ? SettingOf(known) : default((string?, string?));
        return this with
        {
            Release = release,
            Model = model,
            Setting = setting,
            Intel = intel,
            SnapshotInLookup = version is not < 6003,
            ReturnCodes = ReturnCodes.Of(version),
            Layout = LayoutOf(intel, version),
        };
    }
}
