namespace TraceReplay.Ingest.FtraceText;

/// <summary>Names that a kernel shows instead of values. A name that stands for several values stands for none.</summary>
internal sealed class ValueTable
{
    private const int LongestName = 128;
    private readonly Dictionary<string, ulong?> _values = [];

    public void Add(string name, ulong value) => _values[name] = _values.TryGetValue(name, out ulong? known) && known != value ? null : value;

    /// <returns>false if it is no such name; the value is null if it is not the only one.</returns>
    public bool TryGet(ReadOnlySpan<byte> name, out ulong? value)
    {
        value = null;
        if (name.Length > LongestName)
        {
            return false;
        }

        Span<char> chars = stackalloc char[LongestName];
        System.Text.Encoding.Latin1.GetChars(name, chars);
        return _values.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(chars[..name.Length], out value);
    }

    /// <summary>Whether another name begins with this one.</summary>
    public bool HasLonger(ReadOnlySpan<byte> name)
    {
        string text = System.Text.Encoding.Latin1.GetString(name);
        return _values.Keys.Any(known => known.Length > text.Length && known.StartsWith(text, StringComparison.Ordinal));
    }

    /// <summary>Names joined by <c>|</c>, and what is left over as a number.</summary>
    /// <returns>false if a part of the text is neither.</returns>
    public bool TryFlags(ReadOnlySpan<byte> text, out ulong? bits)
    {
        bits = 0;
        foreach (Range part in text.Split((byte)'|'))
        {
            ReadOnlySpan<byte> name = text[part];
            if (name.IsEmpty && text.IsEmpty)
            {
                return true;
            }

            if (!TryGet(name, out ulong? value))
            {
                if (AsciiText.Number(name, out ulong number) != name.Length || name.IsEmpty)
                {
                    return false;
                }

                value = number;
            }

            bits |= value;
        }

        return true;
    }
}
