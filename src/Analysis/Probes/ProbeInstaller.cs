using System.Text.RegularExpressions;
using TraceReplay.Analysis.Knowledge;

namespace TraceReplay.Analysis.Probes;

public enum ProbeState
{
    Placed,

    /// <summary>Placed without what it should read of the arguments.</summary>
    PlacedInPart,

    /// <summary>An event of that name was there.</summary>
    Present,
    Refused,
    Removed,
}

/// <summary>What became of one event.</summary>
/// <param name="Reason">Why it was refused, else null.</param>
/// <param name="Loses">What a replay can then not know for sure; null if other records say it too, or nothing is lost.</param>
public sealed record ProbeResult(string Name, string Function, ProbeState State, string? Reason = null, string? Loses = null);

/// <summary>Places our events and takes them away; touches no other event and enables none.</summary>
public static partial class ProbeInstaller
{
    /// <summary>Twice is once. If tracefs itself fails, what this call had placed is taken away again.</summary>
    /// <exception cref="AnalysisException">No tracefs, no permission, or not one event could be placed.</exception>
    public static IReadOnlyList<ProbeResult> Install(ITracefs tracefs, ProbeChoice choice)
    {
        HashSet<string> there = [.. Ours(tracefs)];
        var results = new List<ProbeResult>();
        try
        {
            foreach (ProbeDefinition definition in choice.Definitions)
            {
                results.Add(there.Contains(definition.Name)
                    ? new ProbeResult(definition.Name, definition.Function, ProbeState.Present)
                    : Place(tracefs, definition, choice.Generation.Machine));
            }
        }
        catch (AnalysisException)
        {
            TakeBack(tracefs, results);
            throw;
        }

        return results.Exists(r => r.State != ProbeState.Refused)
            ? results
            : throw new AnalysisException(AnalysisFailure.Environment, $"none of {results.Count} events could be placed; the first, on {results[0].Function}: {results[0].Reason} (is kvm loaded?)");
    }

    /// <summary>Removes all events of our group, whoever placed them. None there is no error.</summary>
    /// <exception cref="AnalysisException">No tracefs, no permission, or an event is in use.</exception>
    public static IReadOnlyList<ProbeResult> Remove(ITracefs tracefs)
    {
        var results = new List<ProbeResult>();
        foreach (string name in Ours(tracefs))
        {
            string? refused = tracefs.Run(RemovalOf(name));
            results.Add(new ProbeResult(name, "", refused is null ? ProbeState.Removed : ProbeState.Refused, refused));
        }

        ProbeResult? left = results.Find(r => r.State == ProbeState.Refused);
        return left is null
            ? results
            : throw new AnalysisException(AnalysisFailure.Environment, $"{ProbeDefinition.Group}/{left.Name} could not be removed: {left.Reason}");
    }

    private static ProbeResult Place(ITracefs tracefs, ProbeDefinition definition, Machine machine)
    {
        string? refused = tracefs.Run(definition.Text);
        if (refused is null)
        {
            return new ProbeResult(definition.Name, definition.Function, ProbeState.Placed);
        }

        bool inPart = definition.ReturnValueOnly is { } less && tracefs.Run(less.Text) is null;
        return new ProbeResult(definition.Name, definition.Function, inPart ? ProbeState.PlacedInPart : ProbeState.Refused, refused, Fact(definition, machine));
    }

    private static string? Fact(ProbeDefinition definition, Machine machine)
    {
        SourceKind kind = definition.IsReturn ? SourceKind.Return : SourceKind.Entry;
        return Requirements.Of(machine).FirstOrDefault(r => r.Known.Any(s => s.Kind == kind && s.Name == definition.Function))?.Fact;
    }

    private static void TakeBack(ITracefs tracefs, IEnumerable<ProbeResult> placed)
    {
        foreach (ProbeResult result in placed.Where(r => r.State is ProbeState.Placed or ProbeState.PlacedInPart))
        {
            try
            {
                tracefs.Run(RemovalOf(result.Name));
            }
            catch (AnalysisException)
            {
                // The failure that led here is the one to report.
                return;
            }
        }
    }

    private static string RemovalOf(string name) => $"-:{ProbeDefinition.Group}/{name}";

    private static IEnumerable<string> Ours(ITracefs tracefs) =>
        [.. EventPattern().Matches(tracefs.ReadEvents()).Select(m => m.Groups[1].Value).Distinct()];

    // The kernel lists a return probe as r, or with the number of its slots behind it.
    [GeneratedRegex(@"^[a-z]\d*:tracereplay/(\w+)\b", RegexOptions.Multiline)]
    private static partial Regex EventPattern();
}
