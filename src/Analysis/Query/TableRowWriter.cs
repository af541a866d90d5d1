namespace TraceReplay.Analysis.Query;

/// <summary>Aligned columns. The first rows set the widths, so that any number of rows can stream by.</summary>
internal sealed class TableRowWriter(TextWriter output) : IRowWriter
{
    private const int RowsThatSetWidths = 1000;

    private readonly List<string[]> _held = new(RowsThatSetWidths);
    private TextTable? _table;
    private bool _widthsSet;

    public void Begin(CellReader cells) =>
        _table = new TextTable([.. Enumerable.Range(0, cells.Names.Count)
            .Select(i => new TextColumn(cells.Names[i], cells.IsNumber(i)))]);

    public void Row(CellReader cells)
    {
        var texts = new string[cells.Names.Count];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = CellText.Of(cells[i]) ?? "NULL";
        }

        if (!_widthsSet)
        {
            _held.Add(texts);
            if (_held.Count == RowsThatSetWidths)
            {
                WriteHeld();
            }

            return;
        }

        _table!.WriteRow(output, texts);
    }

    public void End()
    {
        if (!_widthsSet)
        {
            WriteHeld();
        }
    }

    private void WriteHeld()
    {
        _widthsSet = true;
        _table!.Measure(_held);
        _table.WriteHeader(output);
        foreach (string[] row in _held)
        {
            _table.WriteRow(output, row);
        }
    }
}
