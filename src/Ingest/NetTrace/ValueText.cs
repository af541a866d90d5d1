using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Diagnostics.Tracing;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Values as TraceEvent hands them out, in our forms.</summary>
internal static class ValueText
{
    /// <returns>null if the event has no such field, or its bytes make no sense.</returns>
    public static object? Read(TraceEvent e, int field)
    {
        try
        {
            object? value = e.PayloadValue(field);
            return (value is string s && s.StartsWith("<<<EXCEPTION", StringComparison.Ordinal)) || (value is not null && !IsRecorded(e, value)) ? null : value;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // TraceEvent's typed events throw whatever they meet in a payload that is not as its version promises.
            return null;
        }
    }

    /// <summary>
    /// TraceEvent looks where a value begins, not where it ends: of one that its payload cuts off it gives what lies in memory behind. What
    /// is not in the payload, as it is or in units of 7 bits, was not recorded.
    /// </summary>
    private static unsafe bool IsRecorded(TraceEvent e, object value)
    {
        ReadOnlySpan<byte> payload = new((void*)e.DataStart, e.EventDataLength);
        Span<byte> bytes = stackalloc byte[16];
        if (value is Guid id)
        {
            id.TryWriteBytes(bytes);
            return payload.IndexOf(bytes) >= 0;
        }

        // Typed events may compute theirs, as a tier from flags.
        if (e.GetType().Name != "DynamicTraceEventData")
        {
            return true;
        }

        if (value is string text)
        {
            // One that was no text in UTF-8 cannot be looked for.
            return text.Contains('\ufffd', StringComparison.Ordinal) || payload.IndexOf(MemoryMarshal.AsBytes(text.AsSpan())) >= 0 || payload.IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
        }

        if (value is not (char or sbyte or short or ushort or int or uint or long or ulong or float or double))
        {
            return true;
        }

        ulong bits = Bits(value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, bits);
        ReadOnlySpan<byte> told = bytes[..8].TrimEnd((long)bits < 0 ? (byte)0xff : (byte)0);
        return payload.IndexOf(told) >= 0 || payload.IndexOf(Units(bits, bytes)) >= 0 || payload.IndexOf(Units((bits << 1) ^ (ulong)((long)bits >> 63), bytes)) >= 0;
    }

    /// <summary>Seven bits in each byte, the lowest first.</summary>
    private static ReadOnlySpan<byte> Units(ulong bits, Span<byte> bytes)
    {
        int n = 0;
        for (; bits >= 0x80; bits >>= 7)
        {
            bytes[n++] = (byte)(bits | 0x80);
        }

        bytes[n++] = (byte)bits;
        return bytes[..n];
    }

    /// <summary>A number's bits, sign-extended.</summary>
    public static ulong Bits(object value) => value switch
    {
        Enum e => Bits(Convert.ChangeType(e, e.GetTypeCode(), CultureInfo.InvariantCulture)),
        bool b => b ? 1u : 0u,
        char c => c,
        float f => BitConverter.SingleToUInt32Bits(f),
        double d => BitConverter.DoubleToUInt64Bits(d),
        ulong u => u,
        _ => unchecked((ulong)Convert.ToInt64(value, CultureInfo.InvariantCulture)),
    };

    /// <summary>Anything else: a text as it is, a time in ISO 8601, arrays and structures as JSON.</summary>
    public static string Of(object value) => value switch
    {
        string s => s,
        DateTime t => t.ToString("O", CultureInfo.InvariantCulture),
        IDictionary<string, object> or Array => Json(value),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Json(object? value)
    {
        switch (value)
        {
            case null:
                return "null";
            case bool b:
                return b ? "true" : "false";
            case float or double:
                double d = Convert.ToDouble(value, CultureInfo.InvariantCulture);
                return double.IsFinite(d) ? d.ToString("R", CultureInfo.InvariantCulture) : Quoted(d.ToString(CultureInfo.InvariantCulture));
            case sbyte or byte or short or ushort or int or uint or long or ulong:
                return ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture);
            case IDictionary<string, object> fields:
                return Joined('{', fields.Select(f => $"{Quoted(f.Key)}:{Json(f.Value)}"), '}');
            case Array items:
                return Joined('[', ((IEnumerable)items).Cast<object?>().Select(Json), ']');
            default:
                return Quoted(Of(value));
        }
    }

    private static string Joined(char open, IEnumerable<string> parts, char close) =>
        new StringBuilder().Append(open).AppendJoin(',', parts).Append(close).ToString();

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
