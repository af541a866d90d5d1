namespace TraceReplay.Ingest.FtraceText;

/// <summary>What stands before the event's name on a line of a trace (spec/trace-formats section 5).</summary>
internal ref struct LineHeader
{
    /// <summary>Name of the buffer instance; empty for the top one.</summary>
    public ReadOnlySpan<byte> Instance;
    public ReadOnlySpan<byte> Comm;
    public int Pid;

    /// <summary>perf was told to leave the thread out.</summary>
    public bool NoPid;

    /// <summary>-1 if the line has none.</summary>
    public int Tgid;
    public int Cpu;

    /// <summary>The latency columns; empty if the line has none.</summary>
    public ReadOnlySpan<byte> Flags;

    /// <summary>Nanoseconds where the time has a fraction or a unit, else the clock's own units.</summary>
    public long Timestamp;
    public bool HasUnit;

    /// <summary>The latency format, which cuts names of threads after 8 bytes.</summary>
    public bool Latency;

    /// <summary>perf's count of what the sample stands for; -1 if the line has none.</summary>
    public long Period;

    /// <summary>Event and payload.</summary>
    public ReadOnlySpan<byte> Body;

    /// <summary>Where its start is kept; null if it is not.</summary>
    public LineStarts.Start? Start;

    /// <param name="starts">How earlier lines began; null if that is not kept.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, out LineHeader header, LineStarts? starts = null)
    {
        if (starts?.Find(line) is { } start)
        {
            header = start.Header(line);
            if (header.TimeAndBody(AsciiText.TrimStart(line[start.Length..])))
            {
                return true;
            }
        }

        for (int from = 0; ;)
        {
            int bracket = line[from..].IndexOf((byte)'[');
            if (bracket < 0)
            {
                return TryLatency(line, out header);
            }

            bool first = from == 0;
            from += bracket + 1;
            if (TryBracket(line[..(from - 1)], line[from..], out header))
            {
                if (first)
                {
                    // The same start has the same first bracket, and what is before it says the same.
                    starts?.Put(line[..(from + line[from..].IndexOf((byte)']') + 1)], ref header);
                }

                return true;
            }
        }
    }

    private static bool TryBracket(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, out LineHeader header)
    {
        header = new LineHeader { Period = -1 };
        int digits = AsciiText.Unsigned(after, out ulong cpu);
        if (digits == 0 || cpu > 65535 || digits >= after.Length || after[digits] != ']')
        {
            return false;
        }

        header.Cpu = (int)cpu;
        return header.Task(AsciiText.TrimEnd(before)) && header.TimeAndBody(AsciiText.TrimStart(after[(digits + 1)..]));
    }

    private bool Task(ReadOnlySpan<byte> text)
    {
        Tgid = -1;
        if (text.Length > 0 && text[^1] == ')')
        {
            int open = text.LastIndexOf((byte)'(');
            if (open < 0)
            {
                return false;
            }

            ReadOnlySpan<byte> inner = text[(open + 1)..^1].Trim(" \t"u8);
            if (AsciiText.Unsigned(inner, out ulong tgid) == inner.Length && tgid <= int.MaxValue && inner.Length > 0)
            {
                Tgid = (int)tgid;
            }
            else if (inner.IndexOfAnyExcept((byte)'-') >= 0)
            {
                return false;
            }

            text = AsciiText.TrimEnd(text[..open].TrimEnd((byte)'-'));
        }

        int dash = text.LastIndexOf((byte)'-');
        if (dash < 0 || AsciiText.Unsigned(text[(dash + 1)..], out ulong pid) is int n && (n == 0 || n != text.Length - dash - 1 || pid > int.MaxValue))
        {
            return false;
        }

        // perf script sets the thread off by a blank.
        if (dash > 0 && AsciiText.IsSpace(text[dash - 1]))
        {
            return false;
        }

        Pid = (int)pid;
        Comm = text[..dash];

        // A name is padded to 16 bytes and never longer than 15, so an instance's name is followed by two spaces at least. What has blanks is
        // a log's prefix, not an instance.
        int colon = Comm.IndexOf(":  "u8);
        if (colon > 0 && Comm[..colon].IndexOfAny(" \t"u8) < 0)
        {
            Instance = Comm[..colon];
            Comm = Comm[(colon + 1)..];
        }

        Comm = AsciiText.TrimStart(Comm);
        return true;
    }

    private bool TimeAndBody(ReadOnlySpan<byte> text)
    {
        if (text.Length > 0 && !AsciiText.IsDigit(text[0]))
        {
            int end = text.IndexOfAny(" \t"u8);
            if (end is < 3 or > 8)
            {
                return false;
            }

            Flags = text[..end];
            text = AsciiText.TrimStart(text[end..]);
        }

        return Time(text, out int taken, ref this) && Rest(text[taken..]);
    }

    /// <summary>The colon behind the time, and the difference that <c>trace-cmd report --ts-diff</c> adds.</summary>
    private bool Rest(ReadOnlySpan<byte> text)
    {
        if (text.Length == 0 || text[0] != ':')
        {
            return false;
        }

        Body = AsciiText.TrimStart(text[1..]);
        if (Body.StartsWith("(+"u8) && AsciiText.Unsigned(Body[2..], out _) is > 0 and int n && Body.Length > n + 2 && Body[n + 2] == ')')
        {
            Body = AsciiText.TrimStart(Body[(n + 3)..]);
        }

        return true;
    }

    /// <summary>A time at the start of the text: seconds with a fraction, or a plain number of the clock's units.</summary>
    public static bool Time(ReadOnlySpan<byte> text, out int taken, ref LineHeader header)
    {
        taken = AsciiText.Unsigned(text, out ulong whole);
        if (taken == 0 || whole > long.MaxValue)
        {
            return false;
        }

        header.Timestamp = (long)whole;
        if (taken == text.Length || text[taken] != '.')
        {
            return true;
        }

        int digits = AsciiText.Unsigned(text[(taken + 1)..], out ulong fraction);
        if (digits is 0 or > 9 || whole > long.MaxValue / 1_000_000_000 - 1)
        {
            return false;
        }

        for (int i = digits; i < 9; i++)
        {
            fraction *= 10;
        }

        taken += digits + 1;
        header.Timestamp = ((long)whole * 1_000_000_000) + (long)fraction;
        header.HasUnit = true;
        return true;
    }

    /// <summary><c>comm-pid  CPUflags time: …</c>, the time in seconds or, in the kernel's own latency format, as <c>12us+</c>.</summary>
    private static bool TryLatency(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = new LineHeader { Period = -1 };
        for (int dash = line.IndexOf((byte)'-'); dash >= 0;)
        {
            ReadOnlySpan<byte> text = line[(dash + 1)..];
            int digits = AsciiText.Unsigned(text, out _);
            if (digits > 0 && digits < text.Length && AsciiText.IsSpace(text[digits])
                && header.Task(line[..(dash + 1 + digits)]) && header.LatencyColumns(AsciiText.TrimStart(text[digits..])))
            {
                return true;
            }

            int next = text.IndexOf((byte)'-');
            dash = next < 0 ? -1 : dash + 1 + next;
        }

        return TryVerbose(line, out header);
    }

    /// <summary>
    /// The function-graph tracer with the options funcgraph-abstime and funcgraph-proc: <c>seconds |  CPU)  comm-pid   |  duration |
    /// code</c>. What another tracepoint prints stands there as a comment.
    /// </summary>
    public static bool TryGraph(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = new LineHeader { Period = -1, Tgid = -1 };
        ReadOnlySpan<byte> text = AsciiText.TrimStart(line);
        if (!Time(text, out int taken, ref header) || !header.HasUnit || !AfterBar(ref text, taken))
        {
            return false;
        }

        int digits = AsciiText.Unsigned(text, out ulong cpu);
        if (digits == 0 || cpu > 65535 || digits >= text.Length || text[digits] != ')')
        {
            return false;
        }

        header.Cpu = (int)cpu;
        text = text[(digits + 1)..];
        int bar = text.IndexOf((byte)'|');
        if (bar < 0 || !header.Task(AsciiText.TrimEnd(text[..bar])))
        {
            return false;
        }

        header.Body = AsciiText.TrimEnd(text[(bar + 1)..]);
        ReadOnlySpan<byte> code = AsciiText.TrimStart(header.Body[(header.Body.IndexOf((byte)'|') + 1)..]);
        header.Body = code.StartsWith("/* "u8) && code.EndsWith(" */"u8) ? code[3..^3] : AsciiText.TrimStart(header.Body);
        return true;
    }

    private static bool AfterBar(ref ReadOnlySpan<byte> text, int from)
    {
        ReadOnlySpan<byte> rest = AsciiText.TrimStart(text[from..]);
        bool bar = rest.StartsWith("|"u8);
        text = bar ? AsciiText.TrimStart(rest[1..]) : text;
        return bar;
    }

    /// <summary>
    /// The latency format with the option verbose: <c>comm pid CPU flags preempt [sequence] time (+difference): …</c>; flags and depth
    /// are in hexadecimal, and no columns stand for them.
    /// </summary>
    private static bool TryVerbose(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = new LineHeader { Period = -1, Tgid = -1 };
        int open = line.IndexOf(" ["u8);
        int close = open < 0 ? -1 : line[open..].IndexOf("] "u8) + open;
        if (close <= open || AsciiText.Hex(line[(open + 2)..close], out _) is int n && (n == 0 || n != close - open - 2))
        {
            return false;
        }

        // From the right: two numbers that nothing is made of here, what interrupts and rescheduling are, CPU, thread.
        ReadOnlySpan<byte> before = AsciiText.TrimEnd(line[..open]);
        for (int i = 0; i < 3; i++)
        {
            int blank = before.LastIndexOf((byte)' ');
            if (blank < 0)
            {
                return false;
            }

            before = AsciiText.TrimEnd(before[..blank]);
        }

        if (!LastNumber(ref before, out ulong cpu) || cpu > 65535 || !LastNumber(ref before, out ulong pid) || pid > int.MaxValue)
        {
            return false;
        }

        header.Cpu = (int)cpu;
        header.Pid = (int)pid;
        header.Comm = AsciiText.TrimStart(before);
        ReadOnlySpan<byte> text = AsciiText.TrimStart(line[(close + 1)..]);
        if (!Time(text, out int taken, ref header) || !header.HasUnit)
        {
            return false;
        }

        text = AsciiText.TrimStart(text[taken..]);
        int end = text.StartsWith("("u8) ? text.IndexOf((byte)')') : -1;
        return end > 0 && header.Rest(text[(end + 1)..]);
    }

    private static bool LastNumber(ref ReadOnlySpan<byte> text, out ulong value)
    {
        int start = text.LastIndexOf((byte)' ') + 1;
        if (AsciiText.Unsigned(text[start..], out value) is int n && (n == 0 || n != text.Length - start))
        {
            return false;
        }

        text = AsciiText.TrimEnd(text[..start]);
        return true;
    }

    private bool LatencyColumns(ReadOnlySpan<byte> text)
    {
        int digits = AsciiText.Unsigned(text, out ulong cpu);
        int end = text.IndexOfAny(" \t"u8);
        if (digits == 0 || cpu > 65535 || end - digits is < 4 or > 8 || text[digits] is not ((byte)'.' or (byte)'d' or (byte)'D' or (byte)'b' or (byte)'X'))
        {
            return false;
        }

        Cpu = (int)cpu;
        Flags = text[digits..end];
        Latency = true;
        text = AsciiText.TrimStart(text[end..]);
        if (!Time(text, out int taken, ref this))
        {
            return false;
        }

        text = text[taken..];
        if (text.StartsWith("us"u8))
        {
            if (HasUnit || Timestamp > long.MaxValue / 1000)
            {
                return false;
            }

            Timestamp *= 1000;
            HasUnit = true;
            text = text[2..].TrimStart(" +!#*@$"u8);
        }

        return Rest(text);
    }
}
