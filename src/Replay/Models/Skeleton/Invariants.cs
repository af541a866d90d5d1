using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>One invariant of spec 11 that a replay evaluates at the end of each fault.</summary>
/// <param name="Number">n of INV-n; also its bit in <see cref="FaultContext.Violated"/>.</param>
public sealed record Invariant(int Number, string Name, string Statement)
{
    /// <summary>INV-nn as the spec and the tables spell it.</summary>
    public string Id => Number == InvariantList.AdRefcountedOnly ? "INV-09b" : $"INV-{Number:00}";

    public ulong Bit => 1UL << Number;
}

/// <summary>The invariants that are evaluated: the one place to register another.</summary>
public static class InvariantList
{
    internal const int RefBalance = 1;
    internal const int RefNoPutUnowned = 3;
    internal const int PutNotLast = 7;
    internal const int TouchLive = 8;
    internal const int AdRefcountedOnly = 9;
    internal const int ReadOnlySlotNotWritable = 17;
    internal const int ReadOnlyHostNotWritable = 18;
    internal const int LevelSlot = 21;
    internal const int LevelLogging = 22;
    internal const int PfnAligned = 23;
    internal const int TdpNoReplace = 25;
    internal const int NoSpuriousEfault = 31;

    public static IReadOnlyList<Invariant> All { get; } =
    [
        new(RefBalance, "REF_BALANCE", "gets and puts of a fault balance when its handler returns"),
        new(RefNoPutUnowned, "REF_NO_PUT_UNOWNED", "every put is of a page that the fault holds"),
        new(PutNotLast, "PUT_NOT_LAST", "KVM's put does not take the last reference of a page that the host still maps"),
        new(TouchLive, "TOUCH_LIVE", "a page is marked accessed or dirty only while it has a reference"),
        new(AdRefcountedOnly, "AD_REFCOUNTED_ONLY", "marks only on pages that get_user_pages returned"),
        new(ReadOnlySlotNotWritable, "RO_SLOT_NO_W", "a leaf in a READONLY memslot is not writable"),
        new(ReadOnlyHostNotWritable, "RO_HOST_NO_W", "a writable leaf means that the host maps the page writable"),
        new(LevelSlot, "LEVEL_SLOT", "a huge leaf lies inside its memslot, gfn and hva congruent"),
        new(LevelLogging, "LEVEL_LOGGING", "a memslot that logs dirty pages has no writable huge leaf"),
        new(PfnAligned, "PFN_ALIGNED", "the pfn of a huge leaf is a multiple of its size"),
        new(TdpNoReplace, "TDP_NO_REPLACE", "a present leaf never becomes one of another pfn in one step"),
        new(NoSpuriousEfault, "NO_SPURIOUS_EFAULT", "EFAULT only where no VMA permits the access or the driver refuses"),
    ];

    /// <summary>Evaluates what can be said when a fault has ended.</summary>
    internal static void AtEndOfFault(ref FaultContext fault, PageLedger pages)
    {
        if (fault.RefsGot != fault.RefsPut)
        {
            fault.Violate(RefBalance);
        }

        if (fault.RefsPut > fault.RefsGot)
        {
            fault.Violate(RefNoPutUnowned);
            if (pages.StructPage(pages.Folio(fault.ReleasePfn)).Count <= 0)
            {
                fault.Violate(PutNotLast);
            }
        }

        if (fault.Path == FaultPath.Remapped && fault.MarkedAccessed + fault.MarkedDirty > 0)
        {
            fault.Violate(AdRefcountedOnly);
        }

        if (fault.Outcome == FaultOutcome.Efault && fault.Path == FaultPath.Remapped && fault.Kind is not (PageKind.N or PageKind.Unknown))
        {
            fault.Violate(NoSpuriousEfault);
        }

        if (fault.Slot is { } slot && fault.Outcome == FaultOutcome.Fixed)
        {
            OfLeaf(ref fault, slot);
        }
    }

    private static void OfLeaf(ref FaultContext fault, Memslot slot)
    {
        ulong mask = Levels.Pages(fault.Level) - 1;
        if (fault.Writable && slot.Is(MemslotFlags.ReadOnly))
        {
            fault.Violate(ReadOnlySlotNotWritable);
        }

        if (fault.Writable && !fault.MapWritable)
        {
            fault.Violate(ReadOnlyHostNotWritable);
        }

        if (fault.Level > slot.MaxLevel(fault.Gfn))
        {
            fault.Violate(LevelSlot);
        }

        if (fault.Level > 1 && fault.Writable && slot.Is(MemslotFlags.LogDirty))
        {
            fault.Violate(LevelLogging);
        }

        if (((fault.Pfn ^ fault.Gfn) & mask) != 0)
        {
            fault.Violate(PfnAligned);
        }
    }
}
