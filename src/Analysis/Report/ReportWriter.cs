using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Report.Sections;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Report;

/// <summary>
/// Writes what a dataset says about some traces as one HTML file with pictures, which loads nothing from anywhere. What it
/// holds is bounded whatever the traces hold: everything beyond a bound is counted and said.
/// </summary>
public static class ReportWriter
{
    /// <summary>Traces that get a chapter of their own; the table of all traces counts the others.</summary>
    public const int Chapters = 12;

    /// <summary>Writes the report whole or not at all.</summary>
    /// <param name="session">An open dataset.</param>
    /// <param name="traceIds">Traces to report on, in this order.</param>
    /// <param name="file">The file to write or replace.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="ct">Ends the work between two chapters.</param>
    /// <exception cref="AnalysisException">The dataset could not be read.</exception>
    /// <exception cref="IOException">The file could not be written.</exception>
    public static void Write(DatasetSession session, IReadOnlyList<string> traceIds, string file, ReportOrigin origin, CancellationToken ct) =>
        WholeFile.Write(file, output => Write(session, traceIds, output, origin, ct));

    /// <inheritdoc cref="Write(DatasetSession, IReadOnlyList{string}, string, ReportOrigin, CancellationToken)"/>
    /// <param name="output">Where to.</param>
    public static void Write(DatasetSession session, IReadOnlyList<string> traceIds, Stream output, ReportOrigin origin, CancellationToken ct)
    {
        IReadOnlyList<TraceSummary> traces = SummaryReader.Read(session, traceIds);
        HtmlPage.Write(output, Title(traces), html =>
        {
            VerdictSection.Write(html, session, traces, origin);
            foreach (TraceSummary trace in VerdictSection.WithChapter(traces))
            {
                ct.ThrowIfCancellationRequested();
                TraceChapter.Write(html, session, trace);
            }

            MethodSection.Write(html, traces);
        });
    }

    private static string Title(IReadOnlyList<TraceSummary> traces) => traces.Count == 1
        ? $"TraceReplay: {Path.GetFileName(traces[0].Trace.Path)}"
        : $"TraceReplay: {Prose.Count(traces.Count, "capture", "captures")}";
}
