using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>What other aborts of a trace without probes tell of one.</summary>
internal sealed class AbortInference
{
    private readonly Dictionary<ulong, SlotFact> _facts = [];

    public SlotFact SlotOf(OpenAbort abort) => _facts.GetValueOrDefault(abort.Gfn, SlotFact.Unknown);

    public LookupFact Prepare(OpenAbort abort) => _facts.ContainsKey(abort.Gfn) ? LookupFact.Found : LookupFact.None;

    public void Learn(OpenAbort abort) => _facts[abort.Gfn] = SlotFact.Unknown;
}
