using TraceReplay.Ingest.Dataset.ParquetDecoding;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// Integer columns of one table of the dataset, in blocks of rows: decoded by our own reader where our own encoder wrote the file, by
/// Parquet.Net everywhere else.
/// </summary>
internal abstract class RowSource : IDisposable
{
    /// <summary>Which of the columns asked for the table has.</summary>
    public abstract bool Has(int column);

    /// <summary>Whether rows may be NULL in it.</summary>
    public abstract bool IsNullable(int column);

    /// <summary>Reads the next rows.</summary>
    /// <param name="block">Gets the values of the columns that the table has.</param>
    /// <returns>How many; 0 at the end, -1 if this source cannot read the file to its end.</returns>
    public abstract int Read(RowBlock block);

    /// <summary>Where in the file the rows behind those already read begin.</summary>
    public abstract (int RowGroup, int Row) Position { get; }

    public abstract void Dispose();

    /// <param name="columns">Names; one that the table does not have as integers is missing.</param>
    public static RowSource Open(string path, string[] columns) =>
        NumberFile.TryOpen(path) is { } file ? new DecodedRows(file, columns) : new LibraryRows(path, columns, (0, 0));

    /// <summary>Goes on where another source of the same file and columns stopped.</summary>
    public static RowSource GoOn(string path, string[] columns, (int RowGroup, int Row) position) => new LibraryRows(path, columns, position);
}

/// <summary>Some rows of some integer columns, as 64-bit values; used again for the next ones.</summary>
internal sealed class RowBlock(int columns)
{
    /// <summary>By column.</summary>
    public readonly long[][] Values = [.. Enumerable.Repeat<long[]>([], columns)];

    /// <summary>By column: which rows are NULL. Means nothing where none can be.</summary>
    public readonly bool[][] Unknown = [.. Enumerable.Repeat<bool[]>([], columns)];

    /// <summary>What NULL reads as.</summary>
    public readonly long[] Missing = new long[columns];

    public void Reserve(int column, int rows, bool nullable)
    {
        if (Values[column].Length < rows)
        {
            Values[column] = new long[rows];
        }

        if (nullable && Unknown[column].Length < rows)
        {
            Unknown[column] = new bool[rows];
        }
    }
}
