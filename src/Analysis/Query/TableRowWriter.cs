using System.Data.Common;

namespace TraceReplay.Analysis.Query;

/// <summary>Aligned columns. The first rows set the widths, so that any number of rows can stream by.</summary>
internal sealed class TableRowWriter(TextWriter output) : IRowWriter
{
    private const int RowsThatSetWidths = 1000;

    private readonly List<string[]> _held = new(RowsThatSetWidths);
    private TextTable? _table;
    private bool _widthsSet;

    public void Begin(DbDataReader reader) =>
        _table = new TextTable([.. Enumerable.Range(0, reader.FieldCount)
            .Select(i => new TextColumn(reader.GetName(i), CellText.IsNumber(reader.GetFieldType(i))))]);

    public void Row(DbDataReader reader)
    {
        var cells = new string[reader.FieldCount];
        for (int i = 0; i < cells.Length; i++)
        {
            cells[i] = (reader.IsDBNull(i) ? null : CellText.Of(reader.GetValue(i))) ?? "NULL";
        }

        if (!_widthsSet)
        {
            _held.Add(cells);
            if (_held.Count == RowsThatSetWidths)
            {
                WriteHeld();
            }

            return;
        }

        _table!.WriteRow(output, cells);
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
