using System.Globalization;

namespace TraceReplay.Replay.Timeline.Kernel;

/// <summary>
/// What the forms of the records say of the kernel's release (spec 9, 2.1, 1.4). Bounds are those of kernels whose forms
/// were read: a change between 6.12 and 6.16 excludes 6.12 and older, or 6.16 and newer.
/// </summary>
internal static class KernelForms
{
    private const ulong EmptySince610 = 1UL << 63;
    private const ulong FrozenUntil69 = 0x5a0;
    private const ulong FrozenIn612 = EmptySince610 | 0x5a0;
    private const ulong FrozenSince616 = EmptySince610 | 0x1a0;

    /// <summary>Releases whose forms are known; one of these is named where nothing but forms names the kernel.</summary>
    private static readonly int[] s_known = [5010, 6001, 6012, 6016, 6018, 7002, 7003];

    // Fields that came or went. Absence counts only where every record shows its whole form.
    private static readonly (string Event, string Field, Releases With, Releases Without)[] s_fields =
    [
        ("kvm.kvm_page_fault", "vcpu_id", new(5016, Releases.Open), new(0, 6001)),
        ("kvm.kvm_exit", "requests", new(6013, Releases.Open), new(0, 6016)),
        ("kvm.kvm_entry", "intr_info", new(6013, Releases.Open), new(0, 6016)),
        ("kvmmmu.kvm_mmu_spte_requested", "access", new(6019, Releases.Open), new(0, 7002)),
    ];

    private static readonly (string Event, Releases Releases)[] s_events =
    [
        ("kvm.kvm_set_spte_hva", new(5013, 6010)),
        ("kvm.kvm_age_page", new(0, 5013)),
        ("kvm.kvm_unmap_hva_range", new(5013, Releases.Open)),
        ("kvmmmu.kvm_tdp_mmu_spte_changed", new(5011, Releases.Open)),
    ];

    // Functions that a probe can sit on in some releases only (spec 9.6).
    private static readonly (string Function, Releases Releases)[] s_functions =
    [
        ("kvm_faultin_pfn", new(0, 6013)),
        ("kvm_mmu_faultin_pfn", new(6013, Releases.Open)),
        ("kvm_release_pfn_clean", new(0, 6013)),
        ("kvm_release_page_unused", new(6013, Releases.Open)),
        ("follow_pfnmap_start", new(6012, Releases.Open)),
        ("follow_pte", new(0, 6012)),
        ("kvm_mmu_invalidate_start", new(6013, Releases.Open)),
    ];

    public static IEnumerable<ReleaseEvidence> Read(KernelRecords records)
    {
        foreach ((string name, Releases releases) in s_events)
        {
            if (records.Has(name))
            {
                yield return new ReleaseEvidence($"{Short(name)} is recorded", releases);
            }
        }

        foreach ((string name, string field, Releases with, Releases without) in s_fields)
        {
            if (records.Shows(name, field))
            {
                yield return new ReleaseEvidence($"{Short(name)} has the field {field}", with);
            }
            else if (records.TellsWholeForm(name))
            {
                yield return new ReleaseEvidence($"{Short(name)} has no field {field}", without);
            }
        }

        if (records.Width("kvmmmu.fast_page_fault", "error_code") is { } bits)
        {
            yield return new ReleaseEvidence(string.Create(CultureInfo.InvariantCulture, $"fast_page_fault's error_code has {bits} bits"), bits == 32 ? new(0, 6012) : new(6002, Releases.Open));
        }

        foreach ((string function, Releases releases) in s_functions)
        {
            if (records.ProbedFunctions.Contains(function))
            {
                yield return new ReleaseEvidence($"{function} is probed", releases);
            }
        }

        foreach ((ulong value, string what, Releases releases) in ((ulong, string, Releases)[])
        [
            (0, "an empty SPTE is 0", new(0, 6010)),
            (EmptySince610, "an empty SPTE is 8000000000000000", new(6002, Releases.Open)),
            (FrozenUntil69, "a frozen SPTE is 5a0", new(0, 6010)),
            (FrozenIn612, "a frozen SPTE is 80000000000005a0", new(6002, 7002)),
            (FrozenSince616, "a frozen SPTE is 80000000000001a0", new(6013, Releases.Open)),
        ])
        {
            if (records.NonPresentSptes.Contains(value))
            {
                yield return new ReleaseEvidence(what, releases);
            }
        }

        if (ReturnCodes.Shown(records.Returns) is { } codes)
        {
            yield return new ReleaseEvidence(string.Create(CultureInfo.InvariantCulture, $"RET_PF_FIXED is {codes.Fixed}"), codes.Releases, ByCount: true);
        }
    }

    /// <summary>Whether the forms of a release, and with captures the models of it, are known.</summary>
    public static bool IsKnown(int version) => Array.IndexOf(s_known, version) >= 0;

    /// <summary>The nearest known releases below and above one that is not known itself, as people read them.</summary>
    public static string Neighbours(int version)
    {
        int[] below = [.. s_known.Where(known => known < version)];
        int[] above = [.. s_known.Where(known => known > version)];
        return string.Join(" and ", [.. below.TakeLast(1).Concat(above.Take(1)).Select(Releases.Name)]);
    }

    /// <summary>The value that the records show of an entry on its way out; null if they show none.</summary>
    public static ulong? Frozen(KernelRecords records)
    {
        ulong[] shown = [.. new ulong[] { FrozenUntil69, FrozenIn612, FrozenSince616 }.Where(records.NonPresentSptes.Contains)];
        return shown.Length == 1 ? shown[0] : null;
    }

    /// <summary>The known releases that show all of the evidence.</summary>
    public static int[] Fitting(IEnumerable<ReleaseEvidence> evidence)
    {
        Releases left = evidence.Aggregate(Releases.All, (all, one) => all.And(one.Releases));
        return [.. s_known.Where(left.Has)];
    }

    private static string Short(string name) => name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
}
