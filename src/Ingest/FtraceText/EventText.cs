namespace TraceReplay.Ingest.FtraceText;

/// <summary>The part of a line behind the time: the event's name and what it prints.</summary>
internal static class EventText
{
    // trace-cmd fills up "name:" to this width.
    private const int ReportColumn = 20;

    /// <summary>Room for a name made of a system call's.</summary>
    public const int LongestName = 128;

    /// <summary>Whether trace-cmd wrote the line: it fills up the event's name with blanks, the kernel does not.</summary>
    public static bool Padded(ReadOnlySpan<byte> text)
    {
        int colon = text.IndexOf((byte)':');
        return colon > 0 && colon < ReportColumn && colon + 2 < text.Length && text[colon + 1] == ' ' && text[colon + 2] == ' ';
    }

    /// <summary>
    /// Finds name and payload. The kernel names system calls <c>sys_mmap(addr: …)</c> and <c>sys_mmap -&gt; 0x…</c>, and leaves out the names
    /// of its own tracers' events.
    /// </summary>
    /// <param name="composed">Room for a name that does not stand in the text as it is.</param>
    /// <returns>false if there is nothing like an event.</returns>
    public static bool TrySplit(ReadOnlySpan<byte> text, Span<byte> composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload)
    {
        int end = NameLength(text);
        name = text[..end];
        ReadOnlySpan<byte> rest = text[end..];
        if (name.StartsWith("sys_"u8) && name.Length < LongestName - 8 && (rest.StartsWith("("u8) || rest.StartsWith(" -> "u8)))
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

        int arrow = text.IndexOf(" <-"u8);
        if (arrow > 0 && (end == 0 || rest.IsEmpty || rest[0] != ':'))
        {
            name = "function"u8;
            return true;
        }

        if (end == 0 || rest.IsEmpty || rest[0] != ':' || end > LongestName)
        {
            return false;
        }

        if (name.SequenceEqual("tracing_mark_write"u8))
        {
            name = "print"u8;
            return true;
        }

        payload = AsciiText.TrimStart(rest[1..]);
        return true;
    }

    private static int NameLength(ReadOnlySpan<byte> text)
    {
        int i = 0;
        while (i < text.Length && (AsciiText.IsName(text[i]) || text[i] is (byte)'.' or (byte)'-' or (byte)'$'))
        {
            i++;
        }

        return i;
    }
}
