using System.Text.Json;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>A picture: what it shows in words, and its numbers both as the data that the script draws and as a table.</summary>
internal sealed record Chart
{
    /// <summary>Which function of Assets/*.js draws it.</summary>
    public required string Kind { get; init; }

    public required string Title { get; init; }

    /// <summary>One or two sentences: what is to be seen, for people who see the picture and people who do not.</summary>
    public required string Says { get; init; }

    /// <summary>What the script draws; goes into the page as JSON.</summary>
    public required Grid Data { get; init; }

    /// <summary>The table behind the picture, if it is not <see cref="Data"/>.</summary>
    public Grid? Table { get; init; }

    /// <summary>More that the drawing needs: units, ranges, a second grid.</summary>
    public IReadOnlyDictionary<string, object?> Options { get; init; } = new Dictionary<string, object?>();

    // The default encoder escapes < > & ' and ", so no value can end the element that it lies in.
    public void Write(HtmlWriter html)
    {
        html.Open("figure", ("class", "chart"), ("data-kind", Kind));
        html.Open("figcaption").Element("h4", Title).Element("p", Says).Close();
        html.Open("div", ("class", "plot"), ("role", "img"), ("aria-label", $"{Title}. {Says}")).Verbatim(StaticChart.Draw(this)).Close();
        var data = new Dictionary<string, object?>(Options) { ["columns"] = Data.Columns, ["rows"] = Data.Rows };
        html.Open("script", ("type", "application/json")).Verbatim(JsonSerializer.Serialize(data)).Close();
        html.Open("details", ("class", "numbers")).Element("summary", "The numbers");
        HtmlTable.Write(html, Table ?? Data);
        html.Close().Close();
    }
}
