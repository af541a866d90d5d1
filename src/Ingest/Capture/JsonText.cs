using System.Globalization;
using System.Text;

namespace TraceReplay.Ingest.Capture;

/// <summary>JSON whose strings hold no character that steers a terminal; their values stay what they are.</summary>
public static class JsonText
{
    /// <summary>Escapes what <see cref="System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping"/> leaves: such characters stand within strings only.</summary>
    public static string Escaped(string json)
    {
        StringBuilder? escaped = null;
        for (int i = 0; i < json.Length; i++)
        {
            if (json[i] != '\n' && Printable.IsControl(json[i]))
            {
                escaped ??= new StringBuilder(json, 0, i, json.Length + 16);
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)json[i]:x4}");
            }
            else
            {
                escaped?.Append(json[i]);
            }
        }

        return escaped?.ToString() ?? json;
    }
}
