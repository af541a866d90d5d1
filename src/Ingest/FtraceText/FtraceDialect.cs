namespace TraceReplay.Ingest.FtraceText;

/// <summary>The lines of the kernel's own text and of <c>trace-cmd report</c> (spec/trace-formats section 5).</summary>
internal sealed class FtraceDialect : TextDialect
{
    // trace-cmd fills up "name:" to this width.
    private const int ReportColumn = 20;

    private static readonly System.Buffers.SearchValues<byte> s_nameBytes =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$"u8);

    private readonly LineStarts _starts = new();

    public override string Format => "ftrace text";

    public override string UnknownSystem => "text";

    public override LineKind Classify(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = default;
        if (line.StartsWith("#"u8))
        {
            return LineKind.Comment;
        }

        if (LineHeader.TryParse(line, out header, _starts))
        {
            return LineKind.Event;
        }

        if (AsciiText.TrimStart(line).IsEmpty)
        {
            return LineKind.Blank;
        }

        if (line.StartsWith("CPU:"u8) && AsciiText.Unsigned(line[4..], out ulong cpu) > 0 && cpu < 65536 && line.IndexOf(" ["u8) > 0 && line.IndexOf("EVENTS"u8) > 0)
        {
            return LineKind.Lost;
        }

        if (line.IndexOf((byte)'|') > 0 && LineHeader.TryGraph(line, out header))
        {
            return LineKind.Event;
        }

        header = default;

        // What trace-cmd report writes before the events.
        return line.StartsWith("cpus="u8) || line.StartsWith("version = "u8) || (line.StartsWith("CPU "u8) && line.EndsWith(" is empty"u8))
            ? LineKind.Comment
            : LineKind.Other;
    }

    /// <summary><c>CPU:1 [LOST 123 EVENTS]</c> and its variants.</summary>
    public override (int Cpu, long? Count) Lost(ReadOnlySpan<byte> line)
    {
        int digits = AsciiText.Unsigned(line[4..], out ulong cpu);
        ReadOnlySpan<byte> rest = line[(4 + digits)..];
        int number = rest.IndexOfAnyInRange((byte)'0', (byte)'9');
        bool counted = AsciiText.Unsigned(rest[Math.Max(0, number)..], out ulong count) > 0 && count <= long.MaxValue;
        return ((int)cpu, counted ? (long)count : null);
    }

    /// <summary>trace-cmd fills up the event's name with blanks, the kernel does not.</summary>
    public override bool FromReport(ReadOnlySpan<byte> text)
    {
        int colon = text.IndexOf((byte)':');
        return colon > 0 && colon < ReportColumn && colon + 2 < text.Length && text[colon + 1] == ' ' && text[colon + 2] == ' ';
    }

    /// <summary>
    /// The kernel names system calls <c>sys_mmap(addr: …)</c> and <c>sys_mmap -&gt; 0x…</c>, and leaves out the names of its own tracers'
    /// events.
    /// </summary>
    public override bool TrySplit(ReadOnlySpan<byte> text, Span<byte> composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload)
    {
        int end = NameLength(text);
        name = text[..end];
        ReadOnlySpan<byte> rest = text[end..];
        if (name.StartsWith("sys_"u8) && name.Length < TextSurvey.LongestName - 8 && (rest.StartsWith("("u8) || rest.StartsWith(" -> "u8)))
        {
            bool enter = rest[0] == '(';
            ReadOnlySpan<byte> prefix = enter ? "sys_enter_"u8 : "sys_exit_"u8;
            prefix.CopyTo(composed);
            name[4..].CopyTo(composed[prefix.Length..]);
            name = composed[..(prefix.Length + name.Length - 4)];
            payload = enter ? AsciiText.TrimEnd(rest[1..]).TrimEnd((byte)')') : rest[4..];
            return true;
        }

        payload = text;
        if (text.StartsWith("<stack trace"u8) || text.StartsWith("<user stack trace"u8))
        {
            name = text[1] == 's' ? "kernel_stack"u8 : "user_stack"u8;
            return true;
        }

        if (end > 0 && IsFunction(rest))
        {
            name = "function"u8;
            return true;
        }

        if (end == 0 || rest.IsEmpty || rest[0] != ':' || end > TextSurvey.LongestName)
        {
            name = GraphName(text);
            return !name.IsEmpty;
        }

        if (name.SequenceEqual("tracing_mark_write"u8))
        {
            name = "print"u8;
            return true;
        }

        payload = AsciiText.TrimStart(rest[1..]);
        return true;
    }

    /// <summary>The tracer's column shows no name: a function ends with a brace.</summary>
    private static ReadOnlySpan<byte> GraphName(ReadOnlySpan<byte> text)
    {
        int bar = text.IndexOf((byte)'|');
        ReadOnlySpan<byte> code = bar < 0 ? [] : AsciiText.TrimStart(text[(bar + 1)..]);
        bool timed = bar == 0 || (bar > 0 && AsciiText.TrimEnd(text[..bar]).EndsWith(" us"u8));
        return !timed ? [] : code.StartsWith("}"u8) ? "funcgraph_exit"u8 : code.EndsWith("{"u8) || code.EndsWith(";"u8) ? "funcgraph_entry"u8 : [];
    }

    /// <summary>Stacks, and what user space and drivers print.</summary>
    public override bool HasLines(ReadOnlySpan<byte> text) => text.StartsWith("<stack trace"u8) || text.StartsWith("<user stack trace"u8)
        || text.StartsWith("kernel_stack"u8) || text.StartsWith("user_stack"u8) || text.StartsWith("print:"u8) || text.StartsWith("tracing_mark_write:"u8)
        || text.StartsWith("bprint:"u8) || text.StartsWith("bputs:"u8);

    /// <summary><c>name+0x1/0x2 [module] &lt;-caller</c>, with an offset, a module or neither.</summary>
    private static bool IsFunction(ReadOnlySpan<byte> rest) =>
        rest.StartsWith(" <-"u8) || ((rest.StartsWith("+0x"u8) || rest.StartsWith(" ["u8)) && rest.IndexOf(" <-"u8) > 0);

    private static int NameLength(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOfAnyExcept(s_nameBytes);
        return end < 0 ? text.Length : end;
    }
}
