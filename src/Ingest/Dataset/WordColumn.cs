using System.Runtime.CompilerServices;
using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// A column of texts that are few and known by a number: rows hold that number, and each text is looked at once for a row group, not
/// once for a row.
/// </summary>
/// <param name="word">The text of a number; null is NULL.</param>
public sealed class WordColumn(string name, bool nullable, Func<int, string?> word) : Column(name, nullable)
{
    private ushort[] _codes = new ushort[1024];
    private int _count;

    public override int Count => _count;

    internal override ParquetColumn Schema { get; } = ParquetColumn.Text(name, nullable);

    // A row of results has a dozen of these: the call costs more than what it does.
    /// <param name="code">0 to 65535.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int code)
    {
        ushort[] codes = _codes;
        int at = _count;
        if ((uint)at < (uint)codes.Length && (uint)code <= ushort.MaxValue)
        {
            codes[at] = (ushort)code;
            _count = at + 1;
        }
        else
        {
            AddToLarger(code);
        }
    }

    private void AddToLarger(int code)
    {
        if (_count == _codes.Length)
        {
            Grow(ref _codes);
        }

        _codes[_count] = checked((ushort)code);
        _count++;
    }

    public override void AddNull() => throw new NotSupportedException("a number whose text is null is NULL");

    internal override void Write(RowGroupWriter group) => group.Texts(Schema).Add(_codes.AsSpan(0, _count), Word);

    internal override void Clear() => _count = 0;

    private string? Word(int code) => word(code) ?? (Nullable ? null : throw NotNullable());
}

/// <summary>A column of one text, the same in every row.</summary>
public sealed class SameTextColumn(string name, string value) : Column(name, nullable: false)
{
    private int _count;

    public override int Count => _count;

    internal override ParquetColumn Schema { get; } = ParquetColumn.Text(name, nullable: false);

    public void Add() => _count++;

    public override void AddNull() => throw NotNullable();

    internal override void Write(RowGroupWriter group) => group.Texts(Schema).Add(value, _count);

    internal override void Clear() => _count = 0;
}
