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
using TraceReplay.Replay.Timeline.Inference;

namespace TraceReplay.Replay;

/// <summary>What to replay. Null means: all models, the setting of the captured kernel.</summary>
public sealed record ReplayOptions
{
    /// <summary>Model names as in <see cref="ModelRegistry"/>; null = all.</summary>
    public IReadOnlyList<string>? Models { get; init; }

    /// <summary>A setting such as "6.8" for the models that have it; null = the captured kernel's.</summary>
    public string? Setting { get; init; }

    /// <summary>Release of the captured kernel for traces that do not name it; null = unknown.</summary>
    public string? Kernel { get; init; }

    /// <summary>
    /// Leaves probe events out, so that what they tell is inferred instead. Where the trace has them, it is replayed with them
    /// first, and the assumptions carry the measured error of each inference.
    /// </summary>
    public bool IgnoreProbes { get; init; }
}

/// <summary>What one replay did; everything else is in the result tables.</summary>
/// <param name="TraceId">First 16 hex digits of the capture's SHA-256.</param>
/// <param name="Faults">Faults found in the trace.</param>
/// <param name="Warnings">One line each, for the person who asked.</param>
public sealed record ReplayReport(string TraceId, long Faults, IReadOnlyList<string> Warnings);

/// <summary>Re-executes one ingested trace against the models and writes the result tables.</summary>
public static class ReplayRunner
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceId">A trace that it holds.</param>
    /// <param name="options">Models and settings.</param>
    /// <param name="ct">Stops between batches; nothing is written then.</param>
    /// <exception cref="NotADatasetException">The directory is not a dataset.</exception>
    /// <exception cref="ArgumentException">No such trace, model or setting.</exception>
    public static ReplayReport Run(string dataset, string traceId, ReplayOptions options, CancellationToken ct = default)
    {
        // A night replays thousands: each reads its own manifest only.
        DatasetReader reader = DatasetReader.OpenTrace(dataset, traceId) ?? DatasetReader.Open(dataset);
        TraceManifest trace = reader.Traces.FirstOrDefault(t => t.TraceId == traceId)
            ?? throw new ArgumentException($"{dataset}: there is no trace '{traceId}' in it");
        CapturedKernel kernel = CapturedKernel.Of(reader, trace, options.Kernel, options.IgnoreProbes);
        if (!options.IgnoreProbes || !TraceEvents.HasProbes(reader, trace))
        {
            return Run(reader, trace, kernel, options, null, null, ct);
        }

        // The price of inference: the same trace with its probes, then without; the second's results stay.
        FactLog probed = new();
        CapturedKernel known = CapturedKernel.Of(reader, trace, options.Kernel, ignoreProbes: false);
        Run(reader, trace, known, options with { IgnoreProbes = false, Models = known.Model is { } model ? [model] : null, Setting = null }, probed, null, ct);
        return Run(reader, trace, kernel, options, new FactLog(), probed, ct);
    }

    private static ReplayReport Run(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, ReplayOptions options, FactLog? facts, FactLog? probed, CancellationToken ct)
    {
        IReadOnlyList<IFaultModel> models = CreateModels(options, kernel);
        using EventStream stream = TraceEvents.Open(reader, trace, options.IgnoreProbes);
        ClockSkew skew = new(kernel.Layout.Accessed | kernel.Layout.Dirty, trace.ClockUnit);
        using Replay replay = new(reader, trace, kernel, models, stream.Kinds, ReadWindowBegins(reader, trace, options.IgnoreProbes, skew), skew, Infer(reader, trace, kernel, stream.Kinds), facts)
        {
            AssumedProbes = TraceEvents.CountAssumedProbes(reader, trace, options.IgnoreProbes),
            Probed = probed,
        };
        while (stream.MoveNext())
        {
            replay.Add(stream.Current);
            if (replay.IsBatchFull)
            {
                ct.ThrowIfCancellationRequested();
                replay.ExecuteBatch();
            }
        }

        return replay.Complete();
    }

    /// <summary>Reads the trace ahead where neither memslots nor lookups are recorded, or are to be left out.</summary>
    internal static InferredFacts? Infer(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, IReadOnlySet<EventKind> kinds)
    {
        if (kinds.Contains(EventKind.SetRegion) || kinds.Contains(EventKind.Faultin))
        {
            return null;
        }

        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: true, InferredFacts.Kinds);
        return InferredFacts.Read(stream, kernel.Intel);
    }

    internal static WindowBegins ReadWindowBegins(DatasetReader reader, TraceManifest trace, bool ignoreProbes, ClockSkew skew)
    {
        HashSet<EventKind> kinds = [EventKind.UnmapHvaRange, EventKind.NotifierStartRet, EventKind.SpteChanged, EventKind.SpteRequested, EventKind.SetSpte, EventKind.PageFault];
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes, kinds);
        return WindowBegins.Read(stream, skew);
    }

    private static IReadOnlyList<IFaultModel> CreateModels(ReplayOptions options, CapturedKernel kernel)
    {
        IReadOnlyList<string> names = options.Models ?? [.. ModelRegistry.All.Select(model => model.Name)];
        if (options.Setting is { } setting && !ModelRegistry.All.Any(model => names.Contains(model.Name) && model.Settings.Contains(setting)))
        {
            throw new ArgumentException($"no chosen model has the setting '{setting}'; see 'tracereplay models'");
        }

        return [.. names.Distinct().Select(name => ModelCatalog.Create(
            name,
            options.Setting ?? (name == kernel.Model ? kernel.Setting : null),
            kernel.Layout))];
    }
}

