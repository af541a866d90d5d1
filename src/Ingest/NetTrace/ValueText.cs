using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Values as TraceEvent hands them out, in our forms.</summary>
internal static class ValueText
{
    /// <summary>Whether two values of one field are told alike.</summary>
    public static bool Same(object a, object b) => a is byte[] x && b is byte[] y ? x.AsSpan().SequenceEqual(y) : a.GetType() == b.GetType() && Of(a) == Of(b);

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
