using Parquet;
using Parquet.Schema;

namespace TraceReplay.TraceCmdCompare;

/// <summary>The rows of one table of a dataset, in file order, one row group in memory.</summary>
internal sealed class TableRows : IDisposable
{
    private readonly ParquetReader _reader;
    private readonly Dictionary<string, Array> _columns = [];
    private int _group = -1;
    private int _row = -1;
    private int _rows;

    public TableRows(string path) => _reader = Wait(ParquetReader.CreateAsync(path));

    public IEnumerable<string> Columns => _reader.Schema.GetDataFields().Select(f => f.Name);

    public object? this[string column] => _columns[column].GetValue(_row);

    /// <summary>Goes to the next row, at first to the first.</summary>
    public bool Next()
    {
        _row++;
        while (_row >= _rows)
        {
            if (++_group >= _reader.RowGroupCount)
            {
                return false;
            }

            Load();
        }

        return true;
    }

    public void Dispose() => _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private void Load()
    {
        using ParquetRowGroupReader group = _reader.OpenRowGroupReader(_group);
        _rows = (int)group.RowCount;
        _row = 0;
        foreach (DataField f in _reader.Schema.GetDataFields())
        {
            _columns[f.Name] = Read(group, f);
        }
    }

    private Array Read(ParquetRowGroupReader group, DataField f)
    {
        if (f.ClrType == typeof(string) || f.ClrType == typeof(ReadOnlyMemory<char>))
        {
            string?[] texts = new string?[_rows];
            group.ReadAsync(f, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
            return texts;
        }

        if (f.ClrType == typeof(byte[]) || f.ClrType == typeof(ReadOnlyMemory<byte>))
        {
            byte[]?[] bytes = new byte[]?[_rows];
            group.ReadAsync(f, bytes.AsMemory()!).AsTask().GetAwaiter().GetResult();
            return bytes;
        }

        return f.ClrType switch
        {
            Type t when t == typeof(byte) => Numbers<byte>(group, f),
            Type t when t == typeof(sbyte) => Numbers<sbyte>(group, f),
            Type t when t == typeof(ushort) => Numbers<ushort>(group, f),
            Type t when t == typeof(short) => Numbers<short>(group, f),
            Type t when t == typeof(uint) => Numbers<uint>(group, f),
            Type t when t == typeof(int) => Numbers<int>(group, f),
            Type t when t == typeof(ulong) => Numbers<ulong>(group, f),
            Type t when t == typeof(bool) => Numbers<bool>(group, f),
            Type t when t == typeof(float) => Numbers<float>(group, f),
            Type t when t == typeof(double) => Numbers<double>(group, f),
            _ => Numbers<long>(group, f),
        };
    }

    private Array Numbers<T>(ParquetRowGroupReader group, DataField f)
        where T : struct
    {
        if (f.IsNullable)
        {
            T?[] some = new T?[_rows];
            group.ReadAsync(f, some.AsMemory()).AsTask().GetAwaiter().GetResult();
            return some;
        }

        T[] all = new T[_rows];
        group.ReadAsync(f, all.AsMemory()).AsTask().GetAwaiter().GetResult();
        return all;
    }
}
