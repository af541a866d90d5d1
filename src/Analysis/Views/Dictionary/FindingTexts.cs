using TraceReplay.Analysis.Findings;
using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>The view <c>findings</c>, which is made of the others and has no files.</summary>
internal static class FindingTexts
{
    private static readonly Vocabulary s_findings = new("finding", "the diseases with a name; `tracereplay findings --list` has more of each", [.. Catalogue.All.Select(finding => new Word(finding.Id, finding.Title))]);

    private static readonly Vocabulary s_severities = new("severity", "how much a finding matters to whoever runs the guest", [.. Enum.GetValues<Severity>().OrderDescending().Select(severity => new Word(Finding.Spell(severity), Meaning(severity)))]);

    private static readonly Vocabulary s_certainties = new("finding_certainty", "how a finding is known",
    [
        new("measured", "a record says it"),
        new("inferred", "it follows by a rule that is written down"),
        new("assumed", "it is the usual case"),
    ]);

    private static readonly Vocabulary s_causes = new("cause", "whose doing a finding is",
    [
        new("kernel", "the captured kernel, as it was made"),
        new("model", "a model of another kernel only: nothing is wrong with the captured one"),
        new("vmm", "the program that runs the guest"),
        new("driver", "a driver of the host whose memory the guest uses"),
        new("host", "the host's memory management or its settings"),
        new("guest", "the guest"),
        new("capture", "how the capture was made"),
        new("unknown", "the records do not tell"),
    ]);

    public static TableText Findings { get; } = new(FindingsSql.Schema, "one finding in one trace, parted by buffer, page or cause where the finding is",
    [
        Units.TraceId,
        new("finding", "its short name", Values: s_findings),
        new("severity", "how much it matters", Values: s_severities),
        new("title", "one sentence: what was found, where"),
        new("faults", "faults that show it", "faults", "it does not show in faults"),
        new("pages", "guest pages concerned", Units.Pages, "it does not show in pages"),
        new("first_fault", "fault_id of the first", Null: "it does not show in faults"),
        new("first_seq", "position of the first record of it", Null: "it concerns the capture as a whole"),
        new("certainty", "how it is known", Values: s_certainties),
        new("cause", "whose doing it is", Values: s_causes),
        new("evidence", "the numbers that it rests on"),
        new("advice", "what to do about it"),
    ]);

    private static string Meaning(Severity severity) => severity switch
    {
        Severity.Note => "good to know; nothing is wrong with the guest",
        Severity.Warning => "costs time, or will break under more load",
        Severity.Serious => "the guest does not get what it should, and goes on",
        Severity.Critical => "the guest, or one of its vCPUs, stops; or memory is used after it is gone",
        _ => throw new ArgumentOutOfRangeException(nameof(severity), severity, "has no meaning in the vocabulary"),
    };
}
