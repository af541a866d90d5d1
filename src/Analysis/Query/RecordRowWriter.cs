using System.Globalization;

namespace TraceReplay.Analysis.Query;

/// <summary>Each row as a block of lines, one for each column: what is wider than a terminal can be read so.</summary>
internal sealed class RecordRowWriter(TextWriter output) : IRowWriter
{
    private IReadOnlyList<string> _names = [];
    private int _width;
    private long _row;

    public void Begin(Cells cells) => Begin(cells.Names);

    public void Row(Cells cells)
    {
        var texts = new string[cells.Names.Count];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = CellText.Of(cells[i]) ?? "NULL";
        }

        Row(texts);
    }

    public void End()
    {
    }

    internal void Begin(IReadOnlyList<string> names)
    {
        _names = names;
        _width = names.Max(n => n.Length);
    }

    internal void Row(IReadOnlyList<string> texts)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"-- row {++_row} --"));
        for (int i = 0; i < texts.Count; i++)
        {
            output.WriteLine($"{_names[i].PadRight(_width)}  {texts[i]}");
        }
    }
}
