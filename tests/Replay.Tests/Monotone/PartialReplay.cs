using System.Globalization;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Tests.Captures;

namespace TraceReplay.Replay.Tests.Monotone;

/// <summary>
/// A capture of which some kinds of event were not recorded: a dataset like the whole one's, in which those tables are not. The
/// replay needs no option for it.
/// </summary>
internal sealed class PartialReplay
{
    private const string Events = "events";

    private readonly string _dataset;
    private readonly string _traceId;

    private PartialReplay(string dataset, string traceId)
    {
        _dataset = dataset;
        _traceId = traceId;
        Tables = [.. Directory.EnumerateDirectories(Path.Combine(dataset, Events)).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
    }

    /// <summary>The event tables of the whole capture.</summary>
    public IReadOnlyList<string> Tables { get; }

    public static PartialReplay Of(string capture, string? kernel = null)
    {
        string dataset = Directory.CreateDirectory(Path.Combine(TestDatasets.Root, Path.GetRandomFileName())).FullName;
        return new PartialReplay(dataset, Ingestor.Ingest(capture, dataset, new IngestOptions { Kernel = kernel }).TraceId);
    }

    /// <summary>Replays what is left without some tables.</summary>
    public Predictions Without(params IReadOnlyCollection<string> tables)
    {
        string part = Directory.CreateDirectory(Path.Combine(TestDatasets.Root, Path.GetRandomFileName())).FullName;
        Directory.CreateDirectory(Path.Combine(part, Events));
        foreach (string entry in Directory.EnumerateFileSystemEntries(_dataset).Where(entry => Path.GetFileName(entry) is not (Events or "results")))
        {
            Link(entry, Path.Combine(part, Path.GetFileName(entry)));
        }

        foreach (string table in Tables.Except(tables))
        {
            Link(Path.Combine(_dataset, Events, table), Path.Combine(part, Events, table));
        }

        ReplayRunner.Run(part, _traceId, new ReplayOptions());
        DatasetReader reader = DatasetReader.Open(part);
        List<Dictionary<string, string?>> Result(string table, params string[] columns) => ReplayedCapture.Rows(reader.ResultPath(_traceId, table), columns);
        Predictions predictions = Predictions.Of(
            Result("fidelity", "model").FirstOrDefault()?["model"],
            Result("faults", "fault_id", "seq", "observed_outcome"),
            Result("outcomes", "model", "fault_id", "outcomes", "certainty"),
            Result("fidelity_misses", "quantity", "fault_id"));
        Directory.Delete(part, recursive: true);
        return predictions;
    }

    private static void Link(string from, string to)
    {
        if (Directory.Exists(from))
        {
            Directory.CreateSymbolicLink(to, from);
        }
        else
        {
            File.CreateSymbolicLink(to, from);
        }
    }
}

/// <summary>What the models predict, by model and the position of the fault's kvm_page_fault.</summary>
internal sealed class Predictions
{
    private const string Unknown = "UNKNOWN";

    private readonly Dictionary<(string Model, long Seq), string> _sets = [];

    /// <summary>Faults whose observed outcome is outside of the captured kernel's set without a row in the misses, or the other way round.</summary>
    public required int Unsound { get; init; }

    /// <summary>How many faults each model says something of, summed.</summary>
    public int Verdicts => _sets.Values.Count(set => set != Unknown);

    /// <param name="captured">The captured kernel's model.</param>
    public static Predictions Of(string? captured, List<Dictionary<string, string?>> faults, List<Dictionary<string, string?>> outcomes, List<Dictionary<string, string?>> misses)
    {
        Dictionary<string, Dictionary<string, string?>> byId = faults.ToDictionary(fault => fault["fault_id"]!);
        HashSet<string> missed = [.. misses.Where(miss => miss["quantity"] == "outcome").Select(miss => miss["fault_id"]!)];
        int unsound = outcomes.Where(row => row["model"] == captured).Count(row =>
        {
            string observed = byId[row["fault_id"]!]["observed_outcome"]!;
            string set = row["outcomes"]!;
            bool isMissed = missed.Contains(row["fault_id"]!);
            bool contradicts = set != Unknown && observed != Unknown && !set.Split('|').Contains(observed);
            return isMissed ? set != Unknown && !contradicts : contradicts && row["certainty"] != "assumed";
        });
        Predictions predictions = new() { Unsound = unsound };
        foreach (Dictionary<string, string?> row in outcomes)
        {
            // What is predicted of a page that is only assumed is no verdict: the row says so.
            predictions._sets.Add((row["model"]!, long.Parse(byId[row["fault_id"]!]["seq"]!, CultureInfo.InvariantCulture)), row["certainty"] == "assumed" ? Unknown : row["outcomes"]!);
        }

        return predictions;
    }

    /// <summary>
    /// What is wrong with a replay of fewer records, given this one of more: a prediction of the fewer is unknown, or holds every outcome
    /// of this one. Empty if nothing is.
    /// </summary>
    public string Against(Predictions fewer)
    {
        List<string> changed = [];
        foreach (((string model, long seq), string set) in _sets)
        {
            if (set == Unknown || !fewer._sets.TryGetValue((model, seq), out string? other) || other == Unknown)
            {
                continue;
            }

            if (set.Split('|').Except(other.Split('|')).Any())
            {
                changed.Add($"{model} {set} to {other}");
            }
        }

        List<string> wrong = [.. changed.GroupBy(change => change).OrderByDescending(group => group.Count()).Select(group => $"{group.Count()} {group.Key}")];
        if (Verdicts < fewer.Verdicts)
        {
            wrong.Add($"{fewer.Verdicts} verdicts with fewer records, {Verdicts} with more");
        }

        if (fewer.Unsound > 0)
        {
            wrong.Add($"{fewer.Unsound} observations outside of the set that are no misses");
        }

        return string.Join(", ", wrong);
    }
}
