using System.Text.Encodings.Web;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>
/// Responsible for: no text that comes from a trace reaches a page unescaped. Text and attribute values are always encoded;
/// names of elements and attributes are ours.
/// </summary>
internal sealed partial class HtmlWriter(TextWriter output)
{
    private static readonly HtmlEncoder s_encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly Stack<string> _open = [];

    /// <summary>Opens an element. An attribute without a value (<c>""</c>) stands alone; one that is null is left out.</summary>
    public HtmlWriter Open(string element, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(element, attributes);
        _open.Push(element);
        return this;
    }

    public HtmlWriter Close()
    {
        output.Write($"</{_open.Pop()}>\n");
        return this;
    }

    public HtmlWriter Text(string text)
    {
        s_encoder.Encode(output, PerCent().Replace(Printable.Line(text), "\u00a0%"));
        return this;
    }

    /// <summary>An element that holds text only.</summary>
    public HtmlWriter Element(string element, string text, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(element, attributes);
        if (element != "code")
        {
            return Text(text).End(element);
        }

        // To be copied as it is.
        s_encoder.Encode(output, Printable.Line(text));
        return End(element);
    }

    /// <summary>An element that can hold nothing.</summary>
    public HtmlWriter Empty(string element, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(element, attributes);
        output.Write('\n');
        return this;
    }

    /// <summary>Text of ours that goes out as it stands: style, script, or JSON whose encoder leaves no '&lt;' in it.</summary>
    public HtmlWriter Verbatim(string text)
    {
        output.Write(text);
        return this;
    }

    /// <summary>A line does not end between a number and its sign.</summary>
    [GeneratedRegex("(?<=[0-9]) %")]
    private static partial Regex PerCent();

    private HtmlWriter End(string element)
    {
        output.Write($"</{element}>");
        return this;
    }

    private void Start(string element, ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        output.Write('<');
        output.Write(element);
        foreach ((string name, string? value) in attributes)
        {
            if (value is null)
            {
                continue;
            }

            output.Write(' ');
            output.Write(name);
            if (value.Length > 0)
            {
                output.Write("=\"");
                s_encoder.Encode(output, Printable.Line(value));
                output.Write('"');
            }
        }

        output.Write('>');
    }
}
