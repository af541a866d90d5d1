using TraceReplay.Ingest.FtraceText;

namespace TraceReplay.Ingest.PerfScript;

/// <summary>The start of a sample's line: <c>comm pid[/tid] [cpu] seconds.fraction: period event: …</c>; CPU and period may be missing.</summary>
internal static class PerfScriptHeader
{
    // TASK_COMM_LEN; perf shows no more of one.
    private const int LongestComm = 15;

    public static bool TryParse(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = default;
        for (int from = 0; ;)
        {
            int colon = line[from..].IndexOf((byte)':');
            if (colon < 0)
            {
                return false;
            }

            from += colon + 1;
            bool ends = from == line.Length || AsciiText.IsSpace(line[from]);
            if (ends && TryTime(line[..(from - 1)], line[from..], out header))
            {
                return true;
            }
        }
    }

    private static bool TryTime(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, out LineHeader header)
    {
        header = new LineHeader { Cpu = -1, Tgid = -1, Period = -1 };
        int start = before.LastIndexOfAny(" \t"u8) + 1;
        if (!LineHeader.Time(before[start..], out int taken, ref header) || !header.HasUnit || taken != before.Length - start)
        {
            return false;
        }

        before = AsciiText.TrimEnd(before[..start]);
        if (before.Length > 0 && before[^1] == ']')
        {
            int open = before.LastIndexOf((byte)'[');
            if (open < 0 || AsciiText.Unsigned(before[(open + 1)..^1], out ulong cpu) != before.Length - open - 2 || cpu > 65535)
            {
                return false;
            }

            header.Cpu = (int)cpu;
            before = AsciiText.TrimEnd(before[..open]);
        }

        ReadOnlySpan<byte> body = AsciiText.TrimStart(after);
        if (!Task(before, ref header) && !WithoutThread(before, body, ref header))
        {
            return false;
        }

        int digits = AsciiText.Unsigned(body, out ulong period);
        if (digits > 0 && digits < body.Length && AsciiText.IsSpace(body[digits]) && period <= long.MaxValue)
        {
            header.Period = (long)period;
            body = AsciiText.TrimStart(body[digits..]);
        }

        header.Body = AsciiText.TrimEnd(body);
        return true;
    }

    private static bool Task(ReadOnlySpan<byte> text, ref LineHeader header)
    {
        int blank = text.LastIndexOfAny(" \t"u8);
        ReadOnlySpan<byte> ids = text[(blank + 1)..];
        int slash = ids.IndexOf((byte)'/');
        ReadOnlySpan<byte> thread = ids[(slash + 1)..];
        if (blank < 0 || !Id(thread, out header.Pid) || (slash >= 0 && !Id(ids[..slash], out header.Tgid)))
        {
            return false;
        }

        header.Comm = text[..blank].Trim(" \t"u8);
        return true;
    }

    /// <summary>
    /// <c>perf script -F</c> left command or thread out. What stands there alone may be either's: a number is taken for the thread, and
    /// only a line whose event names its system can be told from other text.
    /// </summary>
    private static bool WithoutThread(ReadOnlySpan<byte> text, ReadOnlySpan<byte> body, ref LineHeader header)
    {
        text = AsciiText.TrimStart(text);
        int end = body.IndexOfAny(" \t"u8);
        ReadOnlySpan<byte> name = end < 0 ? body : body[..end];
        int colon = name.IndexOf((byte)':');
        if (colon <= 0 || colon >= name.Length - 2 || name[^1] != ':' || text.Length > LongestComm)
        {
            return false;
        }

        int slash = text.IndexOf((byte)'/');
        if (Id(text[(slash + 1)..], out header.Pid) && (slash < 0 || Id(text[..slash], out header.Tgid)))
        {
            return true;
        }

        (header.Pid, header.Tgid, header.NoPid) = (-1, -1, true);
        header.Comm = text;
        return true;
    }

    /// <summary>-1 is what perf shows for a thread that it does not know.</summary>
    private static bool Id(ReadOnlySpan<byte> text, out int id)
    {
        int n = AsciiText.Number(text, out ulong value);
        id = (int)(long)value;
        return n > 0 && n == text.Length && (long)value is >= -1 and <= int.MaxValue;
    }
}
