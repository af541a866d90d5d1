using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace TraceReplay.Analysis.Query;

/// <summary>One value as text, the same in every format.</summary>
internal static class CellText
{
    /// <summary>Lists as [a, b], structs as {k: v}, BLOBs as hexadecimal, dates as ISO 8601; null for NULL.</summary>
    public static string? Of(object? value) => value switch
    {
        null or DBNull => null,
        string s => s,
        bool b => b ? "true" : "false",
        Stream blob => Hex(blob),
        byte[] blob => Convert.ToHexStringLower(blob),
        DateOnly d => d.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime t => t.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture),
        IDictionary map => Joined(map.Keys.Cast<object>().Select(k => $"{Of(k)}: {Of(map[k]) ?? "NULL"}"), '{', '}'),
        IEnumerable list => Joined(list.Cast<object?>().Select(v => Of(v) ?? "NULL"), '[', ']'),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    public static bool IsNumber(Type type) =>
        type == typeof(BigInteger) || Type.GetTypeCode(type) is >= TypeCode.SByte and <= TypeCode.Decimal;

    public static string Hex(Stream blob)
    {
        using (blob)
        {
            var bytes = new byte[blob.Length];
            blob.ReadExactly(bytes);
            return Convert.ToHexStringLower(bytes);
        }
    }

    private static string Joined(IEnumerable<string> parts, char open, char close) =>
        new StringBuilder().Append(open).AppendJoin(", ", parts).Append(close).ToString();
}
