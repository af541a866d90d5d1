using System.Buffers;
using System.Reflection;
using Parquet;
using Parquet.Schema;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Writes a text column whose dictionary is already known. Parquet.Net 6.1 would hash every value of every row to find it, which
/// took a fifth of an ingest's processor time; it has no public way to hand a dictionary over, so this sets the two private
/// fields it would fill. Where they are not found (another version), the public way is taken.
/// </summary>
internal static class DictionaryPages
{
    private static readonly Access? s_access = Access.Find();

    /// <summary>Whether the fast way exists in this version of Parquet.Net; a test watches it.</summary>
    public static bool Available => s_access is not null;

    /// <param name="dictionary">The distinct texts.</param>
    /// <param name="indexes">Of the rows that are not NULL, in row order.</param>
    /// <param name="present">For a nullable column 1 or 0 for each row, else null.</param>
    public static void Write(ParquetRowGroupWriter group, DataField field, ReadOnlyMemory<char>[] dictionary, ReadOnlyMemory<int> indexes, ReadOnlyMemory<int>? present)
    {
        if (s_access is { } access && dictionary.Length > 0)
        {
            ParquetFile.Await(access.Write(group, field, dictionary, indexes, present));
            return;
        }

        ReadOnlyMemory<char>[] values = ArrayPool<ReadOnlyMemory<char>>.Shared.Rent(indexes.Length);
        ReadOnlySpan<int> at = indexes.Span;
        for (int i = 0; i < at.Length; i++)
        {
            values[i] = dictionary[at[i]];
        }

        ParquetFile.Await(group.WriteAllPartsAsync<ReadOnlyMemory<char>>(field, values.AsMemory(0, at.Length), present, null, CancellationToken.None));
        ArrayPool<ReadOnlyMemory<char>>.Shared.Return(values, clearArray: true);
    }

    private sealed record Access(MethodInfo NewColumn, FieldInfo Dictionary, FieldInfo Indexes, MethodInfo WriteColumn)
    {
        // Only its length counts: the column takes the number of NULLs from it.
        private static ReadOnlyMemory<char>[] s_placeholders = [];

        public static Access? Find()
        {
            const BindingFlags Any = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
            Type? column = typeof(ParquetRowGroupWriter).Assembly.GetType("Parquet.WritingColumn`1")?.MakeGenericType(typeof(ReadOnlyMemory<char>));
            MethodInfo? create = column?.GetMethod("NewWritingColumn", Any, [typeof(DataField), typeof(ReadOnlyMemory<ReadOnlyMemory<char>>), typeof(ReadOnlyMemory<int>?), typeof(ReadOnlyMemory<int>?)]);
            FieldInfo? dictionary = column?.GetField("_dictionary", Any);
            FieldInfo? indexes = column?.GetField("_dictionaryIndexes", Any);
            MethodInfo? write = typeof(ParquetRowGroupWriter).GetMethod("WriteAsyncInternal", Any)?.MakeGenericMethod(typeof(ReadOnlyMemory<char>));
            return create is not null && write is not null
                && dictionary?.FieldType == typeof(IMemoryOwner<ReadOnlyMemory<char>>) && indexes?.FieldType == typeof(IMemoryOwner<int>)
                ? new Access(create, dictionary, indexes, write)
                : null;
        }

        public Task Write(ParquetRowGroupWriter group, DataField field, ReadOnlyMemory<char>[] dictionary, ReadOnlyMemory<int> indexes, ReadOnlyMemory<int>? present)
        {
            ReadOnlyMemory<char>[] placeholders = s_placeholders;
            if (placeholders.Length < indexes.Length)
            {
                s_placeholders = placeholders = new ReadOnlyMemory<char>[indexes.Length];
            }

            using IDisposable column = (IDisposable)NewColumn.Invoke(null, [field, new ReadOnlyMemory<ReadOnlyMemory<char>>(placeholders, 0, indexes.Length), present, null])!;
            Dictionary.SetValue(column, new Borrowed<ReadOnlyMemory<char>>(dictionary));
            Indexes.SetValue(column, new Borrowed<int>(System.Runtime.InteropServices.MemoryMarshal.AsMemory(indexes)));
            return (Task)WriteColumn.Invoke(group, [field, column, null, CancellationToken.None])!;
        }
    }

    private sealed record Borrowed<T>(Memory<T> Memory) : IMemoryOwner<T>
    {
        public void Dispose()
        {
        }
    }
}

/// <summary>Collects the texts of a column as dictionary and indexes.</summary>
internal sealed class TextPage
{
    // Texts are kept from row group to row group, as most are the same; more than this are cheaper found anew.
    private const int MaxKept = 256;

    private readonly Dictionary<string, int> _index = [];
    private readonly List<ReadOnlyMemory<char>> _texts = [];
    private int[] _indexes = [];
    private int[] _present = [];
    private int _rows;
    private int _filled;
    private string? _last;
    private int _lastIndex;

    public void Begin(int rows)
    {
        _rows = _filled = 0;
        _last = null;
        if (_index.Count > MaxKept)
        {
            _index.Clear();
            _texts.Clear();
        }

        _indexes = ArrayPool<int>.Shared.Rent(rows);
        _present = ArrayPool<int>.Shared.Rent(rows);
    }

    public void Add(string? text)
    {
        _present[_rows++] = text is null ? 0 : 1;
        if (text is null)
        {
            return;
        }

        // Runs of one thread are long and its name is always the same object.
        if (!ReferenceEquals(text, _last))
        {
            if (!_index.TryGetValue(text, out _lastIndex))
            {
                _index[text] = _lastIndex = _texts.Count;
                _texts.Add(text.AsMemory());
            }

            _last = text;
        }

        _indexes[_filled++] = _lastIndex;
    }

    public void Write(ParquetRowGroupWriter group, DataField field)
    {
        DictionaryPages.Write(
            group,
            field,
            [.. _texts],
            _indexes.AsMemory(0, _filled),
            field.IsNullable ? (ReadOnlyMemory<int>?)_present.AsMemory(0, _rows) : null);
        ArrayPool<int>.Shared.Return(_indexes);
        ArrayPool<int>.Shared.Return(_present);
    }
}