/// <summary>One replay under way: timeline, models and tables.</summary>
internal sealed class Replay : IDisposable
{
    /// <summary>Operations a batch: enough that the call into a model does not count, few enough to stay in cache.</summary>
    private const int BatchOperations = 4096;

    private readonly TraceManifest _trace;
    private readonly CapturedKernel _kernel;
    private readonly IReadOnlyList<IFaultModel> _models;
    private readonly IReadOnlySet<EventKind> _kinds;
    private readonly int _captured;
    private readonly TimelineBuilder _timeline;
    private readonly RecordInvariants _records;
    private readonly ClockSkew _skew;
    private readonly List<FaultResult> _batch = [];
    private readonly Dictionary<long, FaultResult[]> _pending = [];
    private readonly Stack<FaultResult[]> _spare = new();
    private readonly LostRecords _lost;
    private readonly ResultTable<FaultRow> _faults;
    private readonly FaultRow _faultRow;
    private readonly ResultTable<OutcomeRow> _outcomes;
    private readonly OutcomeRow _outcomeRow;
    private readonly DivergenceTable _divergences;
    private readonly FidelityTables _fidelity;
    private readonly ViolationTable _violations;
    private readonly ResultTable<InvariantRow> _invariants;
    private readonly ResultTable<AssumptionRow> _assumptions;
    private readonly ResultTable<WindowRow> _windows;
    private readonly WindowRow _windowRow;
    private readonly ResultTable<BoMoveRow> _moves;
    private readonly BoMoveRow _moveRow;
    private readonly ReplayTallies _tallies = new();
    private readonly FactLog? _facts;

    public Replay(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, IReadOnlyList<IFaultModel> models, IReadOnlySet<EventKind> kinds, WindowBegins begins, ClockSkew skew, InferredFacts? inferred, FactLog? facts)
    {
        _trace = trace;
        _kernel = kernel;
        _models = models;
        _kinds = kinds;
        _captured = models.ToList().FindIndex(model => model.Name == kernel.Model && model.Settings.Name == kernel.Setting);
        if (_captured >= 0)
        {
            models[_captured].Checks = new ObservationChecks();
        }

        _lost = LostRecords.Read(reader, trace);
        _skew = skew;
        _records = RecordInvariants.For(kernel.Layout, skew, kinds);
        _timeline = new TimelineBuilder(kinds, begins, _lost, new TimelineOptions(kernel.Intel, kernel.ReturnCodes, kernel.Layout.HostWritable, kernel.Layout.Accessed, kernel.Layout.Dirty), inferred, facts?.WindowEnds)
        {
            Records = _records,
        };
        _facts = facts;
        string id = trace.TraceId;
        _faults = FaultTable.Open(reader.ResultPath(id, ResultTables.Faults));
        _faultRow = new FaultRow(id);
        _outcomes = OutcomeTable.Open(reader.ResultPath(id, ResultTables.Outcomes));
        _outcomeRow = new OutcomeRow(id);
        _divergences = new DivergenceTable(reader.ResultPath(id, ResultTables.Divergences), id);
        _fidelity = new FidelityTables(reader.ResultPath(id, ResultTables.Fidelity), reader.ResultPath(id, ResultTables.FidelityMisses), id, kernel.Layout.Accessed | kernel.Layout.Dirty);
        _violations = new ViolationTable(reader.ResultPath(id, ResultTables.Violations), id);
        _invariants = InvariantTable.Open(reader.ResultPath(id, ResultTables.Invariants));
        _assumptions = AssumptionTable.Open(reader.ResultPath(id, ResultTables.Assumptions));
        _windows = WindowTable.Open(reader.ResultPath(id, ResultTables.Windows));
        _windowRow = new WindowRow(id);
        _moves = BoMoveTable.Open(reader.ResultPath(id, ResultTables.BoMoves));
        _moveRow = new BoMoveRow(id);
    }

    /// <summary>Probes whose function is taken from their name, as the capture has no symbols.</summary>
    public int AssumedProbes { get; init; }

    /// <summary>What a replay of the same trace with its probes held to be true; null if there was none.</summary>
    public FactLog? Probed { get; init; }

    public bool IsBatchFull => _timeline.Operations.Count >= BatchOperations;

    public void Add(EventCursor e) => _timeline.Add(e);

