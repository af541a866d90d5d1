using System.Reflection;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>The foot of the page: what kind of number each number is, and how to ask again.</summary>
internal static class MethodSection
{
    public static void Write(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        html.Open("section", ("class", "method"), ("id", "method")).Element("h2", "How to read this");
        html.Open("dl");
        html.Element("dt", "Observed").Element("dd", "what the recorded events of the kernel say.");
        html.Element("dt", "Known, inferred, assumed").Element("dd", "a model's answer rests on recorded facts alone, on facts that others imply, or on a fact that had to be supposed.");
        html.Element("dt", "Unknown").Element("dd", "the capture does not show it; it is not counted as agreement.");
        html.Element("dt", "Measured").Element("dd", "latencies are times on the trace's clock; times of the models' own hot paths are measured on the machine that ran `tracereplay cost`. Counts of operations are exact.");
        html.Close();
        html.Element("p", $"Made by tracereplay {Version()} from {Prose.Count(traces.Count, "trace", "traces")}. Every number can be asked again: tracereplay query -d DATASET --list.", ("class", "note"));
        html.Close();
    }

    private static string Version() =>
        typeof(MethodSection).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "of unknown version";
}
