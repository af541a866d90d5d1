namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// Where a probe was hit, which its text says first, in parentheses. trace-cmd shows addresses, function before return address; the
/// kernel shows symbols, return address before function, and of these the addresses are unknown.
/// </summary>
internal static class ProbeText
{
    /// <returns>What stands in the parentheses; empty if the text is not a probe's.</returns>
    public static ReadOnlySpan<byte> Where(ReadOnlySpan<byte> text)
    {
        int close = text.StartsWith("("u8) ? text.IndexOf((byte)')') : -1;
        if (close < 2)
        {
            return [];
        }

        ReadOnlySpan<byte> where = text[1..close];
        int arrow = where.IndexOf(" <- "u8);
        ReadOnlySpan<byte> first = arrow < 0 ? where : where[..arrow];
        return first.IndexOf("+0x"u8) > 0 || IsAddress(first) || (arrow > 0 && first.SequenceEqual(Kretprobed)) ? where : [];
    }

    /// <summary>What the kernel prints for a caller that returns through another return probe.</summary>
    private static ReadOnlySpan<byte> Kretprobed => "[unknown/kretprobe'd]"u8;

    private static bool IsAddress(ReadOnlySpan<byte> text) => text.Length >= 8 && AsciiText.Hex(text, out _) == text.Length;

    public static void AddFunction(ReadOnlySpan<byte> where, SortedSet<string> functions, NameCache names)
    {
        int arrow = where.IndexOf(" <- "u8);
        ReadOnlySpan<byte> site = arrow < 0 ? where : where[(arrow + 4)..];
        if (IsAddress(site))
        {
            return;
        }

        int end = site.IndexOfAny("+ "u8);
        functions.Add(names.Get(end < 0 ? site : site[..end]));
    }

    /// <returns>false if the text has an arrow where the probe has no return address, or the other way round.</returns>
    public static bool TakeAddresses(ReadOnlySpan<byte> where, int field, int returnField, EventWriter into)
    {
        int arrow = where.IndexOf(" <- "u8);
        if (arrow >= 0 != (returnField >= 0))
        {
            return false;
        }

        ReadOnlySpan<byte> first = arrow < 0 ? where : where[..arrow];
        if (AsciiText.Hex(first, out ulong address) != first.Length || first.IsEmpty)
        {
            return where.IndexOf((byte)'+') > 0 || first.SequenceEqual(Kretprobed);
        }

        return into.Number(field, address)
            && (arrow < 0 || (AsciiText.Hex(where[(arrow + 4)..], out address) == where.Length - arrow - 4 && into.Number(returnField, address)));
    }
}
