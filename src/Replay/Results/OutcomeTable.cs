using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.OutcomeRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>outcomes</c>; one object for all rows, filled anew.</summary>
internal sealed class OutcomeRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public IFaultModel Model = null!;

    public FaultResult Result;

    public bool IsMapped => OutcomeTable.IsMapped(Result.Fault.Outcome);
}

/// <summary>The <c>outcomes</c> table: what each model does with each fault.</summary>
internal static class OutcomeTable
{
    public static ResultTable<OutcomeRow> Open(string path) => new(
        path,
        Text("trace_id", row => row.TraceId),
        Number("fault_id", row => row.Result.FaultId),
        Text("model", row => row.Model.Name),
        Text("setting", row => row.Model.Settings.Name),
        TextOrNull("outcome", row => row.Result.Fault.IsSet ? null : row.Result.Fault.Outcome.Name()),
        Text("outcomes", row => Set(row.Result.Fault.Outcomes)),
        Number("read_off", row => row.Result.Fault.ReadOff),
        NumberOrNull<ulong>("pfn", row => row.IsMapped && !SpecialPfn.IsMadeUp(row.Result.Fault.Pfn) ? row.Result.Fault.Pfn : null),
        NumberOrNull<int>("level", row => row.IsMapped ? row.Result.Fault.Level : null),
        NumberOrNull<bool>("writable", row => row.IsMapped ? row.Result.Fault.Writable : null),
        Number<int>("refs_got", row => row.Result.Fault.RefsGot),
        Number<int>("refs_put", row => row.Result.Fault.RefsPut),
        Number<int>("marked_accessed", row => row.Result.Fault.MarkedAccessed),
        Number<int>("marked_dirty", row => row.Result.Fault.MarkedDirty),
        TextOrNull("retry_cause", row => Cause(row.Result.Fault.RetryCause)),
        TextOrNull("page_kind", row => row.Result.Fault.Kind.Key()),
        TextOrNull("path", row => Path(row.Result.Fault.Path)),
        Text("certainty", row => Certain(row.Result.Fault.Certainty)),
        TextOrNull("reason", row => row.Result.Fault.Reason.Text()));

    public static bool IsMapped(FaultOutcome outcome) => outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious;

    // By the set's bits: a lock for each of a million rows costs more than making a text twice.
    private static readonly string?[] s_sets = new string?[ushort.MaxValue + 1];

    /// <summary>A set of outcomes, in the order of the vocabulary.</summary>
    public static string Set(ushort outcomes) => s_sets[outcomes] ??=
        string.Join('|', Enum.GetValues<FaultOutcome>().Where(outcome => (outcomes & (1 << (int)outcome)) != 0).Select(outcome => outcome.Name()));

    public static string? Cause(RetryCause cause) => cause switch
    {
        RetryCause.PrecheckBeforeLookup => "window open before the lookup",
        RetryCause.PrecheckAfterLookup => "window open or seq moved after the lookup",
        RetryCause.WindowOpen => "window open under mmu_lock",
        RetryCause.SeqMoved => "seq moved under mmu_lock",
        RetryCause.SlotInvalid => "memslot INVALID",
        RetryCause.RootObsolete => "root obsolete",
        RetryCause.Async => "async page fault",
        RetryCause.Poison => "poisoned page",
        RetryCause.LostRace => "another task changed the entry first",
        RetryCause.LeafThere => "the page is mapped already",
        RetryCause.LeafGone => "the leaf that the access met is gone",
        _ => null,
    };

    public static string? Path(FaultPath path) => path switch
    {
        FaultPath.Fast => "fast",
        FaultPath.GupFast => "gup_fast",
        FaultPath.GupSlow => "gup_slow",
        FaultPath.Remapped => "remapped",
        FaultPath.NoSlot => "noslot",
        FaultPath.MmioCached => "mmio_cached",
        FaultPath.GuestMemfd => "guest_memfd",
        FaultPath.AccessFlag => "access_flag",
        _ => null,
    };

    public static string Certain(Certainty certainty) => certainty switch
    {
        Certainty.Known => "known",
        Certainty.Inferred => "inferred",
        _ => "assumed",
    };
}
