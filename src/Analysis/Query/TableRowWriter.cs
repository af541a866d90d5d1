namespace TraceReplay.Analysis.Query;

/// <summary>Aligned columns. The first rows set the widths, so that any number of rows can stream by; if they are wider than may be, all rows come as records.</summary>
internal sealed class TableRowWriter(TextWriter output, int? widest = null) : IRowWriter
{
    private const int RowsThatSetWidths = 1000;

    private readonly List<string[]> _held = new(RowsThatSetWidths);
    private TextTable? _table;
    private RecordRowWriter? _records;
    private IReadOnlyList<string> _names = [];
    private bool _widthsSet;

    public void Begin(Cells cells)
    {
        _names = [.. cells.Names];
        _table = new TextTable([.. Enumerable.Range(0, cells.Names.Count)
            .Select(i => new TextColumn(cells.Names[i], cells.IsNumber(i)))]);
    }

    public void Row(Cells cells)
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

        Write(texts);
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
        if (widest is { } columns && _table.Width > columns)
        {
            _records = new RecordRowWriter(output);
            _records.Begin(_names);
        }
        else
        {
            _table.WriteHeader(output);
        }

        _held.ForEach(Write);
    }

    private void Write(string[] row)
    {
        if (_records is null)
        {
            _table!.WriteRow(output, row);
        }
        else
        {
            _records.Row(row);
        }
    }
}
