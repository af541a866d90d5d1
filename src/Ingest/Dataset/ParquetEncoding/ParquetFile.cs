using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>A Parquet file that appears under its name only when it is whole. One row group at a time is written.</summary>
internal sealed class ParquetFile : IDisposable
{
    private readonly StandIn? _standIn;
    private string _finalPath;
    private readonly string _temporary;
    private readonly SafeFileHandle _handle;
    private readonly IReadOnlyList<ParquetColumn> _columns;
    private readonly IReadOnlyList<KeyValuePair<string, string>> _metadata;
    private readonly int _sorted;
    private readonly ByteBuffer _rowGroups = new(1 << 10);
    private int _groups;
    private long _rows;
    private bool _completed;

    /// <param name="finalPath">Directories are made as needed.</param>
    /// <param name="columns">In the file's order.</param>
    /// <param name="metadata">For the footer, beside the dataset's format and the program's version.</param>
    /// <param name="sortedBy">The column by which rows rise; null if there is none.</param>
    /// <param name="standIn">The value of the first column until <see cref="Name"/> tells it; null: it is known.</param>
    /// <exception cref="EnvironmentFailedException">The file cannot be made, here or in any later call.</exception>
    public ParquetFile(string finalPath, IReadOnlyList<ParquetColumn> columns, IReadOnlyList<KeyValuePair<string, string>> metadata, string? sortedBy = null, StandIn? standIn = null)
    {
        (_finalPath, _standIn) = (finalPath, standIn);
        _temporary = TemporaryFile.For(finalPath);
        (_columns, _metadata) = (columns, metadata);
        _sorted = sortedBy is null ? -1 : columns.Select(c => c.Name).ToList().IndexOf(sortedBy);
        _handle = Environment(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(finalPath)!);
            TemporaryFile.RemoveLeftovers(finalPath);
            return File.OpenHandle(_temporary, FileMode.Create, FileAccess.Write, FileShare.Read);
        });
    }

    /// <summary>What a file begins and ends with; the first row group brings it along.</summary>
    public static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <summary>Bytes written so far.</summary>
    public long Position { get; private set; }

    public RowGroupWriter RowGroup(int rows) => RowGroupWriter.Begin(this, rows);

    /// <summary>Tells what the first column's value is, in place of the stand-in, and where the file is to be.</summary>
    public void Name(string value, string finalPath)
    {
        Environment(() =>
        {
            _standIn!.Replace(value, _rowGroups.At(0, _rowGroups.Length), (bytes, at) => RandomAccess.Write(_handle, bytes, at));
            return Directory.CreateDirectory(Path.GetDirectoryName(finalPath)!);
        });
        _finalPath = finalPath;
    }

    /// <summary>Writes the footer and gives the file its name.</summary>
    public void Complete()
    {
        using SealedFile whole = Seal();
        whole.Place();
    }

    /// <summary>Writes the footer; the file gets its name later, together with others.</summary>
    public SealedFile Seal()
    {
        ByteBuffer footer = new(_rowGroups.Length + (1 << 12));
        if (Position == 0)
        {
            footer.Write(Magic);
        }

        int start = footer.Length;
        FileFooter.Write(footer, _columns, _rows, _groups, _rowGroups.Written, _metadata);
        footer.WriteInt32(footer.Length - start);
        footer.Write(Magic);
        Append(footer);
        _handle.Dispose();
        _completed = true;
        return new SealedFile(_temporary, _finalPath);
    }

    public void Dispose()
    {
        if (_completed)
        {
            return;
        }

        _completed = true;
        _handle.Dispose();
        File.Delete(_temporary);
    }

    /// <summary>Told of the bytes of a first column, with their place in the file.</summary>
    public void FirstColumn(ReadOnlySpan<byte> bytes, long position) => _standIn?.Find(bytes, position);

    /// <summary>Writes what is in the buffer and clears it.</summary>
    public void Append(ByteBuffer bytes)
    {
        Environment(() =>
        {
            RandomAccess.Write(_handle, bytes.Written, Position);
            return true;
        });
        Position += bytes.Length;
        bytes.Clear();
    }

    /// <param name="indexes">Where the row group's indexes begin in the file.</param>
    /// <param name="statistics">What the chunks' bounds point into.</param>
    public void EndRowGroup(int rows, IReadOnlyList<ChunkInfo> chunks, long indexes, ReadOnlySpan<byte> statistics)
    {
        FileFooter.RowGroup(_rowGroups, _groups, rows, chunks, indexes, statistics, _sorted);
        _groups++;
        _rows += rows;
    }

    private static T Environment<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }
    }
}
