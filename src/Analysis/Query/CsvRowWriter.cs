using System.Buffers;
using System.Data.Common;

namespace TraceReplay.Analysis.Query;

/// <summary>RFC 4180, line feeds only. NULL and the empty string stay apart.</summary>
internal sealed class CsvRowWriter(TextWriter output) : IRowWriter
{
    private static readonly SearchValues<char> s_needQuotes = SearchValues.Create(",\"\r\n");

    public void Begin(DbDataReader reader)
    {
        for (int i = 0; i < reader.FieldCount; i++)
        {
            Field(i, reader.GetName(i));
        }

        output.Write('\n');
    }

    public void Row(DbDataReader reader)
    {
        for (int i = 0; i < reader.FieldCount; i++)
        {
            Field(i, reader.IsDBNull(i) ? null : CellText.Of(reader.GetValue(i)));
        }

        output.Write('\n');
    }

    public void End()
    {
    }

    private void Field(int index, string? text)
    {
        if (index > 0)
        {
            output.Write(',');
        }

        if (text is { Length: > 0 } && text.AsSpan().IndexOfAny(s_needQuotes) < 0)
        {
            output.Write(text);
        }
        else if (text is not null)
        {
            output.Write('"');
            output.Write(text.Replace("\"", "\"\"", StringComparison.Ordinal));
            output.Write('"');
        }
    }
}
