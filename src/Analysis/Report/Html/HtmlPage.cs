using System.Security.Cryptography;
using System.Text;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>
/// A page that stands alone: style, scripts and the chart library lie in it, and its policy lets a browser load nothing and
/// run only those scripts, by their hashes.
/// </summary>
internal static class HtmlPage
{
    private static readonly string s_style = Inline("Report.page.css");
    private static readonly string[] s_scripts = [Inline("Report.echarts.common.min.js"), Inline("Report.format.js").Replace("__PALETTE__", Palette.Json, StringComparison.Ordinal), Inline("Report.charts.js"), Inline("Report.timelines.js"), Inline("Report.page.js")];

    /// <param name="output">Where to; UTF-8.</param>
    /// <param name="title">Title of the document.</param>
    /// <param name="body">Writes what stands in the body.</param>
    public static void Write(Stream output, string title, Action<HtmlWriter> body)
    {
        using var writer = new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true);
        var html = new HtmlWriter(writer);
        html.Verbatim("<!DOCTYPE html>\n").Open("html", ("lang", "en")).Open("head");
        html.Empty("meta", ("charset", "utf-8"));
        html.Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", Policy()));
        html.Empty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        html.Empty("meta", ("name", "color-scheme"), ("content", "light dark"));
        html.Empty("meta", ("name", "generator"), ("content", "tracereplay"));
        html.Empty("link", ("rel", "icon"), ("href", "data:,"));
        html.Element("title", title);
        html.Open("style").Verbatim(s_style).Close();
        html.Close();
        html.Open("body");
        html.Open("main");
        body(html);
        html.Close();
        foreach (string script in s_scripts)
        {
            html.Open("script").Verbatim(script).Close();
        }

        html.Close().Close();
    }

    private static string Policy() =>
        $"default-src 'none'; style-src {Hash(s_style)}; script-src {string.Join(' ', s_scripts.Select(Hash))}; img-src data:; base-uri 'none'; form-action 'none'";

    private static string Hash(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";

    // A browser hashes what it reads, and it reads every line end as \n.
    private static string Inline(string resource) => Resource.Text(resource).ReplaceLineEndings("\n");
}
