namespace TraceReplay.Ingest.FtraceText;

/// <summary>The pairs <c>key=value</c> of a text. A value goes on to the next blank that a key follows.</summary>
internal ref struct KeyValues(ReadOnlySpan<byte> text)
{
    private ReadOnlySpan<byte> _rest = text;

    public ReadOnlySpan<byte> Key { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public bool MoveNext()
    {
        int equals = NextKey(_rest, 0, out int start);
        if (equals < 0)
        {
            return false;
        }

        Key = _rest[start..equals];
        int value = equals + 1;
        int following = NextKey(_rest, value, out int nextStart);
        int end = following < 0 ? _rest.Length : nextStart;
        ReadOnlySpan<byte> text = AsciiText.TrimStart(_rest[value..end]).TrimEnd(" \t\n,;"u8);
        Value = text.EndsWith("==>"u8) ? AsciiText.TrimEnd(text[..^3]) : text;
        _rest = _rest[end..];
        return true;
    }

    /// <returns>Where the next = with a key before it stands, or -1.</returns>
    private static int NextKey(ReadOnlySpan<byte> text, int from, out int start)
    {
        start = 0;
        for (int equals = from; ; equals++)
        {
            int found = text[equals..].IndexOf((byte)'=');
            if (found < 0)
            {
                return -1;
            }

            equals += found;
            start = equals;
            while (start > from && AsciiText.IsName(text[start - 1]))
            {
                start--;
            }

            bool named = start < equals && !AsciiText.IsDigit(text[start]);
            if (named && (start == 0 || (start > from && text[start - 1] is (byte)' ' or (byte)'\t' or (byte)'\n')))
            {
                return equals;
            }
        }
    }
}
