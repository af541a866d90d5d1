using System.Data.Common;
using System.Reflection;

namespace TraceReplay.Analysis.Query;

/// <summary>Reads the cells of one result. DuckDB.NET refuses a list with a NULL in it unless asked for nullable elements.</summary>
internal sealed class CellReader : Cells
{
    private static readonly MethodInfo s_getFieldValue = typeof(DbDataReader).GetMethod(nameof(DbDataReader.GetFieldValue))!;

    private readonly DbDataReader _reader;
    private readonly Func<int, object?>[] _cells;

    public CellReader(DbDataReader reader)
    {
        _reader = reader;
        Names = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
        _cells = [.. Enumerable.Range(0, reader.FieldCount).Select(i => Cell(reader.GetFieldType(i)))];
    }

    public override IReadOnlyList<string> Names { get; }

    public override object? this[int column] => _reader.IsDBNull(column) ? null : _cells[column](column);

    public override bool IsNumber(int column) => CellText.IsNumber(_reader.GetFieldType(column));

    public override bool Read() => _reader.Read();

    private Func<int, object?> Cell(Type type)
    {
        if (!type.IsGenericType || type.GetGenericTypeDefinition() != typeof(List<>) || !type.GenericTypeArguments[0].IsValueType)
        {
            return _reader.GetValue;
        }

        Type nullable = typeof(List<>).MakeGenericType(typeof(Nullable<>).MakeGenericType(type.GenericTypeArguments[0]));
        MethodInfo get = s_getFieldValue.MakeGenericMethod(nullable);
        return column => get.Invoke(_reader, [column]);
    }
}
