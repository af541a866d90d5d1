using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.PerfScriptCompare;

/// <summary>A value of a row against the same one as perf hands it to a script.</summary>
internal static class PerfValue
{
    public static bool Equal(object? value, JsonElement perf) => (value, perf.ValueKind) switch
    {
        (string s, JsonValueKind.String) => s == perf.GetString(),
        (string s, JsonValueKind.Object) => s == Text(Hex(perf)),
        (byte[] bytes, JsonValueKind.Object) => bytes.AsSpan().SequenceEqual(Hex(perf)),
        (byte[] bytes, JsonValueKind.String) => TraceText.Decode(bytes.AsSpan(0, bytes.AsSpan().IndexOf((byte)0) is >= 0 and int n ? n : bytes.Length)) == perf.GetString(),
        (byte[] bytes, JsonValueKind.Array) => EqualList(bytes, perf),
        (null or string or byte[], _) => false,
        (_, JsonValueKind.Number) => EqualNumber(value, perf),
        _ => false,
    };

    /// <summary>Whether a number stands in a text in decimal or in hex.</summary>
    public static bool IsShownAs(object value, ReadOnlySpan<char> text)
    {
        (ulong bits, int size) = Bits(value);
        ulong mask = Mask(size);
        return (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long d) && ((ulong)d & mask) == (bits & mask))
            || (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong u) && (u & mask) == (bits & mask))
            || (ulong.TryParse(text.StartsWith("0x") ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong h) && (h & mask) == (bits & mask));
    }

    public static string Show(object? value) => value is byte[] b ? Convert.ToHexString(b) : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "NULL";

    public static (ulong Bits, int Size) Bits(object value) => value switch
    {
        byte v => (v, 1),
        sbyte v => ((ulong)v, 1),
        ushort v => (v, 2),
        short v => ((ulong)v, 2),
        uint v => (v, 4),
        int v => ((ulong)v, 4),
        ulong v => (v, 8),
        long v => ((ulong)v, 8),
        bool v => (v ? 1UL : 0, 1),
        _ => throw new NotSupportedException(value.GetType().Name),
    };

    // perf takes the sign of some types from their name, where the format has a flag for it: the bits decide.
    private static bool EqualNumber(object value, JsonElement perf)
    {
        (ulong bits, int size) = Bits(value);
        ulong theirs = perf.TryGetUInt64(out ulong u) ? u : (ulong)perf.GetInt64();
        return (bits & Mask(size)) == (theirs & Mask(size));
    }

    private static bool EqualList(byte[] bytes, JsonElement perf)
    {
        int count = perf.GetArrayLength();
        if (count == 0 || bytes.Length % count != 0)
        {
            return count == 0 && bytes.Length == 0;
        }

        int size = bytes.Length / count;
        int at = 0;
        Span<byte> number = stackalloc byte[8];
        foreach (JsonElement element in perf.EnumerateArray())
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, element.TryGetUInt64(out ulong u) ? u : (ulong)element.GetInt64());
            if (size > 8 || !bytes.AsSpan(at, size).SequenceEqual(number[..size]))
            {
                return false;
            }

            at += size;
        }

        return true;
    }

    private static byte[] Hex(JsonElement perf) => Convert.FromHexString(perf.GetProperty("hex").GetString()!);

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int nul = bytes.IndexOf((byte)0);
        return TraceText.Decode(nul < 0 ? bytes : bytes[..nul]);
    }

    private static ulong Mask(int size) => size == 8 ? ulong.MaxValue : (1UL << (8 * size)) - 1;
}
