using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle.Orders;

/// <summary>One fault as the operations tell of it: where its steps lie, and what is recorded of them.</summary>
public sealed class FaultStory
{
    public required long Id { get; init; }

    public required int Vm { get; init; }

    /// <summary>Its place among the open faults.</summary>
    public required int Open { get; init; }

    public required int BeginsAt { get; init; }

    /// <summary>The operation with which it is over.</summary>
    public int EndsAt { get; set; }

    public required ulong Gfn { get; init; }

    /// <summary>Null without a memslot.</summary>
    public required ulong? Hva { get; init; }

    public required Places Begin { get; init; }

    public Places? Lookup { get; set; }

    public Places Map { get; set; }

    public required BeginFacts Facts { get; init; }

    /// <summary>Recorded value of the snapshot.</summary>
    public ulong? Snapshot { get; set; }

    public OwnStep LockReached { get; set; }

    public bool Raced { get; set; }

    public FaultOutcome? Observed { get; set; }

    /// <summary>Zaps of all roots that its own root went with, if they came before its check.</summary>
    public List<Places> RootsGone { get; } = [];

    /// <summary>The window was opened by its own lookup.</summary>
    public bool Owns(Window window) => window.Open == Open && window.Begin.After > Begin.After && window.OpensAt < EndsAt;
}

/// <summary>What a stream of operations says of windows and faults, once for all models.</summary>
public sealed class Story
{
    private readonly Dictionary<(int Vm, long Id), Window> _byId = [];
    private readonly Dictionary<int, FaultStory> _open = [];
    private readonly Dictionary<int, Places> _lastZap = [];

    public List<FaultStory> Faults { get; } = [];

    public Dictionary<int, List<Window>> Windows { get; } = [];

    public Story(IReadOnlyList<Operation> operations)
    {
        Dictionary<int, List<Slot>> slots = [];
        for (int i = 0; i < operations.Count; i++)
        {
            Operation op = operations[i];
            if (!slots.TryGetValue(op.Vm, out List<Slot>? ofVm))
            {
                slots.Add(op.Vm, ofVm = []);
                Windows.Add(op.Vm, []);
            }

            Take(op, i, ofVm);
        }
    }

    private void Take(Operation op, int index, List<Slot> slots)
    {
        Places places = new(op.After, op.Before);
        int id = (int)(op.D >> 32);
        switch (op.Kind)
        {
            case OperationKind.SlotPut:
                slots.RemoveAll(slot => slot.AsId == op.AsId && slot.Id == id);
                slots.Add(new Slot(op.AsId, id, op.A, op.B, op.C, (MemslotFlags)(uint)op.D));
                break;
            case OperationKind.SlotRemove:
                slots.RemoveAll(slot => slot.AsId == op.AsId && slot.Id == id);
                break;
            case OperationKind.SlotInvalidate when op.C == 0:
            case OperationKind.ZapAll:
                _lastZap[op.Vm] = places;
                foreach (FaultStory fault in _open.Values.Where(fault => fault.Vm == op.Vm))
                {
                    fault.RootsGone.Add(places);
                }

                break;
            case OperationKind.WindowOpening:
                Opens(op, index, places, slots);
                break;
            case OperationKind.WindowEnd when _byId.TryGetValue((op.Vm, op.FaultId), out Window? window):
                window.End = places;
                break;
            case OperationKind.FaultBegin:
                Begins(op, index, places, slots);
                break;
            case OperationKind.FaultLookup:
                _open[op.Open].Lookup = places;
                _open[op.Open].Snapshot ??= op.B == 0 ? null : op.B - 1;
                _open[op.Open].LockReached = (OwnStep)op.D;
                break;
            case OperationKind.FaultMap:
                FaultStory over = _open[op.Open];
                _open.Remove(op.Open);
                over.EndsAt = index;
                over.Map = places;
                MapFacts facts = (MapFacts)op.B;
                over.Raced = facts.HasFlag(MapFacts.Raced);
                over.LockReached = facts.HasFlag(MapFacts.Passed) ? OwnStep.Seen : facts.HasFlag(MapFacts.NotPassed) ? OwnStep.Missing : OwnStep.NotRecorded;
                over.Observed = op.D == 0 ? null : (FaultOutcome)(op.D - 1);
                break;
        }
    }

    /// <summary>Spec 4.1: one that overlaps no memslot changes neither sequence nor count.</summary>
    private void Opens(Operation op, int index, Places places, List<Slot> slots)
    {
        List<(ulong, ulong)> gfns = [.. slots.Select(slot => slot.Gfns(op.A, op.B)).OfType<(ulong, ulong)>()];
        if (gfns.Count > 0)
        {
            Window window = new() { Id = op.FaultId, Open = op.Open, OpensAt = index, Hva = (op.A, op.B), Gfns = gfns, Begin = places };
            _byId.Add((op.Vm, op.FaultId), window);
            Windows[op.Vm].Add(window);
        }
    }

    private void Begins(Operation op, int index, Places places, List<Slot> slots)
    {
        BeginFacts facts = new(op.C);
        ulong gfn = op.A / 4096;
        FaultStory fault = new()
        {
            Id = op.FaultId,
            Vm = op.Vm,
            Open = op.Open,
            BeginsAt = index,
            Gfn = gfn,
            Hva = slots.Find(slot => slot.AsId == op.AsId && slot.Contains(gfn))?.Hva(gfn),
            Begin = places,
            Facts = facts,
            Snapshot = facts.SnapshotPlusOne == 0 ? null : facts.SnapshotPlusOne - 1,
        };
        _open[op.Open] = fault;
        Faults.Add(fault);
        if (facts.RootStale)
        {
            // Its root is the one that the last zap takes: before or after its check.
            fault.RootsGone.Add(_lastZap.GetValueOrDefault(op.Vm));
        }
    }
}
