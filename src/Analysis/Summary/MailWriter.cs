using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Summary;

/// <summary>The verdict as text for a mail to a list: 72 columns, and what it takes to repeat it.</summary>
/// <param name="output">Where to.</param>
/// <param name="options">Options of the run that the commands to repeat it need, as they were typed.</param>
public sealed class MailWriter(TextWriter output, string options)
{
    private const int Width = 72;

    public void Write(IReadOnlyList<TraceSummary> traces)
    {
        foreach (TraceSummary summary in traces)
        {
            Write(summary);
        }

        Paragraph($"Made by {DatasetFormat.Program.Split('+')[0]}. A verdict compares the recorded events with models of KVM's fault logic; it says what was measured and what was inferred.");
    }

    private void Write(TraceSummary summary)
    {
        Paragraph(VerdictText.Of(summary));
        foreach ((string label, string text) in FindingLines.Of(summary.Findings))
        {
            Prose.Labelled(output, label + ":", text, 10, Width);
        }

        if (summary.Findings.Count > 0)
        {
            output.Write('\n');
        }

        // Nothing of these lines is broken: they are to be copied.
        CapturedTrace trace = summary.Trace;
        string name = Path.GetFileName(trace.Path);
        output.Write($"  capture  {name}\n");
        output.Write($"  sha256   {trace.Sha256 ?? "not known"}\n");
        output.Write($"  kernel   {trace.Kernel ?? "of unknown version"}{(trace.Arch is null ? "" : " " + trace.Arch)}, {Prose.Count(trace.Events, "event", "events")}, {(trace.Lost is { } lost ? Prose.Count(lost) : "an unknown number")} lost\n");
        output.Write($"  repeat   tracereplay run {ShellWord.Of(name)}{options}\n");
        if (summary.Findings.FirstOrDefault(f => f.FirstFault is not null) is { FirstFault: { } fault })
        {
            output.Write($"  look     tracereplay run {ShellWord.Of(name)}{options} -d D; tracereplay around -d D --fault {fault}\n");
        }

        output.Write('\n');
    }

    private void Paragraph(string text)
    {
        Prose.Labelled(output, "", text, 0, Width);
        output.Write('\n');
    }
}
