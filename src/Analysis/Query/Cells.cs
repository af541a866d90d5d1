namespace TraceReplay.Analysis.Query;

/// <summary>Rows to print, one at a time.</summary>
internal abstract class Cells
{
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>A cell of the row that was read last; null for NULL.</summary>
    public abstract object? this[int column] { get; }

    /// <summary>Such a column stands on the right.</summary>
    public abstract bool IsNumber(int column);

    /// <summary>Writes a cell of whole numbers as <see cref="CellText.Of"/> does, without an object for it.</summary>
    /// <returns>false if it is none, or NULL.</returns>
    public virtual bool TryFormat(int column, Span<char> into, out int written)
    {
        written = 0;
        return false;
    }

    /// <summary>Goes to the next row, the first at first.</summary>
    /// <returns>false behind the last.</returns>
    public abstract bool Read();
}

/// <summary>The rows of a set that holds them as its columns name their types.</summary>
internal sealed class SetCells(RowSet set) : Cells
{
    private int _row = -1;

    public override IReadOnlyList<string> Names { get; } = [.. set.Columns.Select(column => column.Name)];

    public override object? this[int column] => set.Rows[_row][column];

    public override bool IsNumber(int column) => set.Columns[column].Type is not ("VARCHAR" or "BOOLEAN");

    public override bool Read() => ++_row < set.Rows.Count;
}
