using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>Remembers what the reports in <c>--out</c> follow from, so that a run without news leaves them as they are.</summary>
/// <param name="State">Hash of the inbox's captures, the options and the program.</param>
/// <param name="Night">The night reported.</param>
/// <param name="IsRegression">Whether it had regressions.</param>
/// <param name="Headline">The report in one line.</param>
public sealed record Reported(string State, DateOnly Night, bool IsRegression, string Headline)
{
    /// <returns>null if nothing was reported to this place, or a report is gone.</returns>
    public static Reported? Read(NightOptions options)
    {
        string path = PathOf(options);
        if (!File.Exists(path) || !NightFiles.All.All(name => File.Exists(Path.Combine(options.Output, name))))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), ReportedJson.Default.Reported);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal static string StateOf(NightOptions options, InboxIndex index)
    {
        var text = new StringBuilder();
        text.AppendJoin('\t', typeof(Reported).Module.ModuleVersionId, options.Date?.DayNumber, options.BaselineNights, options.RetentionDays, options.RetentionMost, Path.GetFullPath(options.Output)).Append('\n');
        foreach (SeenFile file in index.Files.OrderBy(f => f.Relative, StringComparer.Ordinal))
        {
            text.AppendJoin('\t', file.Relative, file.Size, file.Modified, file.TraceId, file.Failure, file.HostClass, file.Scenario, file.Date.DayNumber).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    internal void Write(NightOptions options) => NightFiles.Write(PathOf(options), JsonSerializer.Serialize(this, ReportedJson.Default.Reported));

    private static string PathOf(NightOptions options) => Path.Combine(options.Dataset, NightlyLock.Folder, "reported.json");
}

[JsonSerializable(typeof(Reported))]
internal sealed partial class ReportedJson : JsonSerializerContext;
