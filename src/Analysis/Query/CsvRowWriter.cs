using System.Buffers;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Query;

/// <summary>RFC 4180, line feeds only. NULL and the empty string stay apart. Control characters are not passed on: JSON and Parquet keep them.</summary>
internal sealed class CsvRowWriter(TextWriter output) : IRowWriter
{
    private const int LongestNumber = 24;

    private static readonly SearchValues<char> s_needQuotes = SearchValues.Create(",\"\r\n");

    public void Begin(Cells cells)
    {
        for (int i = 0; i < cells.Names.Count; i++)
        {
            Field(i, Printable.Line(cells.Names[i]));
        }

        output.Write('\n');
    }

    public void Row(Cells cells)
    {
        Span<char> number = stackalloc char[LongestNumber];
        for (int i = 0; i < cells.Names.Count; i++)
        {
            if (cells.TryFormat(i, number, out int written))
            {
                Separate(i);
                output.Write(number[..written]);
                continue;
            }

            Field(i, CellText.Of(cells[i]) is { } text ? Printable.Line(text) : null);
        }

        output.Write('\n');
    }

    public void End()
    {
    }

    private void Field(int index, string? text)
    {
        Separate(index);
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

    private void Separate(int index)
    {
        if (index > 0)
        {
            output.Write(',');
        }
    }
}
