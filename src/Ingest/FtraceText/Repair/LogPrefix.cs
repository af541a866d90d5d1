namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>
/// What a log puts before each line: syslog and journal (date, host, program), the kernel's own log (time in brackets), containers and
/// web logs (ISO date), <c>|</c> of a listing, the number of the line.
/// </summary>
internal static class LogPrefix
{
    private static readonly string[] s_months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    /// <returns>How long the prefix is; 0 if there is none.</returns>
    /// <param name="line">A line.</param>
    /// <param name="listed">The text's lines begin with <c>|</c>.</param>
    /// <param name="numbered">They begin with their number.</param>
    public static int Length(ReadOnlySpan<byte> line, bool listed, bool numbered)
    {
        int length = 0;
        if (listed && Listed(line) is > 0 and int bar)
        {
            length = bar;
        }

        if (numbered && Numbered(line[length..]) is > 0 and int number)
        {
            length += number;
        }

        length += Priority(line[length..]);
        length += Dated(line[length..]);
        length += Kernel(line[length..]);
        return length;
    }

    /// <summary>A bar before the text.</summary>
    public static int Listed(ReadOnlySpan<byte> line)
    {
        int i = line.IndexOfAnyExcept((byte)' ');
        return i is >= 0 and < 4 && line[i] == '|' ? i + 1 + (i + 1 < line.Length && line[i + 1] == ' ' ? 1 : 0) : 0;
    }

    /// <summary><c>12:</c> by grep, <c>12	</c> by nl and cat.</summary>
    public static int Numbered(ReadOnlySpan<byte> line)
    {
        int start = line.IndexOfAnyExcept((byte)' ');
        if (start < 0)
        {
            return 0;
        }

        int digits = AsciiText.Unsigned(line[start..], out _);
        int end = start + digits;
        return digits > 0 && end < line.Length && line[end] is (byte)':' or (byte)'\t' or (byte)'|' && Clock(line[start..]) == 0 ? end + 1 : 0;
    }

    // "<13>", "<13>1 " (RFC 5424) before a date
    private static int Priority(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("<"u8) || AsciiText.Unsigned(line[1..], out _) is not (> 0 and < 4 and int digits) || 1 + digits >= line.Length || line[1 + digits] != '>')
        {
            return 0;
        }

        int end = digits + 2;
        int version = line[end..].StartsWith("1 "u8) ? 2 : 0;
        return Date(line[(end + version)..]) > 0 ? end + version : 0;
    }

    // Date, time, host, program.
    private static int Dated(ReadOnlySpan<byte> line)
    {
        int i = Date(line);
        if (i == 0)
        {
            return 0;
        }

        // What the Kubernetes log format says of the stream, and whether the line is whole.
        ReadOnlySpan<byte> rest = line[i..];
        if (rest.StartsWith("stdout F "u8) || rest.StartsWith("stderr F "u8))
        {
            return i + "stdout F ".Length;
        }

        // "host program[12]: "; a container's log has neither.
        int host = rest.IndexOf((byte)' ');
        if (host is > 0 and < 64 && rest[..host].IndexOfAnyExcept(s_names) < 0)
        {
            ReadOnlySpan<byte> program = rest[(host + 1)..];
            int colon = program.IndexOf(": "u8);
            if (colon is > 0 and < 48 && program[..colon].IndexOfAnyExcept(s_names) < 0)
            {
                return i + host + 1 + colon + 2;
            }
        }

        return i;
    }

    private static int Date(ReadOnlySpan<byte> line)
    {
        // "Nov 29 16:06:01 ", "Nov  9 16:06:01.123456 "
        if (line.Length > 16 && IsMonth(line[..3]) && line[3] == ' ' && (AsciiText.IsDigit(line[4]) || line[4] == ' ') && AsciiText.IsDigit(line[5]) && line[6] == ' ')
        {
            int clock = Clock(line[7..]);
            return clock > 0 && 7 + clock < line.Length && line[7 + clock] == ' ' ? 8 + clock : 0;
        }

        // "2026-11-29T16:06:01+0000 ", "2026-11-29 16:06:01,123 "
        if (line.Length > 20 && AsciiText.Unsigned(line, out _) == 4 && line[4] == '-' && line[7] == '-' && line[10] is (byte)'T' or (byte)' ')
        {
            int clock = Clock(line[11..]);
            if (clock == 0)
            {
                return 0;
            }

            int end = 11 + clock;
            int zone = line[end..].IndexOf((byte)' ');
            return zone >= 0 && zone <= 6 && line.Slice(end, zone).IndexOfAnyExcept(s_zone) < 0 ? end + zone + 1 : 0;
        }

        return 0;
    }

    private static bool IsMonth(ReadOnlySpan<byte> text)
    {
        foreach (string month in s_months)
        {
            if (text[0] == month[0] && text[1] == month[1] && text[2] == month[2])
            {
                return true;
            }
        }

        return false;
    }

    // 16:06:01 with a fraction or without
    private static int Clock(ReadOnlySpan<byte> text)
    {
        if (text.Length < 8 || text[2] != ':' || text[5] != ':' || !AsciiText.IsDigit(text[0]) || !AsciiText.IsDigit(text[7]))
        {
            return 0;
        }

        int i = 8;
        if (i < text.Length && text[i] is (byte)'.' or (byte)',')
        {
            i++;
            while (i < text.Length && AsciiText.IsDigit(text[i]))
            {
                i++;
            }
        }

        return i;
    }

    /// <summary>A line of the kernel's log, with or without a date before it.</summary>
    public static bool IsKernels(ReadOnlySpan<byte> line)
    {
        int date = Dated(line);
        return Kernel(line[date..]) > 0 && Kernel(line[date..]) < line.Length - date;
    }

    // "<6>[   12.345678] ", "[12.345678] [ T123] "
    private static int Kernel(ReadOnlySpan<byte> line)
    {
        int i = 0;
        if (line.StartsWith("<"u8) && AsciiText.Unsigned(line[1..], out _) is > 0 and < 4 and int level && 1 + level < line.Length && line[1 + level] == '>')
        {
            i = level + 2;
        }

        int stamp = Bracket(line[i..], time: true);
        if (stamp == 0)
        {
            return i;
        }

        i += stamp;
        i += Bracket(line[i..], time: false);
        return i;
    }

    private static int Bracket(ReadOnlySpan<byte> line, bool time)
    {
        if (!line.StartsWith("["u8))
        {
            return 0;
        }

        int close = line.IndexOf((byte)']');
        if (close < 0 || close > 24)
        {
            return 0;
        }

        ReadOnlySpan<byte> inner = line[1..close].TrimStart((byte)' ');
        bool fits;
        if (time)
        {
            int seconds = AsciiText.Unsigned(inner, out _);
            fits = seconds > 0 && seconds < inner.Length && inner[seconds] == '.' && AsciiText.Unsigned(inner[(seconds + 1)..], out _) == inner.Length - seconds - 1;
        }
        else
        {
            fits = inner.Length > 1 && inner[0] is (byte)'T' or (byte)'C' && AsciiText.Unsigned(inner[1..], out _) == inner.Length - 1;
        }

        return !fits ? 0 : close + 1 < line.Length && line[close + 1] == ' ' ? close + 2 : close + 1;
    }

    private static readonly System.Buffers.SearchValues<byte> s_zone = System.Buffers.SearchValues.Create("Z+-:0123456789"u8);

    private static readonly System.Buffers.SearchValues<byte> s_names =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/[]()@"u8);
}
