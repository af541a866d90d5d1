using System.Globalization;
using System.Text.Json;

namespace TraceReplay.FleetMaker;

/// <summary>Holds what a night reported against what was planted.</summary>
internal static class Judge
{
    /// <summary>A host's captures of one scenario on one kernel, or with <c>*</c> those of all hosts of a class.</summary>
    private sealed record Group(string Class, string Host, string Scenario, string Kernel)
    {
        public bool Touches(Group other) =>
            (Class, Scenario, Kernel) == (other.Class, other.Scenario, other.Kernel) && (Host == other.Host || Host == "*" || other.Host == "*");
    }

    /// <summary>
    /// Prints: planted groups that were reported, planted groups, reported ones with nothing planted. A planted host is found if it is
    /// named; a report on a class is no false alarm if one of its hosts has something planted. A new kind is one where nothing is.
    /// The misses go to standard error.
    /// </summary>
    public static void Print(string? plantedFile, string summaryFile)
    {
        HashSet<Group> planted = plantedFile is null ? [] : Groups(JsonDocument.Parse(File.ReadAllText(plantedFile)).RootElement);
        JsonElement summary = JsonDocument.Parse(File.ReadAllText(summaryFile)).RootElement;
        HashSet<Group> reported = Groups(summary.GetProperty("regressions"));
        Group[] missed = [.. planted.Where(p => !reported.Any(r => p.Host == "*" ? r.Touches(p) : r == p))];
        string[] wrong =
        [
            .. reported.Where(r => !planted.Any(r.Touches)).Select(r => r.ToString()),
            .. planted.Count > 0 ? [] : summary.GetProperty("new_kinds").EnumerateArray().Select(k => k.ToString()),
        ];
        Array.ForEach(missed, group => Console.Error.WriteLine($"missed: {group}"));
        Array.ForEach(wrong, group => Console.Error.WriteLine($"false alarm: {group}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{planted.Count - missed.Length} {planted.Count} {wrong.Length}"));
    }

    private static HashSet<Group> Groups(JsonElement list) =>
        [.. list.EnumerateArray().Select(e => new Group(Text(e, "class"), e.GetProperty("host").GetString() ?? "*", Text(e, "scenario"), Text(e, "kernel")))];

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";
}
