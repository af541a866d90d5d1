namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>What mail programs, browsers and terminals do to the characters of a text, undone.</summary>
internal static class PlainText
{
    /// <summary>Blanks that are none of ASCII's, or U+FFFD.</summary>
    public static bool HasOddBlanks(ReadOnlySpan<byte> line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] >= 0x80 && Stands(line[i..], out _, out _))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A name that no thread has: a mark or a log's prefix stands before it.</summary>
    public static bool IsOddComm(string comm) =>
        HasLogsEnd(comm) || comm.Contains('\t', StringComparison.Ordinal) || comm.Contains('\x1b', StringComparison.Ordinal) || comm.Contains("&lt;", StringComparison.Ordinal) || comm.Contains("&amp;", StringComparison.Ordinal) || comm.Contains('…', StringComparison.Ordinal)
        || (comm.Length > "<idle>".Length && (comm.EndsWith("<...>", StringComparison.Ordinal) || comm.EndsWith("<idle>", StringComparison.Ordinal)))
        || (comm.Length > 1 && "+-;%*|".Contains(comm[0], StringComparison.Ordinal))
        || (comm.IndexOf(' ', StringComparison.Ordinal) is > 0 and int blank && comm[0] != '<' && !comm.AsSpan(0, blank).ContainsAnyInRange('A', 'Z') && !comm.AsSpan(0, blank).ContainsAnyInRange('a', 'z'));

    /// <summary>What ends a log's prefix stands in it, before a blank: hardly a thread's name.</summary>
    public static bool HasLogsEnd(ReadOnlySpan<char> comm)
    {
        int end = comm.IndexOfAny(":|>");
        return end >= 0 && end + 1 < comm.Length && (comm[end + 1] == ' ' || HasLogsEnd(comm[(end + 1)..]));
    }

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
            if (b is >= 0x20 and < 0x7f && b is not ((byte)'&' or (byte)'^'))
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
            else if (b >= 0x80 && Stands(line[i..], out int taken, out ReadOnlySpan<byte> means))
            {
                means.CopyTo(into[n..]);
                n += means.Length;
                i += taken;
            }
            else if (b == '^' && line[i..].StartsWith("^[["u8) && line[(i + 3)..].IndexOfAnyExcept(s_escapeDigits) is >= 0 and int code && line[i + 3 + code] is (byte)'m' or (byte)'K')
            {
                i += code + 4; // an escape sequence as cat -v shows it
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

    /// <summary>
    /// How long a line is without the mark by which a shell or an editor shows that it goes on, or the end of what it is set in: a
    /// page's or a tracker's markup, quotation marks, the bars of a table.
    /// </summary>
    public static int WithoutEnd(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = AsciiText.TrimEnd(line);
        if (text.EndsWith(" \\"u8))
        {
            return text.Length - 2;
        }

        if (text.EndsWith("↩"u8))
        {
            return text.Length - "↩"u8.Length;
        }

        ReadOnlySpan<byte> start = AsciiText.TrimStart(text);
        int bracket = start.IndexOf((byte)'[');
        if (text.Length > 1 && text[^1] is (byte)'"' or (byte)'`' or (byte)'|' or (byte)'*' && start[..Math.Max(0, bracket)].IndexOf(text[^1]) is >= 0 and < 8)
        {
            return AsciiText.TrimEnd(text.TrimEnd(text[^1])).Length;
        }

        foreach (string tag in s_tags)
        {
            if (text.Length > tag.Length && System.Text.Ascii.EqualsIgnoreCase(text[^tag.Length..], tag))
            {
                return text.Length - tag.Length;
            }
        }

        return line.Length;
    }

    /// <summary>A line that trackers and mails set around a text.</summary>
    public static bool IsFence(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = AsciiText.TrimStart(AsciiText.TrimEnd(line));
        return text.StartsWith("```"u8) || text.StartsWith("~~~"u8) || text.StartsWith("{code"u8) || text.StartsWith("{noformat"u8) || text.StartsWith("[code"u8) || text.StartsWith("[/code"u8)
            || text.StartsWith("</"u8) || text.StartsWith("---"u8) || text.StartsWith("___"u8) || text.StartsWith("==="u8) || text.SequenceEqual("--"u8);
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

    /// <summary>What a character stands for that programs set for others.</summary>
    /// <returns>A blank, nothing, or what was typed; false for any other character.</returns>
    private static bool Stands(ReadOnlySpan<byte> at, out int taken, out ReadOnlySpan<byte> means)
    {
        taken = 1;
        means = " "u8;
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
            return false;
        }

        (byte second, byte third) = (at[1], at[2]);
        switch (b)
        {
            case 0xef when (second, third) is (0xbf, 0xbd): // U+FFFD
            case 0xe2 when (second, third) is (0x80, (>= 0x80 and <= 0x8a) or 0xaf) or (0x81, 0x9f):
            case 0xe3 when (second, third) is (0x80, 0x80):
            case 0xe1 when (second, third) is (0x9a, 0x80):
                return true;
            case 0xef when (second, third) is (0xbb, 0xbf):
            case 0xe2 when (second, third) is (0x80, >= 0x8b and <= 0x8f) or (0x81, 0xa0):
            case 0xe2 when (second, third) is (0x86, 0xaa or 0xb3): // the arrows before a line that an editor has broken
                means = [];
                return true;
            case 0xe2 when (second, third) is (0x80, 0xa6):
                means = "..."u8;
                return true;
            case 0xe2 when (second, third) is (0x80, 0x93 or 0x94):
                means = "--"u8;
                return true;
            case 0xe2 when (second, third) is (0x80, 0x98 or 0x99):
                means = "'"u8;
                return true;
            case 0xe2 when (second, third) is (0x80, 0x9c or 0x9d):
                means = "\""u8;
                return true;
            default:
                return false;
        }
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
        // Escaped twice: &amp;lt;
        int again = at.StartsWith("&amp;"u8) ? "&amp;"u8.Length - 1 : 0;
        while (at[(again + 1)..].StartsWith("amp;"u8))
        {
            again += "amp;"u8.Length;
        }

        foreach ((string name, byte means) in s_entities)
        {
            ReadOnlySpan<byte> rest = at[(again > 0 ? again + 1 : 1)..];
            if (rest.Length >= name.Length && System.Text.Encoding.ASCII.GetString(rest[..name.Length]) == name)
            {
                character = means;
                return (again > 0 ? again + 1 : 1) + name.Length;
            }
        }

        character = (byte)'&';
        return again > 0 ? again + 1 : 0;
    }

    private static readonly System.Buffers.SearchValues<byte> s_blanksAndDigits = System.Buffers.SearchValues.Create(" \t0123456789"u8);

    private static readonly string[] s_tags = ["<br>", "<br/>", "<br />", "</p>", "</div>", "</pre>", "</code>", "</li>", "[/code]"];

    private static readonly System.Buffers.SearchValues<byte> s_escapeDigits = System.Buffers.SearchValues.Create("0123456789;"u8);

    private static readonly (string, byte)[] s_entities =
    [
        ("lt;", (byte)'<'), ("gt;", (byte)'>'), ("quot;", (byte)'"'), ("nbsp;", (byte)' '), ("#160;", (byte)' '), ("#39;", (byte)'\''), ("#x27;", (byte)'\''), ("#34;", (byte)'"'),
        ("#60;", (byte)'<'), ("#62;", (byte)'>'), ("#x3c;", (byte)'<'), ("#x3e;", (byte)'>'), ("#x3C;", (byte)'<'), ("#x3E;", (byte)'>'), ("#38;", (byte)'&'),
    ];
}
