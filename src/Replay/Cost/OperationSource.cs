using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Cost;

/// <summary>The operations of one trace, a batch at a time, without models and tables.</summary>
internal sealed class OperationSource : IDisposable
{
    private const int Batch = 4096;

    private readonly EventStream _stream;
    private readonly EventTimeline _timeline;
    private bool _started;
    private bool _complete;

    public OperationSource(DatasetReader reader, TraceManifest trace)
    {
        Kernel = CapturedKernel.Of(reader, trace, null, ignoreProbes: false);
        ClockSkew skew = new(Kernel.Layout.Accessed | Kernel.Layout.Dirty, trace.ClockUnit);
        _stream = TraceEvents.Open(reader, trace, ignoreProbes: false);
        _timeline = new EventTimeline(
            _stream.Kinds,
            LostRecords.Read(reader, trace),
            TimelineOptions.Of(Kernel),
            RecordInvariants.For(Kernel.Layout, skew, _stream.Kinds),
            ReplayRunner.Infer(reader, trace, Kernel, _stream.Kinds),
            aborts: ReplayRunner.InferAborts(reader, trace, Kernel, _stream.Kinds));
    }

    public CapturedKernel Kernel { get; }

    /// <summary>Whether the trace records changes of leaves one by one.</summary>
    public bool RecordsLeaves => _stream.Kinds.Contains(EventKind.SpteChanged);

    /// <summary>Valid until the next call of <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<Operation> Operations => _timeline.Operations;

    /// <summary>Faults of which the trace shows the end.</summary>
    public List<ObservedFault> Ended => _timeline.Ended;

    /// <summary>Sees every event before the timeline does.</summary>
    public Action<EventCursor>? Watch { get; set; }

    /// <summary>Replaces operations and ended faults by the next batch of them; false at the end.</summary>
    public bool MoveNext()
    {
        // What the timeline says before the first event must not be lost.
        if (_started)
        {
            _timeline.Executed();
            _timeline.Ended.Clear();
        }

        _started = true;
        while (_timeline.Ready < Batch && _stream.MoveNext())
        {
            Watch?.Invoke(_stream.Current);
            _timeline.Add(_stream.Current);
        }

        if (_timeline.Ready < Batch && !_complete)
        {
            _complete = true;
            _timeline.Complete();
            return true;
        }

        return _timeline.Ready > 0;
    }

    /// <summary>A fresh model with the captured kernel's setting, if it is that kernel's.</summary>
    /// <param name="costs">Takes what it counts; null = it does not count.</param>
    public IFaultModel Create(string name, CostCounter? costs = null) => ModelCatalog.Create(name, name == Kernel.Model ? Kernel.Setting : null, Kernel.Layout, costs);

    public void Dispose() => _stream.Dispose();
}
