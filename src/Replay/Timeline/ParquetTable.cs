using System.Buffers;
using System.Runtime.CompilerServices;
using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset.ParquetDecoding;

namespace TraceReplay.Replay.Timeline;

/// <summary>A Parquet file of the dataset, read column by column; integers of any width come as 64-bit values.</summary>
internal sealed class ParquetTable : IDisposable
{
    private static readonly HashSet<Type> s_integers =
    [
        typeof(long), typeof(ulong), typeof(int), typeof(uint), typeof(short), typeof(ushort), typeof(sbyte), typeof(byte), typeof(bool),
    ];

    private readonly string _path;
    private readonly ParquetReader _reader;

    private ParquetTable(string path)
    {
        _path = path;
        if (ParquetCheck.Fault(path) is { } fault)
        {
            throw RowSource.Damaged(path, fault);
        }

        _reader = ParquetReader.CreateAsync(path).GetAwaiter().GetResult();
        Fields = _reader.Schema.GetDataFields();
    }

    public IReadOnlyList<DataField> Fields { get; }

    public int RowGroups => _reader.RowGroupCount;

    /// <exception cref="CaptureException">The file is damaged.</exception>
    public static ParquetTable Open(string path)
    {
        try
        {
            return new(path);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(path, e);
        }
    }

    /// <summary>The column, or null if the table has none of that name.</summary>
    public DataField? Find(string name) => Fields.FirstOrDefault(field => field.Name == name);

    /// <summary>The column, or null if the table has none of that name that holds integers: a text's field may be anything.</summary>
    public DataField? FindInteger(string name) => Find(name) is { } field && s_integers.Contains(field.ClrType) ? field : null;

    /// <exception cref="CaptureException">There is no such column.</exception>
    public DataField Require(string name) => Find(name) ?? throw RowSource.Damaged(_path, $"no column {name}");

    /// <exception cref="CaptureException">The file is damaged.</exception>
    public ParquetRowGroupReader OpenRowGroup(int index)
    {
        try
        {
            return _reader.OpenRowGroupReader(index);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(_path, e);
        }
    }

    public void Dispose() => _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <exception cref="CaptureException">The file is damaged.</exception>
    public string?[] ReadTexts(ParquetRowGroupReader group, DataField field)
    {
        try
        {
            string?[] values = new string?[checked((int)group.RowCount)];
            group.ReadAsync(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
            return values;
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(_path, e);
        }
    }

    /// <summary>Fills <paramref name="values"/>, grown if need be, with the column's rows; NULL reads as <paramref name="missing"/>.</summary>
    /// <param name="unknown">Set where a row is NULL, if it has room for the rows.</param>
    /// <exception cref="CaptureException">The file is damaged.</exception>
    public void ReadIntegers(ParquetRowGroupReader group, DataField field, ref long[] values, int rows, long missing = 0, bool[]? unknown = null)
    {
        if (values.Length < rows)
        {
            values = new long[rows];
        }

        try
        {
            ReadAny(group, field, values, rows, missing, unknown);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(_path, e);
        }
    }

    private static void ReadAny(ParquetRowGroupReader group, DataField field, long[] values, int rows, long missing, bool[]? unknown)
    {
        Type type = field.ClrType;
        if (type == typeof(long))
        {
            Read<long>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(ulong))
        {
            Read<ulong>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(int))
        {
            Read<int>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(uint))
        {
            Read<uint>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(short))
        {
            Read<short>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(ushort))
        {
            Read<ushort>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(sbyte))
        {
            Read<sbyte>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(byte))
        {
            Read<byte>(group, field, values, rows, missing, unknown);
        }
        else if (type == typeof(bool))
        {
            Read<bool>(group, field, values, rows, missing, unknown);
        }
        else
        {
            throw new InvalidDataException($"column {field.Name} is {type.Name}, expected an integer");
        }
    }

    private static void Read<T>(ParquetRowGroupReader group, DataField field, long[] values, int rows, long missing, bool[]? unknown)
        where T : unmanaged
    {
        // From the pool: an array of this size made anew for each column costs more in page faults than its decoding.
        if (field.IsNullable)
        {
            T?[] nullable = ArrayPool<T?>.Shared.Rent(rows);
            group.ReadAsync<T>(field, nullable.AsMemory(0, rows)).AsTask().GetAwaiter().GetResult();
            for (int i = 0; i < rows; i++)
            {
                values[i] = nullable[i] is { } value ? Widen(value) : missing;
            }

            for (int i = 0; unknown is not null && i < rows; i++)
            {
                unknown[i] = nullable[i] is null;
            }

            ArrayPool<T?>.Shared.Return(nullable);
            return;
        }

        T[] plain = ArrayPool<T>.Shared.Rent(rows);
        group.ReadAsync<T>(field, plain.AsMemory(0, rows)).AsTask().GetAwaiter().GetResult();
        for (int i = 0; i < rows; i++)
        {
            values[i] = Widen(plain[i]);
        }

        ArrayPool<T>.Shared.Return(plain);
    }

    /// <summary>Parquet.Net says in many ways that it cannot read a file.</summary>
    private static bool IsDamage(Exception e) =>
        e is not (CaptureException or UnauthorizedAccessException or FileNotFoundException or DirectoryNotFoundException or OutOfMemoryException or OperationCanceledException);

    private static CaptureException Damaged(string path, Exception e) => RowSource.Damaged(path, $"a file that cannot be read ({Printable.Line(e.Message)})", e);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Widen<T>(T value)
        where T : unmanaged
    {
        // typeof comparisons vanish when the method is compiled for one T.
        if (typeof(T) == typeof(long) || typeof(T) == typeof(ulong))
        {
            return Unsafe.BitCast<T, long>(value);
        }

        if (typeof(T) == typeof(int))
        {
            return Unsafe.BitCast<T, int>(value);
        }

        if (typeof(T) == typeof(uint))
        {
            return Unsafe.BitCast<T, uint>(value);
        }

        if (typeof(T) == typeof(short))
        {
            return Unsafe.BitCast<T, short>(value);
        }

        if (typeof(T) == typeof(ushort))
        {
            return Unsafe.BitCast<T, ushort>(value);
        }

        return typeof(T) == typeof(sbyte) ? Unsafe.BitCast<T, sbyte>(value) : Unsafe.BitCast<T, byte>(value);
    }
}
