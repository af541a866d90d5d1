using System.Globalization;
using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Arm64;
using TraceReplay.Replay.Timeline.Buffers;
using TraceReplay.Replay.Timeline.Inference;
using TraceReplay.Replay.Timeline.Windows;
using TraceReplay.Replay.Timeline.X86;

namespace TraceReplay.Replay;

/// <summary>One replay under way: timeline, models and tables.</summary>
internal sealed class ReplayRun : IDisposable
{
    /// <summary>Operations a batch: enough that the call into a model does not count, few enough to stay in cache.</summary>
    private const int BatchOperations = 4096;

    private readonly TraceManifest _trace;
    private readonly CapturedKernel _kernel;
    private readonly IReadOnlyList<IFaultModel> _models;
    private readonly IReadOnlySet<EventKind> _kinds;
    private readonly int _captured;
    private readonly EventTimeline _timeline;
    private readonly RecordInvariants _records;
    private readonly ClockSkew _skew;
    private readonly List<FaultResult> _batch = [];
    private readonly Dictionary<long, FaultResult[]> _pending = [];
    private readonly Stack<FaultResult[]> _spare = new();
    private readonly LostRecords _lost;
    private readonly ResultSet _results;
    private readonly WindowRow _windowRow;
    private readonly BoMoveRow _moveRow;
    private readonly ReplayTallies _tallies = new();
    private readonly FactLog? _facts;
    private readonly ThreadVcpus _vcpus;
    private readonly string _source;

    public ReplayRun(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, IReadOnlyList<IFaultModel> models, IReadOnlySet<EventKind> kinds, ClockSkew skew, InferredFacts? inferred, FactLog? facts, AbortFacts? aborts)
    {
        _trace = trace;
        _kernel = kernel;
        _models = models;
        _kinds = kinds;
        _captured = models.ToList().FindIndex(model => model.Name.Split('@')[0] == kernel.Model && model.Settings.Name == kernel.Setting);
        if (_captured >= 0)
        {
            models[_captured].Checks = new ObservationChecks
            {
                RecordsLeaves = kinds.Contains(EventKind.SpteChanged) && kinds.Contains(EventKind.NotifierEnd),
            };
        }

        _lost = LostRecords.Read(reader, trace);
        _skew = skew;
        _records = RecordInvariants.For(kernel.Layout, skew, kinds);
        _timeline = new EventTimeline(kinds, _lost, TimelineOptions.Of(kernel, trace.Format.EndsWith("text", StringComparison.Ordinal)), _records, inferred, facts?.WindowEnds, aborts);
        _facts = facts;
        _vcpus = ThreadVcpus.Read(reader, trace);
        _source = kernel.IsArm64Machine ? FaultTable.FromGuestFault : ExitFaults.Sources(trace).Any() ? FaultTable.FromExit : FaultTable.FromPageFault;
        string id = trace.TraceId;
        _results = new ResultSet(reader, trace, models, _captured < 0 ? null : models[_captured], kernel, _source, kinds.Contains(EventKind.SpteChanged));
        _windowRow = new WindowRow(id);
        _moveRow = new BoMoveRow(id);
    }

    /// <summary>Probes whose function is taken from their name, as the capture has no symbols.</summary>
    public int AssumedProbes { get; init; }

    /// <summary>What a replay of the same trace with its probes held to be true; null if there was none.</summary>
    public FactLog? Probed { get; init; }

    /// <summary>There were notifier windows that nothing records: any check may have met one.</summary>
    public bool WindowsUntold { get; init; }

    public bool IsBatchFull => _timeline.Ready >= BatchOperations;

    public void Add(EventCursor e)
    {
        _skew.Add(e);
        _timeline.Add(e);
    }

    public void ExecuteBatch()
    {
        ReadOnlySpan<Operation> operations = _timeline.Operations;
        for (int m = 0; m < _models.Count; m++)
        {
            _batch.Clear();
            _models[m].Execute(operations, _batch);
            foreach (ref readonly FaultResult result in CollectionsMarshal.AsSpan(_batch))
            {
                if (result.FaultId >= 0)
                {
                    Pending(result.FaultId)[m] = result;
                }
            }
        }

        _timeline.Executed();
        WriteEnded();
        foreach (Window window in _timeline.EndedWindows)
        {
            _windowRow.WindowId++;
            _windowRow.Window = window;
            _results.Windows.Add(_windowRow);
        }

        _timeline.EndedWindows.Clear();
        foreach (BoMove move in _timeline.EndedMoves)
        {
            _moveRow.Move = move;
            _results.BoMoves.Add(_moveRow);
        }

        _timeline.EndedMoves.Clear();
        foreach (IFaultModel model in _models)
        {
            _results.Violations.AddBreaches(model.Name, model.Invariants, _lost);
        }

        _results.Violations.AddBreaches(InvariantList.KernelName, _records.Tally, _lost);
        if (_captured >= 0)
        {
            _results.Fidelity.AddMisses(_lost);
        }
    }

