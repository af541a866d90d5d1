using System.Numerics;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Cost;

/// <summary>What one fault, or one thing that the host did, cost a model.</summary>
public struct CostRow
{
    /// <summary>The fault; -1 for work that no fault asked for.</summary>
    public long FaultId;

    public long Seq;

    /// <summary>What the host did; a fault has <see cref="OperationKind.FaultMap"/>.</summary>
    public OperationKind Work;

    public FaultPath Path;
    public FaultOutcome Outcome;
    public PageKind Kind;
    public FaultAccess Access;

    /// <summary>Leaves that it changed.</summary>
    public int Leaves;

    public CostVector Counts;
}

/// <summary>
/// Collects what a model counts: a vector for each fault that is open, and one for the host's own work. A model adds where it
/// does the operation.
/// </summary>
public sealed class CostCounter
{
    private readonly Dictionary<(int Vm, int AsId), int> _lastSlot = [];
    private CostVector[] _vectors = new CostVector[17];
    private int _current;
    private OperationKind _previous;
    private int _previousVm = -1;

    /// <summary>Rows in the order in which faults ended and work was done; taken away by whoever reads them.</summary>
    public List<CostRow> Rows { get; } = [];

    /// <summary>Leaves that the host's work has changed so far.</summary>
    public int Leaves { get; set; }

    /// <summary>What is counted from now on belongs to the fault in this place; -1 = to nobody's fault.</summary>
    public void Enter(int place)
    {
        _current = place + 1;
        if (_current >= _vectors.Length)
        {
            Array.Resize(ref _vectors, Math.Max(_current + 1, 2 * _vectors.Length));
        }
    }

    public void Begin(int place)
    {
        Enter(place);
        _vectors[_current] = default;
    }

    public void Add(CostOperation operation, int times) => _vectors[_current].Add(operation, times);

    /// <summary>Steps to find a memslot: the one found last is tried first.</summary>
    public void AddSlotLookup(int vm, int asId, Memslot? found, int slots)
    {
        int id = found?.Id ?? -1;
        bool hit = found is not null && _lastSlot.TryGetValue((vm, asId), out int last) && last == id;
        Add(CostOperation.SlotLookup, hit || slots < 2 ? 1 : BitOperations.Log2((uint)slots - 1) + 1);
        if (found is not null)
        {
            _lastSlot[(vm, asId)] = id;
        }
    }

    /// <summary>A change of a leaf that was recorded by itself: the kernel flushes once for all that follow one another.</summary>
    public void AddFlushOfBatch(in Operation op)
    {
        if (op.Kind != _previous || op.Vm != _previousVm)
        {
            Add(CostOperation.TlbFlush, 1);
        }
    }

    public void EndFault(in Operation op, in FaultContext fault)
    {
        AddContext(in fault);
        Append(in op, fault.Path, in fault, op.FaultId, leaves: 0);
        _previous = OperationKind.FaultMap;
    }

    public void EndWork(in Operation op)
    {
        if (!_vectors[_current].IsZero)
        {
            Append(in op, FaultPath.None, default, -1, Leaves);
            _vectors[_current] = default;
        }

        Leaves = 0;
        _previous = op.Kind;
        _previousVm = op.Vm;
    }

    /// <summary>What a lookup did to struct page, which its context carries.</summary>
    public void AddContext(in FaultContext fault)
    {
        ref CostVector counts = ref _vectors[_current];
        counts.Add(CostOperation.RefGet, fault.RefsGot);
        counts.Add(CostOperation.RefPut, fault.RefsPut);
        counts.Add(CostOperation.RefTryFail, fault.RefTryFails);
        counts.Add(CostOperation.MemmapCheck, fault.MemmapChecks);
        counts.Add(CostOperation.PageLine, fault.PageLines);
        counts.Add(CostOperation.MarkAccessed, fault.MarkedAccessed);
        counts.Add(CostOperation.MarkDirty, fault.MarkedDirty);
        counts.Add(CostOperation.Retry, fault.Outcome == FaultOutcome.Retry ? 1 : 0);
        counts.Add(CostOperation.AsyncFault, fault.Outcome == FaultOutcome.Async ? 1 : 0);
    }

    private void Append(in Operation op, FaultPath path, in FaultContext fault, long faultId, int leaves) => Rows.Add(new CostRow
    {
        FaultId = faultId,
        Seq = op.Seq,
        Work = op.Kind,
        Path = path,
        Outcome = fault.Outcome,
        Kind = fault.Kind,
        Access = fault.Access,
        Leaves = leaves,
        Counts = _vectors[_current],
    });
}
