using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>Neighbouring operations of one label.</summary>
internal readonly record struct Segment(int Start, int Length, int Label);

/// <summary>What time is added up under.</summary>
/// <param name="Path">The path of a fault, or the host's work.</param>
/// <param name="Alike">All models end such a fault alike; null for the host's work.</param>
internal readonly record struct WorkLabel(string Path, bool? Alike);

/// <summary>Operations in memory, cut into segments whose time is added up by label: the path of a fault, or the host's work.</summary>
internal sealed class Workload
{
    /// <summary>What is no work of KVM: facts about host and memslots that a trace tells a model.</summary>
    private const string Facts = "facts";
    private const string Other = "other";
    private const int LongestSegment = 512;
    private const int ChunkOperations = 2048;

    private Workload(Operation[] operations, WorkLabel[] labels, Segment[] segments, int[] units)
    {
        Operations = operations;
        Labels = labels;
        Segments = segments;
        Units = units;
    }

    public Operation[] Operations { get; }

    public IReadOnlyList<WorkLabel> Labels { get; }

    public Segment[] Segments { get; }

    /// <summary>The segments in pieces so short that few of them lose their core.</summary>
    public IEnumerable<ReadOnlyMemory<Segment>> Chunks()
    {
        int from = 0;
        int operations = 0;
        for (int i = 0; i < Segments.Length; i++)
        {
            operations += Segments[i].Length;
            if (operations >= ChunkOperations || i == Segments.Length - 1)
            {
                yield return Segments.AsMemory(from, i + 1 - from);
                (from, operations) = (i + 1, 0);
            }
        }
    }

    /// <summary>Faults, windows or leaves of a label, by its place.</summary>
    public IReadOnlyList<int> Units { get; }

    /// <summary>The first operations of a trace.</summary>
    /// <param name="reader">The dataset.</param>
    /// <param name="trace">One of its traces.</param>
    /// <param name="most">Operations at most: 88 bytes each.</param>
    /// <param name="ct">Stops between batches.</param>
    public static (Workload Workload, Func<string, IFaultModel> Create) Read(DatasetReader reader, TraceManifest trace, int most, CancellationToken ct)
    {
        using OperationSource source = new(reader, trace);
        List<Operation> operations = [];
        while (operations.Count < most && source.MoveNext())
        {
            ct.ThrowIfCancellationRequested();
            operations.AddRange(source.Operations);
        }

        Timeline.CapturedKernel kernel = source.Kernel;
        IFaultModel Create(string name) => ModelCatalog.Create(name, name == kernel.Model ? kernel.Setting : null, kernel.Layout);
        string first = kernel.Model ?? ModelCatalog.All[0].Name;
        return (Of([.. operations], [Create(first), .. ModelCatalog.All.Where(m => m.Name != first).Select(m => Create(m.Name))]), Create);
    }

    /// <param name="operations">In order.</param>
    /// <param name="judges">The models; the first one's paths name the faults, the same names for all that are measured.</param>
    public static Workload Of(Operation[] operations, IReadOnlyList<IFaultModel> judges)
    {
        Dictionary<long, WorkLabel> faults = Judge(operations, judges);
        List<WorkLabel> labels = [];
        List<int> units = [];
        List<Segment> segments = [];
        Dictionary<WorkLabel, int> places = [];
        for (int i = 0; i < operations.Length; i++)
        {
            WorkLabel name = Label(in operations[i], faults);
            if (!places.TryGetValue(name, out int label))
            {
                places.Add(name, label = labels.Count);
                labels.Add(name);
                units.Add(0);
            }

            // A fault is counted where it ends.
            units[label] += operations[i].Kind is OperationKind.FaultBegin or OperationKind.FaultLookup ? 0 : 1;
            if (segments.Count > 0 && segments[^1].Label == label && segments[^1].Length < LongestSegment)
            {
                segments[^1] = segments[^1] with { Length = segments[^1].Length + 1 };
            }
            else
            {
                segments.Add(new Segment(i, 1, label));
            }
        }

        return new Workload(operations, [.. labels], [.. segments], [.. units]);
    }

    public bool IsMeasured(int label) => Labels[label].Path != Facts;

    private static Dictionary<long, WorkLabel> Judge(Operation[] operations, IReadOnlyList<IFaultModel> judges)
    {
        Dictionary<long, WorkLabel> labels = [];
        Dictionary<long, FaultOutcome> outcomes = [];
        List<FaultResult> results = [];
        foreach (IFaultModel judge in judges)
        {
            results.Clear();
            judge.Execute(operations, results);
            foreach (ref readonly FaultResult result in CollectionsMarshal.AsSpan(results))
            {
                if (outcomes.TryAdd(result.FaultId, result.Fault.Outcome))
                {
                    labels.Add(result.FaultId, new WorkLabel(OutcomeTable.Path(result.Fault.Path) ?? Other, Alike: true));
                }
                else if (outcomes[result.FaultId] != result.Fault.Outcome)
                {
                    labels[result.FaultId] = labels[result.FaultId] with { Alike = false };
                }
            }
        }

        return labels;
    }

    private static WorkLabel Label(in Operation op, Dictionary<long, WorkLabel> faults)
    {
        if (op.Kind is OperationKind.FaultBegin or OperationKind.FaultLookup or OperationKind.FaultMap)
        {
            return faults.GetValueOrDefault(op.FaultId, new WorkLabel(Other, null));
        }

        string work = CostCountTable.Work(op.Kind);
        return new WorkLabel(work == Other ? Facts : work, null);
    }
}
