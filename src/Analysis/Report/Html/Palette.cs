using System.Text.Json;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>The colours of all pictures, those that a script draws (Assets/palette.json is put into format.js) and those in the page before it.</summary>
internal static class Palette
{
    /// <summary>The file's text, without line ends.</summary>
    public static string Json { get; } = Resource.Text("Report.palette.json").ReplaceLineEndings("").Trim();

    private static readonly JsonElement s_root = JsonDocument.Parse(Json).RootElement;

    private static readonly Dictionary<string, string> s_outcomes = s_root.GetProperty("outcomes").EnumerateObject().ToDictionary(o => o.Name, o => Light(o.Value));

    private static readonly string[] s_series = [.. s_root.GetProperty("series").EnumerateArray().Select(Light)];

    /// <summary>The colour of an outcome; of a set that of its first; that of UNKNOWN where it has none of its own.</summary>
    public static string Outcome(string outcome) => s_outcomes.TryGetValue(outcome.Split('|')[0], out string? colour) ? colour : s_outcomes["UNKNOWN"];

    /// <summary>The colour of the n-th of several things without a colour of their own.</summary>
    public static string Nth(int n) => s_series[((n % s_series.Length) + s_series.Length) % s_series.Length];

    // The first is for light pages; on dark ones it can be seen too.
    private static string Light(JsonElement colours) => colours[0].GetString()!;
}
