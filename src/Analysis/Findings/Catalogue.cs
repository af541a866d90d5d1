using TraceReplay.Analysis.Findings.Memory;
using TraceReplay.Analysis.Findings.Records;
using TraceReplay.Analysis.Findings.Refused;
using TraceReplay.Analysis.Findings.Storms;
using TraceReplay.Analysis.Findings.Stuck;

namespace TraceReplay.Analysis.Findings;

/// <summary>All findings, in the order in which they are told where they are equally severe.</summary>
public static class Catalogue
{
    public static IReadOnlyList<Finding> All { get; } =
    [
        TailRefused.Finding,
        ReadOnlyFirstWrite.Finding,
        SlotRefused.Finding,
        NothingMapped.Finding,
        RefusedUnexplained.Finding,
        NoSyndrome.Finding,
        AbortInjected.Finding,
        EmulationFailed.Finding,
        ReadOnlyMapping.Finding,
        ReadOnlySlot.Finding,
        StaleLeaf.Finding,
        ReferenceUnbalanced.Finding,
        RecordsBroken.Finding,
        MarksOnDriverPages.Finding,
        MappedAndFaulting.Finding,
        WindowStaysOpen.Finding,
        NoReasonSeen.Finding,
        RetryStorm.Finding,
        .. NotifierStorms.All,
        AgingStorm.Finding,
        WindowsForNothing.Finding,
        SlotChurn.Finding,
        DirtyLogging.Finding,
        MmioStorm.Finding,
        LocalApic.Finding,
        HugePageLost.Finding,
        TableReplaced.Finding,
        SwappedGuest.Finding,
        ShadowPaging.Finding,
        NestedGuest.Finding,
        RecordsLost.Finding,
        RowsUnread.Finding,
        NotJudged.Finding,
    ];

    /// <summary>The finding of that id.</summary>
    public static Finding Named(string id) => All.First(f => f.Id == id);
}
