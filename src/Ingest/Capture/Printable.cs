using System.Text;

namespace TraceReplay.Ingest.Capture;

/// <summary>
/// What a capture or a name holds, made fit for a terminal, a page or a line of text: nothing in it steers any of them. The one place
/// that decides which characters do.
/// </summary>
public static class Printable
{
    /// <summary>Stands for a character that is not shown.</summary>
    public const char Replacement = '\ufffd';

    /// <summary>Whether a character steers what shows it: C0 (line ends and tabs too), DEL, C1, and those that set or change the direction or end lines.</summary>
    public static bool IsControl(char c) => c switch
    {
        < ' ' or (>= '\u007f' and <= '\u009f') => true,
        '\u061c' or '\u200e' or '\u200f' or '\u2028' or '\u2029' => true,
        (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069') => true,
        _ => false,
    };

    /// <summary>The text as one line.</summary>
    public static string Line(string text) => Clean(text, lines: false);

    /// <summary>The text with its line feeds: for texts of ours, of which the parts that are not have been cleaned.</summary>
    public static string Lines(string text) => Clean(text, lines: true);

    private static string Clean(string text, bool lines)
    {
        int first = IndexOf(text, 0, lines);
        if (first < 0)
        {
            return text;
        }

        StringBuilder clean = new(text, 0, first, text.Length);
        for (int i = first; i < text.Length; i++)
        {
            clean.Append(IsBad(text, i, lines) ? Replacement : text[i]);
        }

        return clean.ToString();
    }

    private static int IndexOf(string text, int from, bool lines)
    {
        // Most texts are plain, and looked at by vectors.
        int plain = text.AsSpan(from).IndexOfAnyExceptInRange(' ', '~');
        for (int i = plain < 0 ? text.Length : from + plain; i < text.Length; i++)
        {
            if (IsBad(text, i, lines))
            {
                return i;
            }
        }

        return -1;
    }

    // Half of a surrogate pair is no character: what it becomes depends on who encodes it.
    private static bool IsBad(string text, int i, bool lines)
    {
        char c = text[i];
        return char.IsSurrogate(c)
            ? !(char.IsHighSurrogate(c) ? i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) : i > 0 && char.IsHighSurrogate(text[i - 1]))
            : IsControl(c) && !(lines && c == '\n');
    }
}

/// <summary>Passes text on with its line feeds and without other characters that steer a terminal; does not own the writer behind it.</summary>
public sealed class PrintableWriter(TextWriter output) : TextWriter(System.Globalization.CultureInfo.InvariantCulture)
{
    public override Encoding Encoding => output.Encoding;

    public override void Write(char value) => output.Write(Printable.IsControl(value) && value != '\n' ? Printable.Replacement : value);

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        if (buffer.IndexOfAnyExceptInRange(' ', '~') < 0)
        {
            output.Write(buffer);
        }
        else
        {
            Write(new string(buffer));
        }
    }

    public override void Write(string? value) => output.Write(value is null ? null : Printable.Lines(value));

    public override void WriteLine(string? value)
    {
        Write(value);
        output.Write('\n');
    }

    public override void WriteLine() => output.Write('\n');

    public override void Flush() => output.Flush();
}
