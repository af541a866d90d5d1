using System.Text;

namespace TraceReplay.Analysis.Nightly;

/// <summary>The night's files in <c>--out</c>; each appears whole, so a collector or a web server never reads half of one.</summary>
internal static class NightFiles
{
    public const string Summary = "summary.json";
    public const string JUnit = "junit.xml";
    public const string Metrics = "metrics.prom";
    public const string Page = "report.html";

    public static IReadOnlyList<string> All { get; } = [Summary, JUnit, Metrics, Page];

    public static void Write(string folder, NightReport report)
    {
        Directory.CreateDirectory(folder);
        Write(Path.Combine(folder, Summary), SummaryJson.Text(report));
        Write(Path.Combine(folder, JUnit), JUnitXml.Text(report));
        Write(Path.Combine(folder, Metrics), PrometheusText.Text(report));
        WholeFile.Write(Path.Combine(folder, Page), output => NightPage.Write(output, report));
    }

    internal static void Write(string path, string text) =>
        WholeFile.Write(path, output => output.Write(new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(text)));
}
