using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>A picture: what it shows in words, and its numbers both as the data that the script draws and as a table.</summary>
internal sealed record Chart
{
    /// <summary>Which function of Assets/*.js draws it.</summary>
    public required string Kind { get; init; }

    public required string Title { get; init; }

    /// <summary>One or two sentences: what is to be seen, for people who see the picture and people who do not.</summary>
    public required string Says { get; init; }

    /// <summary>What the script draws; goes into the page as JSON.</summary>
    public required Grid Data { get; init; }

    /// <summary>The table behind the picture, if it is not <see cref="Data"/>.</summary>
    public Grid? Table { get; init; }

    /// <summary>More that the drawing needs: units, ranges, a second grid.</summary>
    public IReadOnlyDictionary<string, object?> Options { get; init; } = new Dictionary<string, object?>();

    // The default encoder escapes < > & ' and ", so no value can end the element that it lies in.
    public void Write(HtmlWriter html)
    {
        html.Open("figure", ("class", "chart"), ("data-kind", Kind));
        html.Open("figcaption").Element("h4", Title).Element("p", Says).Close();
        html.Open("div", ("class", "plot"), ("role", "img"), ("aria-label", $"{Title}. {Says}")).Verbatim(StaticChart.Draw(this)).Close();
        html.Open("script", ("type", "application/json")).Verbatim(Json()).Close();
        html.Open("details", ("class", "numbers")).Element("summary", "The numbers");
        HtmlTable.Write(html, Table ?? Data);
        html.Close().Close();
    }

    private string Json()
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            foreach ((string name, object? value) in Options)
            {
                json.WritePropertyName(name);
                Write(json, value);
            }

            json.WritePropertyName("columns");
            Write(json, Data.Columns);
            json.WritePropertyName("rows");
            Write(json, Data.Rows);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    // By hand: a serializer that looks at types while it runs is not there in a program compiled ahead.
    private static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null or DBNull:
                json.WriteNullValue();
                break;
            case string s:
                json.WriteStringValue(s);
                break;
            case bool b:
                json.WriteBooleanValue(b);
                break;
            case double d:
                json.WriteNumberValue(d);
                break;
            case float f:
                json.WriteNumberValue(f);
                break;
            case decimal d:
                json.WriteNumberValue(d);
                break;
            case ulong n:
                json.WriteNumberValue(n);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case DateOnly or DateTime or BigInteger:
                json.WriteStringValue(Query.CellText.Of(value));
                break;
            case IEnumerable list:
                json.WriteStartArray();
                foreach (object? item in list)
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            default:
                throw new InvalidOperationException($"a chart does not draw a {value.GetType().Name}");
        }
    }
}
