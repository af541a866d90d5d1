using System.Text;

namespace TraceReplay.Ingest.Capture;

/// <summary>Names and texts of a capture as they may stand in a message: nothing in them acts on a terminal or a page.</summary>
public static class ShownText
{
    /// <summary>Control characters, line and paragraph separators, marks of direction and halves of surrogates as <c>\xNN</c> or <c>\uNNNN</c>.</summary>
    public static string Of(string text)
    {
        int first = 0;
        while (first < text.Length && !Acts(text, first))
        {
            first++;
        }

        if (first == text.Length)
        {
            return text;
        }

        StringBuilder shown = new(text, 0, first, text.Length + 16);
        for (int i = first; i < text.Length; i++)
        {
            if (!Acts(text, i))
            {
                shown.Append(text[i]);
            }
            else
            {
                shown.Append(text[i] < 0x100 ? $"\\x{(int)text[i]:x2}" : $"\\u{(int)text[i]:x4}");
            }
        }

        return shown.ToString();
    }

    private static bool Acts(string text, int i)
    {
        char c = text[i];
        return c switch
        {
            >= ' ' and < '\x7f' => false,
            _ when char.IsControl(c) => true,
            '\u061c' or '\u200e' or '\u200f' or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069') => true,
            _ when char.IsHighSurrogate(c) => i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]),
            _ when char.IsLowSurrogate(c) => i == 0 || !char.IsHighSurrogate(text[i - 1]),
            _ => false,
        };
    }
}
