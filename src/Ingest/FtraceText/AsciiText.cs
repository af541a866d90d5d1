using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>Numbers at the start of a text.</summary>
internal static class AsciiText
{
    // More digits than these may not fit into 64 bits.
    private const int SureDecimals = 19;
    private const int SureHexDigits = 16;

    private const byte NoDigit = 0xff;

    private static readonly byte[] s_hexDigits = [.. Enumerable.Range(0, 256).Select(b => char.IsAsciiHexDigit((char)b) ? Convert.ToByte(((char)b).ToString(), 16) : NoDigit)];

    public static bool IsDigit(byte b) => b is >= (byte)'0' and <= (byte)'9';

    public static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\t';

    public static bool IsName(byte b) => IsDigit(b) || b is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') or (byte)'_';

    public static ReadOnlySpan<byte> TrimStart(ReadOnlySpan<byte> text)
    {
        int start = 0;
        while (start < text.Length && IsSpace(text[start]))
        {
            start++;
        }

        return text[start..];
    }

    public static ReadOnlySpan<byte> TrimEnd(ReadOnlySpan<byte> text)
    {
        int end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[..end];
    }

    /// <returns>How many bytes the digits take; 0 if there are none or the number does not fit.</returns>
    public static int Unsigned(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        int sure = Math.Min(text.Length, SureDecimals);
        int i = 0;
        for (; i < sure; i++)
        {
            uint digit = text[i] - (uint)'0';
            if (digit > 9)
            {
                return i;
            }

            value = (value * 10) + digit;
        }

        for (; i < text.Length && IsDigit(text[i]); i++)
        {
            uint digit = text[i] - (uint)'0';
            if (value > (ulong.MaxValue - digit) / 10)
            {
                return 0;
            }

            value = (value * 10) + digit;
        }

        return i;
    }

    /// <summary>A decimal number with or without sign, or a hexadecimal one with 0x; a negative one in two's complement.</summary>
    public static int Number(ReadOnlySpan<byte> text, out ulong value)
    {
        if (HexPrefix(text) > 0)
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

    /// <summary>How many bytes <c>0x</c> takes, if it stands there.</summary>
    public static int HexPrefix(ReadOnlySpan<byte> text) => text.Length > 1 && text[0] == '0' && text[1] == 'x' ? 2 : 0;

    /// <summary>Hexadecimal digits without a prefix.</summary>
    /// <returns>How many bytes they take; 0 if there are none or the number does not fit.</returns>
    public static int Hex(ReadOnlySpan<byte> text, out ulong value, bool vectors = true)
    {
        byte[] digits = s_hexDigits;
        if (vectors && Ssse3.IsSupported && text.Length >= sizeof(ulong))
        {
            int taken = ShortHex(First(text), out value);
            if (taken < SureHexDigits || text.Length == SureHexDigits || digits[text[SureHexDigits]] == NoDigit)
            {
                return taken;
            }
        }

        value = 0;
        int i = 0;
        for (; i < text.Length; i++)
        {
            byte digit = digits[text[i]];
            if (digit == NoDigit)
            {
                break;
            }

            if (value >> 60 != 0)
            {
                return 0;
            }

            value = (value << 4) | digit;
        }

        return i;
    }

    /// <summary>The first 16 bytes of a text of 8 at least; zeros stand for those that it does not have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> First(ReadOnlySpan<byte> text)
    {
        ref byte start = ref MemoryMarshal.GetReference(text);
        if (text.Length >= Vector128<byte>.Count)
        {
            return Vector128.LoadUnsafe(ref start);
        }

        ulong last = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, text.Length - sizeof(ulong)));
        int missing = Vector128<byte>.Count - text.Length;
        return Vector128.Create(Unsafe.ReadUnaligned<ulong>(ref start), missing == sizeof(ulong) ? 0 : last >> (8 * missing)).AsByte();
    }

    /// <summary>Up to 16 digits, all at once: what stands behind them is shifted out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ShortHex(Vector128<byte> text, out ulong value)
    {
        Vector128<byte> digits = Sse2.Subtract(text, Vector128.Create((byte)'0'));
        Vector128<byte> letters = Sse2.Subtract(Sse2.Or(text, Vector128.Create((byte)0x20)), Vector128.Create((byte)'a'));
        Vector128<byte> areDigits = Sse2.CompareEqual(Sse2.Min(digits, Vector128.Create((byte)9)), digits);
        Vector128<byte> areLetters = Sse2.CompareEqual(Sse2.Min(letters, Vector128.Create((byte)5)), letters);
        int count = int.TrailingZeroCount(Sse2.MoveMask(Sse2.Or(areDigits, areLetters)) ^ 0x1ffff);
        Vector128<byte> nibbles = Sse2.Or(Sse2.And(digits, areDigits), Sse2.And(Sse2.Add(letters, Vector128.Create((byte)10)), areLetters));

        // Each pair of digits is 16 times the first and the second; packed they are the number's bytes, the highest first.
        Vector128<short> pairs = Ssse3.MultiplyAddAdjacent(nibbles, Vector128.Create((short)0x0110).AsSByte());
        ulong bytes = BinaryPrimitives.ReverseEndianness(Sse2.PackUnsignedSaturate(pairs, pairs).AsUInt64().ToScalar());
        value = count == 0 ? 0 : bytes >> (64 - (4 * count));
        return count;
    }
}
