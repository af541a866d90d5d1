using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Query;

/// <summary>One array, one object a line: a JSON parser reads the whole, a line tool the parts.</summary>
internal sealed class JsonRowWriter(TextWriter output) : IRowWriter
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _line = new();
    private IReadOnlyList<string> _names = [];
    private bool _any;

    public void Begin(Cells cells)
    {
        _names = cells.Names;
        output.Write("[");
    }

    public void Row(Cells cells)
    {
        output.Write(_any ? ",\n" : "\n");
        _any = true;
        _line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_line, s_options))
        {
            json.WriteStartObject();
            for (int i = 0; i < _names.Count; i++)
            {
                json.WritePropertyName(_names[i]);
                Value(json, cells[i]);
            }

            json.WriteEndObject();
        }

        output.Write(JsonText.Escaped(Encoding.UTF8.GetString(_line.WrittenSpan)));
    }

    public void End() => output.Write("\n]\n");

    private static void Value(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null or DBNull:
                json.WriteNullValue();
                break;
            case bool b:
                json.WriteBooleanValue(b);
                break;
            case double d when !double.IsFinite(d):
                json.WriteStringValue(d.ToString(CultureInfo.InvariantCulture));
                break;
            case float f when !float.IsFinite(f):
                json.WriteStringValue(f.ToString(CultureInfo.InvariantCulture));
                break;
            case BigInteger or sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal:
                json.WriteRawValue(CellText.Of(value)!, skipInputValidation: true);
                break;
            case IDictionary map:
                json.WriteStartObject();
                foreach (DictionaryEntry entry in map)
                {
                    json.WritePropertyName(CellText.Of(entry.Key) ?? "");
                    Value(json, entry.Value);
                }

                json.WriteEndObject();
                break;
            case IEnumerable list and not (string or byte[]):
                json.WriteStartArray();
                foreach (object? item in list)
                {
                    Value(json, item);
                }

                json.WriteEndArray();
                break;
            default:
                json.WriteStringValue(CellText.Of(value));
                break;
        }
    }
}
