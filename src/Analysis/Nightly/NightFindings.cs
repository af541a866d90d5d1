using System.Text.Json;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A finding of the night's captures.</summary>
/// <param name="Finding">Id in the catalogue.</param>
/// <param name="Captures">Captures that have it.</param>
/// <param name="Faults">Faults that show it, over all of them.</param>
/// <param name="Example">One of the captures.</param>
public sealed record NightFinding(string Finding, string Severity, int Captures, long Faults, string Example)
{
    /// <summary>The captures that show it in most faults.</summary>
    public IReadOnlyList<NightLead> Leads { get; init; } = [];

    /// <summary>The catalogue's title; an id that it no longer has stands for itself.</summary>
    public string Title => Catalogue.All.FirstOrDefault(f => f.Id == Finding)?.Title ?? Finding;
}

/// <summary>Findings night by night: rows of <c>night_stats</c> with the metric <c>finding</c>.</summary>
internal static class NightFindings
{
    public const string Metric = "finding";

    /// <summary>
    /// What a capture adds to <c>night_stats</c>: one value for each finding, its faults. Notes and what concerns the recorder stay out, as a
    /// new kind of finding is a regression: lost and unread records have numbers of their own.
    /// </summary>
    public static IEnumerable<(string Key, long Faults)> Of(DatasetSession session, string traceId) =>
        FindingsReader.Read(session, traceId)
            .Where(f => f.Severity != Finding.Spell(Severity.Note) && f.Cause != "capture")
            .GroupBy(f => (f.Finding, f.Severity))
            .Select(g => ($"{g.Key.Severity} {g.Key.Finding}", g.Sum(f => f.Faults ?? 0)));

    /// <summary>The findings of one night, most severe and most widespread first.</summary>
    public static IReadOnlyList<NightFinding> Read(DatasetSession session, DateOnly night)
    {
        string[] order = [.. Enum.GetValues<Severity>().OrderDescending().Select(Finding.Spell)];
        return
        [
            .. session.Select(
                $"SELECT key, count(*), sum(n)::BIGINT, min(trace_id) FROM night_stats WHERE metric = '{Metric}' AND trace_id IN (SELECT trace_id FROM traces WHERE date = $night::DATE) GROUP BY key",
                r => (Key: r.GetString(0).Split(' ', 2), Captures: (int)r.GetInt64(1), Faults: r.GetInt64(2), Example: r.GetString(3)),
                ("night", night.ToDateTime(TimeOnly.MinValue)))
                .Select(f => new NightFinding(f.Key[1], f.Key[0], f.Captures, f.Faults, f.Example))
                .OrderBy(f => Array.IndexOf(order, f.Severity)).ThenByDescending(f => f.Captures).ThenBy(f => f.Finding, StringComparer.Ordinal),
        ];
    }

    public static void Write(Utf8JsonWriter json, NightFinding finding)
    {
        json.WriteStartObject();
        json.WriteString("finding", finding.Finding);
        json.WriteString("severity", finding.Severity);
        json.WriteString("title", finding.Title);
        json.WriteString("sentence", Line(finding));
        json.WriteNumber("captures", finding.Captures);
        json.WriteNumber("faults", finding.Faults);
        json.WriteString("example", finding.Example);
        SummaryJson.Leads(json, finding.Leads);
        json.WriteEndObject();
    }

    /// <summary>One line for people.</summary>
    public static string Line(NightFinding f) => NightSentence.Of(f);
}
