using System.Text;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis;

/// <summary>A column of a <see cref="TextTable"/>; numbers stand right-aligned.</summary>
public sealed record TextColumn(string Title, bool RightAligned = false);

/// <summary>Aligned columns of plain text, without frames, so that it looks the same on a terminal and in a file.</summary>
public sealed class TextTable
{
    private readonly IReadOnlyList<TextColumn> _columns;
    private readonly int[] _widths;
    private readonly string _indent;

    public TextTable(IReadOnlyList<TextColumn> columns, string indent = "")
    {
        _columns = columns;
        _indent = indent;
        _widths = [.. columns.Select(c => c.Title.Length)];
    }

    /// <summary>The whole table at once.</summary>
    public static void Write(TextWriter output, IReadOnlyList<TextColumn> columns, IReadOnlyList<string[]> rows, string indent = "")
    {
        var table = new TextTable(columns, indent);
        table.Measure(rows);
        table.WriteHeader(output);
        foreach (string[] row in rows)
        {
            table.WriteRow(output, row);
        }
    }

    /// <summary>Characters of the longest line, as far as rows were measured.</summary>
    public int Width => _indent.Length + _widths.Sum() + (2 * (_widths.Length - 1));

    /// <summary>Widens the columns to what the rows need.</summary>
    public void Measure(IEnumerable<string[]> rows)
    {
        foreach (string[] row in rows)
        {
            for (int i = 0; i < row.Length; i++)
            {
                _widths[i] = Math.Max(_widths[i], row[i].Length);
            }
        }
    }

    public void WriteHeader(TextWriter output)
    {
        WriteRow(output, [.. _columns.Select(c => c.Title)]);
        WriteRow(output, [.. _widths.Select(w => new string('-', w))]);
    }

    public void WriteRow(TextWriter output, string[] cells)
    {
        var line = new StringBuilder(_indent);
        for (int i = 0; i < cells.Length; i++)
        {
            string cell = OneLine(cells[i]);
            line.Append(i == 0 ? "" : "  ").Append(_columns[i].RightAligned ? cell.PadLeft(_widths[i]) : cell.PadRight(_widths[i]));
        }

        output.Write(line.ToString().TrimEnd());
        output.Write('\n');
    }

    /// <summary>The text without control characters: what a trace holds must not steer a terminal.</summary>
    public static string OneLine(string text) => Printable.Line(text);
}
