using System.Runtime.ExceptionServices;
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

    // Each has a database of its own, which keeps memory.
    private const int ChaptersAtOnce = 2;

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
            foreach (string chapter in WriteChapters(session, [.. VerdictSection.WithChapter(traces)], ct))
            {
                html.Verbatim(chapter);
            }

            MethodSection.Write(html, traces);
        });
    }

    // A chapter asks hundreds of small questions, each by one thread: the other core does the next chapter's.
    private static string[] WriteChapters(DatasetSession session, IReadOnlyList<TraceSummary> traces, CancellationToken ct)
    {
        var chapters = new string[traces.Count];
        try
        {
            Parallel.For(0, traces.Count, new ParallelOptions { MaxDegreeOfParallelism = ChaptersAtOnce, CancellationToken = ct }, i =>
            {
                using StringWriter text = new();
                TraceChapter.Write(new HtmlWriter(text), session.Dataset, traces[i], session.Stop);
                chapters[i] = text.ToString();
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        return chapters;
    }

    private static string Title(IReadOnlyList<TraceSummary> traces) => traces.Count == 1
        ? $"TraceReplay: {Path.GetFileName(traces[0].Trace.Path)}"
        : $"TraceReplay: {Prose.Count(traces.Count, "capture", "captures")}";
}
