using TraceReplay.Ingest.Capture;
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
    /// <returns>How many; 0 at the end.</returns>
    /// <exception cref="CaptureException">The file is damaged.</exception>
    public abstract int Read(RowBlock block);

    public abstract void Dispose();

    /// <param name="columns">Names; one that the table does not have as integers is missing.</param>
    /// <exception cref="CaptureException">The file is damaged.</exception>
    public static RowSource Open(string path, string[] columns) =>
        NumberFile.TryOpen(path) is { } file ? new DecodedRows(path, file, columns) : LibraryRows.Open(path, columns);

    internal static CaptureException Damaged(string path, string found, Exception? inner = null) =>
        new(new CaptureDamage(path, 0, found, "expected a table as ingest or compact wrote it"), inner);
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
