using System.Globalization;
using System.Text.Json;

namespace TraceReplay.FleetMaker;

/// <summary>Holds what a night reported against what was planted.</summary>
internal static class Judge
{
    /// <summary>Prints: planted groups that were reported, planted groups, groups reported that had nothing planted. The misses go to standard error.</summary>
    public static void Print(string? plantedFile, string summaryFile)
    {
        HashSet<(string Class, string Scenario, string Kernel)> planted = plantedFile is null ? [] : Groups(plantedFile, document => document.RootElement);
        HashSet<(string Class, string Scenario, string Kernel)> reported = Groups(summaryFile, document => document.RootElement.GetProperty("regressions"));
        foreach ((string hostClass, string scenario, string kernel) in planted.Except(reported))
        {
            Console.Error.WriteLine($"missed: {hostClass} {scenario} {kernel}");
        }

        foreach ((string hostClass, string scenario, string kernel) in reported.Except(planted))
        {
            Console.Error.WriteLine($"false alarm: {hostClass} {scenario} {kernel}");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{planted.Intersect(reported).Count()} {planted.Count} {reported.Except(planted).Count()}"));
    }

    private static HashSet<(string Class, string Scenario, string Kernel)> Groups(string file, Func<JsonDocument, JsonElement> list)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file));
        return [.. list(document).EnumerateArray().Select(e => (Text(e, "class"), Text(e, "scenario"), Text(e, "kernel")))];
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";
}
