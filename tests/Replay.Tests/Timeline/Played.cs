using System.Globalization;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Tests.Judging;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Buffers;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Tests.Timeline;

/// <summary>What the timeline makes of a story: no model, no table. Places are told by the name of the record that stands there.</summary>
internal sealed class Played
{
    private readonly string[] _records;

    private Played(Story story, string dataset, string traceId)
    {
        _records = Names(story.Text);
        DatasetReader reader = DatasetReader.Open(dataset);
        TraceManifest trace = reader.Traces.Single(t => t.TraceId == traceId);
        CapturedKernel kernel = CapturedKernel.Of(reader, trace, story.Kernel, ignoreProbes: false);
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: false);
        RecordInvariants records = RecordInvariants.For(kernel.Layout, new ClockSkew(kernel.Layout.Accessed | kernel.Layout.Dirty, "ns"), stream.Kinds);
        EventTimeline timeline = new(stream.Kinds, LostRecords.Read(reader, trace), TimelineOptions.Of(kernel), records, inferred: null);
        while (stream.MoveNext())
        {
            timeline.Add(stream.Current);
        }

        timeline.Complete();
        Operations = [.. timeline.Operations];
        Faults = [.. timeline.Ended];
        Windows = [.. timeline.EndedWindows];
        Moves = [.. timeline.EndedMoves];
        Counts = timeline.Counts;
    }

    public IReadOnlyList<Operation> Operations { get; }

    public IReadOnlyList<ObservedFault> Faults { get; }

    public IReadOnlyList<Window> Windows { get; }

    public IReadOnlyList<BoMove> Moves { get; }

    public TimelineCounts Counts { get; }

    public static Played Of(Story story)
    {
        string path = Path.Combine(TestDatasets.Root, Path.GetRandomFileName() + ".trace.txt");
        string dataset = Directory.CreateDirectory(Path.Combine(TestDatasets.Root, Path.GetRandomFileName())).FullName;
        File.WriteAllText(path, story.Text);
        return new Played(story, dataset, Ingestor.Ingest(path, dataset, new IngestOptions { Kernel = story.Kernel }).TraceId);
    }

    public IEnumerable<Operation> Of(params OperationKind[] kinds) => Operations.Where(op => kinds.Contains(op.Kind));

    /// <summary>The kinds of the operations that are asked for, each with the record that it comes with.</summary>
    public string[] At(params OperationKind[] kinds) => [.. Of(kinds).Select(op => $"{op.Kind} at {Record(op.Seq + 1)}")];

    /// <summary>Between which records each operation of a kind lies; one record where it is exactly there.</summary>
    public string[] Between(OperationKind kind) => [.. Of(kind).Select(Between)];

    public string Between(Operation op) => op.After == op.Before ? Record(op.After) : $"{Record(op.After)} .. {Record(op.Before)}";

    /// <summary>The record at a place; a name that stands more than once is counted.</summary>
    public string Record(long place) => place switch
    {
        0 => "begin",
        long.MaxValue => "end",
        _ => _records[place - 1],
    };

    private static string[] Names(string text)
    {
        string[] names = [.. text.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(NameOf)];
        Dictionary<string, int> seen = [];
        Dictionary<string, int> all = names.CountBy(name => name).ToDictionary();
        return [.. names.Select(name => all[name] == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{name} {seen[name] = seen.GetValueOrDefault(name) + 1}"))];
    }

    /// <summary>Behind the time stamp: <c>name: values</c>, or a system call as <c>sys_name(arguments)</c> or <c>sys_name -> result</c>.</summary>
    private static string NameOf(string line)
    {
        string e = line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..];
        string name = e[..e.IndexOfAny([':', '(', ' '])];
        return e.StartsWith("sys_", StringComparison.Ordinal) && e.Contains("->", StringComparison.Ordinal) ? name + "_exit" : name;
    }
}
