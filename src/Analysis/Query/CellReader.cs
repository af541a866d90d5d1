using System.Data.Common;
using System.Globalization;
using System.Numerics;

namespace TraceReplay.Analysis.Query;

/// <summary>Reads the cells of one result. DuckDB.NET refuses a list with a NULL in it unless asked for nullable elements.</summary>
internal sealed class CellReader : Cells
{
    private readonly DbDataReader _reader;
    private readonly Func<int, object?>[] _cells;
    private readonly TypeCode[] _types;

    public CellReader(DbDataReader reader)
    {
        _reader = reader;
        Names = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
        _types = [.. Enumerable.Range(0, reader.FieldCount).Select(i => Type.GetTypeCode(reader.GetFieldType(i)))];
        _cells = [.. Enumerable.Range(0, reader.FieldCount).Select(i => Cell(reader.GetFieldType(i)))];
    }

    public override IReadOnlyList<string> Names { get; }

    public override object? this[int column] => _reader.IsDBNull(column) ? null : _cells[column](column);

    public override bool IsNumber(int column) => CellText.IsNumber(_reader.GetFieldType(column));

    /// <summary>All values are theirs who read them; others may be views of what the row leaves behind.</summary>
    public bool OutliveRows => Array.TrueForAll(_types, type => type is TypeCode.String or TypeCode.Int64 or TypeCode.Int32 or TypeCode.Double or TypeCode.Boolean);

    public override bool TryFormat(int column, Span<char> into, out int written)
    {
        written = 0;
        return TryGetNumber(column, out long number) && number.TryFormat(into, out written, default, CultureInfo.InvariantCulture);
    }

    /// <summary>A cell of whole numbers of up to 64 bits, without an object for it.</summary>
    /// <returns>false if it is none, or NULL.</returns>
    public bool TryGetNumber(int column, out long number)
    {
        number = 0;
        if (_types[column] is not (TypeCode.Int64 or TypeCode.Int32) || _reader.IsDBNull(column))
        {
            return false;
        }

        number = _types[column] == TypeCode.Int64 ? _reader.GetInt64(column) : _reader.GetInt32(column);
        return true;
    }

    public override bool Read() => _reader.Read();

    // One by one: a type that only shows while the program runs is not there in a program compiled ahead.
    private Func<int, object?> Cell(Type type) =>
        type == typeof(List<bool>) ? List<bool>()
        : type == typeof(List<sbyte>) ? List<sbyte>()
        : type == typeof(List<byte>) ? List<byte>()
        : type == typeof(List<short>) ? List<short>()
        : type == typeof(List<ushort>) ? List<ushort>()
        : type == typeof(List<int>) ? List<int>()
        : type == typeof(List<uint>) ? List<uint>()
        : type == typeof(List<long>) ? List<long>()
        : type == typeof(List<ulong>) ? List<ulong>()
        : type == typeof(List<BigInteger>) ? List<BigInteger>()
        : type == typeof(List<float>) ? List<float>()
        : type == typeof(List<double>) ? List<double>()
        : type == typeof(List<decimal>) ? List<decimal>()
        : type == typeof(List<DateOnly>) ? List<DateOnly>()
        : type == typeof(List<TimeOnly>) ? List<TimeOnly>()
        : type == typeof(List<DateTime>) ? List<DateTime>()
        : type == typeof(List<DateTimeOffset>) ? List<DateTimeOffset>()
        : type == typeof(List<TimeSpan>) ? List<TimeSpan>()
        : type == typeof(List<Guid>) ? List<Guid>()
        : _reader.GetValue;

    private Func<int, object?> List<T>()
        where T : struct => _reader.GetFieldValue<List<T?>>;
}
