namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>What mail programs, browsers and terminals do to the characters of a text, undone.</summary>
internal static class PlainText
{
    private const string CommMarks = "-=*!+>→|#`";

    /// <summary>Blanks that are none of ASCII's, or U+FFFD.</summary>
    public static bool HasOddBlanks(ReadOnlySpan<byte> line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] >= 0x80 && Odd(line[i..], out _) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A name that no thread has: a mark or a log's prefix stands before it.</summary>
    public static bool IsOddComm(string comm) =>
        comm.Contains(": ", StringComparison.Ordinal) || comm.Contains('\x1b', StringComparison.Ordinal) || comm.Contains("&lt;", StringComparison.Ordinal)
        || (comm.Length > "<idle>".Length && (comm.EndsWith("<...>", StringComparison.Ordinal) || comm.EndsWith("<idle>", StringComparison.Ordinal)))
        || (comm.Length > 1 && comm.Contains(' ', StringComparison.Ordinal) && CommMarks.Contains(comm[0], StringComparison.Ordinal));

    /// <summary>The length of a mark that a person set before a thread's name; 0 if there is none.</summary>
    public static int MarkLength(ReadOnlySpan<byte> line)
    {
        int start = line.IndexOfAnyExcept(" \t"u8);
        if (start < 0)
        {
            return 0;
        }

        int end = start;
        while (end < line.Length && line[end] is (byte)'-' or (byte)'=' or (byte)'*' or (byte)'!' or (byte)'+' or (byte)'>' or (byte)'|' or (byte)'#' or (byte)'`')
        {
            end++;
        }

        if (line[start..].StartsWith("→"u8))
        {
            end = start + "→"u8.Length;
        }

        return end > start && end < line.Length && AsciiText.IsSpace(line[end]) ? end : 0;
    }

    /// <summary>Copies a line: blanks of all kinds as one each, without marks of width 0, escape sequences of a terminal and HTML's names for characters.</summary>
    /// <returns>How long it is then.</returns>
    public static int Normalise(ReadOnlySpan<byte> line, Span<byte> into)
    {
        int n = 0;
        for (int i = 0; i < line.Length;)
        {
            byte b = line[i];
            if (b is >= 0x20 and < 0x7f && b != '&')
            {
                into[n++] = b;
                i++;
            }
            else if (b == '\t')
            {
                // Before a frame of a stack, and behind a line's number, it says what the line is.
                into[n] = into[..n].IndexOfAnyExcept(s_blanksAndDigits) < 0 ? b : (byte)' ';
                n++;
                i++;
            }
            else if (b == 0x1b)
            {
                i += Escape(line[i..]);
            }
            else if (b == '&' && Entity(line[i..], out byte character) is > 0 and int length)
            {
                into[n++] = character;
                i += length;
            }
            else if (b >= 0x80 && Odd(line[i..], out int taken) is { } blank)
            {
                if (blank)
                {
                    into[n++] = (byte)' ';
                }

                i += taken;
            }
            else if (b < 0x20 || b == 0x7f)
            {
                i++;
            }
            else if (b >= 0x80)
            {
                // A whole character, so that none of its bytes is taken for a blank of Latin-1.
                int length1 = Math.Min(line.Length - i, b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1);
                line.Slice(i, length1).CopyTo(into[n..]);
                n += length1;
                i += length1;
            }
            else
            {
                into[n++] = b;
                i++;
            }
        }

        return n;
    }

    /// <summary>Characters, not bytes: what a terminal counts.</summary>
    public static int Width(ReadOnlySpan<byte> text)
    {
        int width = 0;
        foreach (byte b in text)
        {
            width += (b & 0xc0) == 0x80 ? 0 : 1;
        }

        return width;
    }

    /// <summary>The length of quoting marks before a line: <c>&gt;</c> in any number, and the initials that some put before it.</summary>
    public static int QuoteLength(ReadOnlySpan<byte> line)
    {
        int i = 0;
        while (true)
        {
            int mark = i;
            while (mark < line.Length && line[mark] == ' ' && mark - i < 1)
            {
                mark++;
            }

            int letters = mark;
            while (letters < line.Length && letters - mark < 3 && line[letters] is >= (byte)'A' and <= (byte)'Z')
            {
                letters++;
            }

            if (letters >= line.Length || line[letters] != '>' || (mark > i && i == 0))
            {
                return i;
            }

            i = letters + 1;
            i += i < line.Length && line[i] == ' ' ? 1 : 0;
        }
    }

    /// <returns>true for a blank, false for a mark of no width, null for another character.</returns>
    private static bool? Odd(ReadOnlySpan<byte> at, out int taken)
    {
        taken = 1;
        byte b = at[0];
        if (b == 0xa0)
        {
            return true; // Latin-1
        }

        taken = 2;
        if (b == 0xc2 && at.Length > 1 && at[1] is 0xa0 or 0x85)
        {
            return true;
        }

        taken = 3;
        if (at.Length < 3)
        {
            return null;
        }

        return (b, at[1], at[2]) switch
        {
            (0xef, 0xbf, 0xbd) => true, // U+FFFD
            (0xe2, 0x80, >= 0x80 and <= 0x8a) => true,
            (0xe2, 0x80, 0xaf) or (0xe2, 0x81, 0x9f) or (0xe3, 0x80, 0x80) or (0xe1, 0x9a, 0x80) => true,
            (0xe2, 0x80, >= 0x8b and <= 0x8f) or (0xe2, 0x81, 0xa0) or (0xef, 0xbb, 0xbf) => false,
            _ => null,
        };
    }

    private static int Escape(ReadOnlySpan<byte> at)
    {
        if (at.Length < 2 || at[1] != '[')
        {
            return 1;
        }

        int i = 2;
        while (i < at.Length && at[i] is < 0x40 or > 0x7e)
        {
            i++;
        }

        return Math.Min(i + 1, at.Length);
    }

    private static int Entity(ReadOnlySpan<byte> at, out byte character)
    {
        foreach ((string name, byte means) in s_entities)
        {
            if (at.Length >= name.Length && System.Text.Encoding.ASCII.GetString(at[..name.Length]) == name)
            {
                character = means;
                return name.Length;
            }
        }

        character = 0;
        return 0;
    }

    private static readonly System.Buffers.SearchValues<byte> s_blanksAndDigits = System.Buffers.SearchValues.Create(" \t0123456789"u8);

    private static readonly (string, byte)[] s_entities =
        [("&lt;", (byte)'<'), ("&gt;", (byte)'>'), ("&amp;", (byte)'&'), ("&quot;", (byte)'"'), ("&nbsp;", (byte)' '), ("&#160;", (byte)' '), ("&#39;", (byte)'\'')];
}