    public void ExecuteBatch()
    {
        ReadOnlySpan<Operation> operations = CollectionsMarshal.AsSpan(_timeline.Operations);
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

        _timeline.Operations.Clear();
        foreach (ref ObservedFault fault in CollectionsMarshal.AsSpan(_timeline.Ended))
        {
            Write(ref fault);
        }

        _timeline.Ended.Clear();
        foreach (Window window in _timeline.EndedWindows)
        {
            _windowRow.WindowId++;
            _windowRow.Window = window;
            _windows.Add(_windowRow);
        }

        _timeline.EndedWindows.Clear();
        foreach (BoMove move in _timeline.EndedMoves)
        {
            _moveRow.Move = move;
            _moves.Add(_moveRow);
        }

        _timeline.EndedMoves.Clear();
        foreach (IFaultModel model in _models)
        {
            _violations.AddBreaches(model.Name, model.Invariants, _lost);
        }

        _violations.AddBreaches(InvariantList.KernelName, _records.Tally, _lost);
        if (_captured >= 0)
        {
            _fidelity.AddMisses(_models[_captured], _lost);
        }
    }

    public ReplayReport Complete()
    {
        _timeline.Complete();
        ExecuteBatch();
        foreach (IFaultModel model in _models)
        {
            model.Invariants.Complete();
            _violations.AddBreaches(model.Name, model.Invariants, _lost);
        }

        AssumptionWriter.Write(_assumptions, _trace, _kernel, _kinds, _timeline.Counts, _tallies, AssumedProbes, _skew, [.. _models.Select(model => model.Invariants), _records.Tally], Probed is null ? null : InferencePrice.Measure(Probed, _facts!));
        _outcomes.Complete();
        _divergences.Complete();
        foreach (IFaultModel model in _models)
        {
            InvariantTable.Write(_invariants, _trace.TraceId, model.Name, model.Settings.Name, model.Invariants);
        }

        InvariantTable.Write(_invariants, _trace.TraceId, InvariantList.KernelName, null, _records.Tally);
        _violations.Complete();
        _invariants.Complete();
        _assumptions.Complete();
        _windows.Complete();
        _moves.Complete();
        _fidelity.Complete(_captured < 0 ? null : _models[_captured]);
        _faults.Complete();
        return new ReplayReport(_trace.TraceId, _tallies.Faults, Warnings());
    }

    public void Dispose()
    {
        _faults.Dispose();
        _outcomes.Dispose();
        _divergences.Dispose();
        _violations.Dispose();
        _invariants.Dispose();
        _fidelity.Dispose();
        _assumptions.Dispose();
        _windows.Dispose();
        _moves.Dispose();
    }

    private FaultResult[] Pending(long faultId)
    {
        if (!_pending.TryGetValue(faultId, out FaultResult[]? results))
        {
            results = _spare.TryPop(out FaultResult[]? spare) ? spare : new FaultResult[_models.Count];
            _pending.Add(faultId, results);
        }

        return results;
    }

    private void Write(ref ObservedFault fault)
    {
        _pending.Remove(fault.FaultId, out FaultResult[]? results);
        if (results is null)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"fault {fault.FaultId} ended before the models decided it"));
        }

        fault.Lost = _lost.AnyBefore(fault.EndSeq < 0 ? long.MaxValue : fault.EndSeq);
        int truth = Math.Max(0, _captured);
        Tally(in fault, in results[truth].Fault);
        _facts?.Add(in fault, in results[truth].Fault);
        _faultRow.Fault = fault;
        _faultRow.PageKind = results[truth].Fault.Kind;
        _faults.Add(_faultRow);
        for (int m = 0; m < results.Length; m++)
        {
            _outcomeRow.Model = _models[m];
            _outcomeRow.Result = results[m];
            _outcomes.Add(_outcomeRow);
            _violations.Add(_models[m].Name, _models[m].Invariants, in fault, in results[m].Fault);
            for (int other = m + 1; other < results.Length; other++)
            {
                _divergences.AddIfDifferent(_models, results, m, other);
            }
        }

        if (_captured >= 0)
        {
            _fidelity.Compare(_models[_captured], in fault, in results[_captured].Fault);
        }

        _spare.Push(results);
    }

    private void Tally(in ObservedFault fault, in FaultContext predicted)
    {
        _tallies.Faults++;
        _tallies.Unknown += fault.Outcome == FaultOutcome.Unknown ? 1 : 0;
        _tallies.Predicted += predicted.Outcome == FaultOutcome.Unknown ? 0 : 1;
        _tallies.OrderAmbiguous += fault.OrderAmbiguous ? 1 : 0;
        if (predicted.Path == FaultPath.Remapped)
        {
            _tallies.Remapped++;
            _tallies.KindInferred += predicted.Certainty == Certainty.Inferred ? 1 : 0;
            _tallies.KindAssumed += predicted.Certainty == Certainty.Assumed ? 1 : 0;
        }
    }

    private List<string> Warnings()
    {
        List<string> warnings = [];
        if (_tallies.Faults == 0)
        {
            warnings.Add("the trace has no kvm_page_fault event: nothing to replay");
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
