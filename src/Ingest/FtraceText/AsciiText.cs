namespace TraceReplay.Ingest.FtraceText;

/// <summary>Numbers at the start of a text.</summary>
internal static class AsciiText
{
    public static bool IsDigit(byte b) => b is >= (byte)'0' and <= (byte)'9';

    public static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\t';

    public static bool IsName(byte b) => IsDigit(b) || b is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') or (byte)'_';

    public static ReadOnlySpan<byte> TrimStart(ReadOnlySpan<byte> text) => text.TrimStart(" \t"u8);

    public static ReadOnlySpan<byte> TrimEnd(ReadOnlySpan<byte> text) => text.TrimEnd(" \t"u8);

    /// <returns>How many bytes the digits take; 0 if there are none or the number does not fit.</returns>
    public static int Unsigned(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        int i = 0;
        while (i < text.Length && IsDigit(text[i]))
        {
            uint digit = text[i] - (uint)'0';
            if (value > (ulong.MaxValue - digit) / 10)
            {
                return 0;
            }

            value = (value * 10) + digit;
            i++;
        }

        return i;
    }

    /// <summary>A decimal number with or without sign, or a hexadecimal one with 0x; a negative one in two's complement.</summary>
    public static int Number(ReadOnlySpan<byte> text, out ulong value)
    {
        if (text.StartsWith("0x"u8))
        {
            int n = Hex(text[2..], out value);
            return n == 0 ? 0 : n + 2;
        }

        bool negative = text.Length > 0 && text[0] == '-';
        int digits = Unsigned(negative ? text[1..] : text, out value);
        if (digits == 0 || (negative && value > 1UL << 63))
        {
            return 0;
        }

        value = negative ? 0 - value : value;
        return digits + (negative ? 1 : 0);
    }

    /// <summary>Hexadecimal digits without a prefix.</summary>
    public static int Hex(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        int i = 0;
        while (i < text.Length && char.IsAsciiHexDigit((char)text[i]))
        {
            if (value >> 60 != 0)
            {
                return 0;
            }

            value = (value << 4) | (uint)(IsDigit(text[i]) ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10);
            i++;
        }

        return i;
    }
}
