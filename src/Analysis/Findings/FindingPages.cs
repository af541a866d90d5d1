using System.Text;

namespace TraceReplay.Analysis.Findings;

/// <summary>The catalogue as pages of Markdown, one for each finding (docs/findings).</summary>
public static class FindingPages
{
    /// <summary>File name and text of each page.</summary>
    public static IEnumerable<(string File, string Text)> All() => Catalogue.All.Select(f => (f.Id + ".md", Page(f)));

    private static string Page(Finding finding)
    {
        var page = new StringBuilder();
        page.Append("# ").Append(finding.Title).Append("\n\n")
            .Append('`').Append(finding.Id).Append("`, ").Append(Finding.Spell(finding.Severity)).Append(". Cause: ").Append(finding.Cause).Append(". Certainty: ").Append(finding.Certainty).Append(".\n\n")
            .Append(finding.Meaning).Append("\n\n");
        Part(page, "Kernels", finding.Kernels);
        Part(page, "How it is recognised", finding.Recognised);
        Part(page, "What to do", finding.Advice);
        page.Append("## The rows it rests on\nWith the id of the trace for TRACE, in `tracereplay query -d DATASET --sql \"…\"`:\n\n```sql\n").Append(finding.Rows).Append("\n```\n");
        return page.ToString();
    }

    private static void Part(StringBuilder page, string title, string text) => page.Append("## ").Append(title).Append('\n').Append(text).Append("\n\n");
}
