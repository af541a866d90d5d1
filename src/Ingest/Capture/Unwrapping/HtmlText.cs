using System.Text;
using MimeKit.Text;

namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>The text of a mail that was written as a page: its lines where the page has them.</summary>
internal static class HtmlText
{
    public static string Of(string html)
    {
        StringBuilder text = new(html.Length);
        HtmlTokenizer tokens = new(new StringReader(html)) { DecodeCharacterReferences = true };
        int verbatim = 0, unseen = 0;
        while (tokens.ReadNextToken(out HtmlToken? token))
        {
            if (token is HtmlTagToken tag)
            {
                int depth = tag.IsEmptyElement ? 0 : tag.IsEndTag ? -1 : 1;
                verbatim = Math.Max(0, verbatim + (tag.Id is HtmlTagId.Pre ? depth : 0));
                unseen = Math.Max(0, unseen + (tag.Id is HtmlTagId.Style or HtmlTagId.Script or HtmlTagId.Title ? depth : 0));
                if (EndsLine(tag.Id) && text.Length > 0 && (text[^1] != '\n' || tag.Id == HtmlTagId.Br))
                {
                    text.Append('\n');
                }
            }
            else if (unseen == 0 && token is HtmlDataToken { Data: { } data } and not HtmlCDataToken)
            {
                // Outside <pre> a line feed is a blank, as any other.
                text.Append(verbatim > 0 ? data : data.ReplaceLineEndings(" "));
            }
        }

        return text.ToString();
    }

    private static bool EndsLine(HtmlTagId tag) =>
        tag is HtmlTagId.Br or HtmlTagId.P or HtmlTagId.Div or HtmlTagId.Pre or HtmlTagId.TR or HtmlTagId.LI or HtmlTagId.BlockQuote or HtmlTagId.H1 or HtmlTagId.H2 or HtmlTagId.H3 or HtmlTagId.Table;
}