    public ReplayReport Complete()
    {
        _timeline.Complete(() =>
        {
            if (IsBatchFull)
            {
                ExecuteBatch();
            }
        });
        ExecuteBatch();
        foreach (IFaultModel model in _models)
        {
            model.Invariants.Complete();
            _results.Violations.AddBreaches(model.Name, model.Invariants, _lost);
        }

        AssumptionWriter.Write(_results.Assumptions, _trace, _kernel, _kinds, _timeline.Counts, _tallies, AssumedProbes, WindowsUntold, _skew, [.. _models.Select(model => model.Invariants), _records.Tally], Probed is null ? null : InferencePrice.Measure(Probed, _facts!));
        foreach (IFaultModel model in _models)
        {
            InvariantTable.Write(_results.Invariants, _trace.TraceId, model.Name, model.Settings.Name, model.Invariants);
        }

        InvariantTable.Write(_results.Invariants, _trace.TraceId, InvariantList.KernelName, null, _records.Tally);
        _results.Complete();
        return new ReplayReport(_trace.TraceId, _trace.Kernel, _tallies.Faults, _results.Divergences.Rows, _results.Fidelity.Outcomes, Warnings());
    }

    public void Dispose() => _results.Dispose();

    private FaultResult[] Pending(long faultId)
    {
        if (!_pending.TryGetValue(faultId, out FaultResult[]? results))
        {
            results = _spare.TryPop(out FaultResult[]? spare) ? spare : new FaultResult[_models.Count];
            _pending.Add(faultId, results);
        }

        return results;
    }

    /// <summary>Faults of which the models have not been told all yet stay for the next batch.</summary>
    private void WriteEnded()
    {
        int kept = 0;
        Span<ObservedFault> ended = CollectionsMarshal.AsSpan(_timeline.Ended);
        for (int i = 0; i < ended.Length; i++)
        {
            if (_pending.ContainsKey(ended[i].FaultId))
            {
                Write(ref ended[i]);
            }
            else
            {
                ended[kept++] = ended[i];
            }
        }

        _timeline.Ended.RemoveRange(kept, ended.Length - kept);
    }

    private void Write(ref ObservedFault fault)
    {
        _pending.Remove(fault.FaultId, out FaultResult[]? results);
        if (results is null)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"fault {fault.FaultId} ended before the models decided it"));
        }

        fault.Vcpu = fault.Vcpu < 0 ? _vcpus.Of(fault.Pid) : fault.Vcpu;
        fault.Lost = _lost.AnyBefore(fault.EndSeq < 0 ? long.MaxValue : fault.EndSeq);
        int truth = Math.Max(0, _captured);
        Tally(in fault, in results[truth].Fault);
        _facts?.Add(in fault, in results[truth].Fault);
        _results.Faults.Add(in fault, results[truth].Fault.Kind);
        for (int m = 0; m < results.Length; m++)
        {
            _results.Outcomes.Add(m, in results[m]);
            _results.Violations.Add(_models[m].Name, _models[m].Invariants, in fault, in results[m].Fault);
            for (int other = m + 1; other < results.Length; other++)
            {
                _results.Divergences.AddIfDifferent(_models, results, m, other);
            }
        }

        if (_captured >= 0)
        {
            _results.Fidelity.Compare(in fault, in results[_captured].Fault);
        }

        _spare.Push(results);
    }

    private void Tally(in ObservedFault fault, in FaultContext predicted)
    {
        _tallies.Faults++;
        _tallies.Unknown += fault.Outcome == FaultOutcome.Unknown ? 1 : 0;
        _tallies.Predicted += predicted.Outcome == FaultOutcome.Unknown ? 0 : 1;
        _tallies.InSet += predicted.IsSet ? 1 : 0;
        _tallies.ByOwnStep += predicted is { IsSet: false, ByOwnStep: true } ? 1 : 0;
        if (predicted.Path == FaultPath.Remapped)
        {
            _tallies.Remapped++;
            _tallies.TtmMapped += fault.Outcome == FaultOutcome.Fixed && predicted.Kind is PageKind.P2 or PageKind.P3 or PageKind.P4 ? 1 : 0;
            _tallies.KindInferred += predicted.Certainty == Certainty.Inferred ? 1 : 0;
            _tallies.KindAssumed += predicted.Certainty == Certainty.Assumed ? 1 : 0;
        }
    }

    private List<string> Warnings()
    {
        List<string> warnings = [];
        if (_tallies.Faults == 0)
        {
            warnings.Add(_timeline.Counts.FaultsUntold > 0 ? "no fault of the trace has an address: nothing to replay"
                : $"the trace has no {_source} event: nothing to replay");
        }

        warnings.AddRange(_kernel.Warnings);
        if (_kernel.Model is null)
        {
            warnings.Add("the captured kernel's release is not known (--kernel names it): no model can be checked against it");
        }
        else if (_captured < 0)
        {
            warnings.Add($"fidelity is not measured: the captured kernel is {_kernel.Model}@{_kernel.Setting}, which this replay leaves out");
        }

        if (WindowsUntold)
        {
            warnings.Add("the notifier's windows are not recorded: each fault that looks a page up may have met one, and its outcomes are a set (record kvm:kvm_unmap_hva_range, or probe the notifier)");
        }

        if (_timeline.ForcedOn > 0)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{_timeline.ForcedOn} things were replayed before a record showed where they belong: their ends are missing, or lie too far behind"));
        }

        if (_timeline.Counts.EventsUntold > 0)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{_timeline.Counts.EventsUntold} events were not used, as the capture does not tell their values; {_timeline.Counts.FaultsUntold} of them are faults, which have no row"));
        }

        if (_timeline.Counts.OutcomesUntold > 0)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{_timeline.Counts.OutcomesUntold} faults have an unknown outcome, as the capture does not tell the value that says it"));
        }

        if (_timeline.Counts.FaultsDropped > 0)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{_timeline.Counts.FaultsDropped} faults were dropped: more than {FaultLimits.MaxOpen} tasks were in a fault at once"));
        }

        return warnings;
    }
}
