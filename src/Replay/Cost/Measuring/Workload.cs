using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>Neighbouring operations of one label.</summary>
internal readonly record struct Segment(int Start, int Length, int Label);

/// <summary>Operations in memory, cut into segments whose time is added up by label: the path of a fault, or the host's work.</summary>
internal sealed class Workload
{
    /// <summary>What is no work of KVM: facts about host and memslots that a trace tells a model.</summary>
    private const string Facts = "facts";

    private Workload(Operation[] operations, string[] labels, Segment[] segments, int[] units)
    {
        Operations = operations;
        Labels = labels;
        Segments = segments;
        Units = units;
    }

    public Operation[] Operations { get; }

    public IReadOnlyList<string> Labels { get; }

    public Segment[] Segments { get; }

    /// <summary>Faults, windows or leaves of a label, by its place.</summary>
    public IReadOnlyList<int> Units { get; }

    /// <summary>The first operations of a trace.</summary>
    /// <param name="reader">The dataset.</param>
    /// <param name="trace">One of its traces.</param>
    /// <param name="most">Operations at most: 72 bytes each.</param>
    /// <param name="ct">Stops between batches.</param>
    public static (Workload Workload, Func<string, IFaultModel> Create) Read(DatasetReader reader, TraceManifest trace, int most, CancellationToken ct)
    {
        using OperationSource source = new(reader, trace);
        List<Operation> operations = [];
        while (operations.Count < most && source.MoveNext())
        {
            ct.ThrowIfCancellationRequested();
            operations.AddRange(CollectionsMarshal.AsSpan(source.Operations));
        }

        Timeline.CapturedKernel kernel = source.Kernel;
        IFaultModel Create(string name) => ModelCatalog.Create(name, name == kernel.Model ? kernel.Setting : null, kernel.Layout);
        return (Of([.. operations], Create(kernel.Model ?? ModelCatalog.All[0].Name)), Create);
    }

    /// <param name="operations">In order.</param>
    /// <param name="judge">The model whose paths name the faults: the same names for all models that are measured.</param>
    public static Workload Of(Operation[] operations, IFaultModel judge)
    {
        List<FaultResult> results = [];
        judge.Execute(operations, results);
        Dictionary<long, string> paths = results.Where(r => r.FaultId >= 0).ToDictionary(r => r.FaultId, r => Path(in r.Fault));
        List<string> labels = [];
        List<int> units = [];
        List<Segment> segments = [];
        Dictionary<string, int> places = [];
        for (int i = 0; i < operations.Length; i++)
        {
            string name = Label(in operations[i], paths);
            if (!places.TryGetValue(name, out int label))
            {
                places.Add(name, label = labels.Count);
                labels.Add(name);
                units.Add(0);
            }

            // A fault is counted where it ends.
            units[label] += operations[i].Kind is OperationKind.FaultBegin or OperationKind.FaultLookup ? 0 : 1;
            if (segments.Count > 0 && segments[^1].Label == label)
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

    public bool IsMeasured(int label) => Labels[label] != Facts;

    private static string Path(in FaultContext fault) => OutcomeTable.Path(fault.Path) ?? "other";

    private static string Label(in Operation op, Dictionary<long, string> paths)
    {
        if (op.Kind is OperationKind.FaultBegin or OperationKind.FaultLookup or OperationKind.FaultMap)
        {
            return paths.GetValueOrDefault(op.FaultId, "other");
        }

        string work = CostCountTable.Work(op.Kind);
        return work == "other" ? Facts : work;
    }
}
