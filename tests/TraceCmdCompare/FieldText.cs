using System.Globalization;
using System.Text;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.TraceCmdCompare;

/// <summary>
/// How <c>trace-cmd report -R</c> shows a field. It borrows the conversion of the event's print format where it can, so the same
/// number may stand there in decimal, in hex, or as a symbol; but one field of one event always stands there in one way.
/// </summary>
internal sealed class FieldText(SymbolTable symbols)
{
    [Flags]
    private enum Shown
    {
        None = 0,
        Decimal = 1,

        /// <summary>Or the symbol at that address, if there is one.</summary>
        Hex = 2,
        Octal = 4,
        Any = 7,
    }

    private readonly Dictionary<(string Event, string Field), Shown> _shown = [];

    /// <summary>Values that the text cannot show at all: counted, not compared.</summary>
    public long Lossy { get; private set; }

    public bool Matches(string eventName, EventField field, object? value, ReadOnlySpan<char> text)
    {
        switch (value)
        {
            case string s:
                return MatchesText(s, text);
            case byte[] bytes:
                return MatchesBytes(field, bytes, text);
            case null:
                return false;
            default:
                return MatchesNumber(eventName, field, value, text);
        }
    }

    private static bool MatchesText(string value, ReadOnlySpan<char> text)
    {
        if (text.StartsWith("ARRAY[") && text.EndsWith("]"))
        {
            byte[] bytes = HexBytes(text);
            int nul = Array.IndexOf(bytes, (byte)0);
            return TraceText.Decode(nul < 0 ? bytes : bytes.AsSpan(0, nul)) == value;
        }

        // Reports end a line where the text does.
        return text.SequenceEqual(value) || text.TrimEnd("\n ").SequenceEqual(value.AsSpan().TrimEnd("\n "));
    }

    private static byte[] HexBytes(ReadOnlySpan<char> text) =>
        [.. text[6..^1].ToString().Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(h => byte.Parse(h, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    private bool MatchesBytes(EventField field, byte[] bytes, ReadOnlySpan<char> text)
    {
        if (text.StartsWith("ARRAY["))
        {
            return HexBytes(text).AsSpan().SequenceEqual(bytes);
        }

        if (field.Kind == FieldKind.TailBytes && text is "0")
        {
            Lossy++;
            return true;
        }

        // A cpumask or bitmask: hex digits in groups, most significant first.
        StringBuilder mask = new();
        foreach (byte b in bytes.Reverse())
        {
            mask.Append(CultureInfo.InvariantCulture, $"{b:x2}");
        }

        return mask.ToString().TrimStart('0') == text.ToString().Replace(",", "", StringComparison.Ordinal).TrimStart('0')
            || text.SequenceEqual(TraceText.Decode(bytes));
    }

    private bool MatchesNumber(string eventName, EventField field, object value, ReadOnlySpan<char> text)
    {
        (ulong bits, long signed) = value switch
        {
            byte v => (v, (sbyte)v),
            sbyte v => ((byte)v, v),
            ushort v => (v, (short)v),
            short v => ((ushort)v, v),
            uint v => (v, (int)v),
            int v => ((ulong)(uint)v, v),
            ulong v => (v, (long)v),
            long v => ((ulong)v, v),
            bool v => (v ? 1UL : 0, v ? 1 : 0),
            _ => throw new NotSupportedException(value.GetType().Name),
        };
        if (text is "(nil)")
        {
            return bits == 0;
        }

        Shown found = Shown.None;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long d) && (d == signed || (ulong)d == bits))
        {
            found |= Shown.Decimal;
        }
        else if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong u) && (u == bits || u == (ulong)signed))
        {
            found |= Shown.Decimal;
        }

        ReadOnlySpan<char> digits = text.StartsWith("0x") ? text[2..] : text;
        if (ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong h) && (h == bits || h == (ulong)signed))
        {
            found |= Shown.Hex;
        }

        if (IsSymbol(bits, text))
        {
            found |= Shown.Hex;
        }

        if (text.Length > 1 && text[0] == '0' && IsOctal(text, bits))
        {
            found |= Shown.Octal;
        }

        (string, string) key = (eventName, field.Name);
        Shown before = _shown.GetValueOrDefault(key, Shown.Any);

        Shown both = before & found;
        _shown[key] = both == Shown.None ? before : both;
        return both != Shown.None;
    }

    private bool IsSymbol(ulong address, ReadOnlySpan<char> text)
    {
        int plus = text.IndexOf("+0x");
        ReadOnlySpan<char> name = plus < 0 ? text : text[..plus];
        ulong offset = 0;
        if (plus >= 0 && !ulong.TryParse(text[(plus + 3)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out offset))
        {
            return false;
        }

        // Several symbols may share an address; trace-cmd may name another one of them.
        return symbols.Find(address) is { } found && (name.SequenceEqual(found) || symbols.Names(address - offset).Contains(name.ToString()));
    }

    private static bool IsOctal(ReadOnlySpan<char> text, ulong value)
    {
        ulong v = 0;
        foreach (char c in text)
        {
            if (c is < '0' or > '7')
            {
                return false;
            }

            v = (v * 8) + (ulong)(c - '0');
        }

        return v == value;
    }
}
