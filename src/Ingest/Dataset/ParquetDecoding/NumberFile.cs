using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>
/// The numbers of a Parquet file that our own encoder wrote, read without a library: several times cheaper, and in any number of rows
/// at a time. Any other file is left to Parquet.Net, and so is one that turns out to be damaged: it says then what is wrong.
/// </summary>
public sealed class NumberFile : IDisposable
{
    // The footer of all but large captures' tables comes with the first read.
    private const int Tail = 1 << 14;

    private readonly SafeFileHandle _file;
    private readonly FileForm _form;

    private NumberFile(SafeFileHandle file, FileForm form) => (_file, _form) = (file, form);

    public int RowGroups => _form.RowGroups.Length;

    /// <returns>null if the file is not of the form that our encoder writes, or cannot be read.</returns>
    public static NumberFile? TryOpen(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path);
            if (ReadForm(file) is { } form)
            {
                NumberFile whole = new(file, form);
                file = null;
                return whole;
            }

            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        finally
        {
            file?.Dispose();
        }
    }

    public int Rows(int rowGroup) => _form.RowGroups[rowGroup].Rows;

    /// <summary>The column of that name; -1 if there is none.</summary>
    public int Find(string name) => Array.FindIndex(_form.Columns, column => column.Name == name);

    /// <summary>The column of that name that holds integers or booleans; -1 if there is none.</summary>
    public int FindInteger(string name) =>
        Find(name) is >= 0 and int index && _form.Columns[index].Physical is PhysicalType.Boolean or PhysicalType.Int32 or PhysicalType.Int64 ? index : -1;

    public NumberReader Read(int column) => new(_file, _form, column);

    public void Dispose() => _file.Dispose();

    private static FileForm? ReadForm(SafeFileHandle file)
    {
        int magic = ParquetFile.Magic.Length;
        long length = RandomAccess.GetLength(file);
        int size = (int)Math.Min(length, Tail);
        byte[] tail = ArrayPool<byte>.Shared.Rent(Tail);
        try
        {
            if (size < (2 * magic) + 4 || RandomAccess.Read(file, tail.AsSpan(0, size), length - size) != size
                || !tail.AsSpan(size - magic, magic).SequenceEqual(ParquetFile.Magic))
            {
                return null;
            }

            int footer = BinaryPrimitives.ReadInt32LittleEndian(tail.AsSpan(size - magic - 4));
            long start = length - magic - 4 - footer;
            if (footer <= 0 || start < magic)
            {
                return null;
            }

            if (footer <= size - magic - 4)
            {
                return FooterReader.Read(tail.AsSpan(size - magic - 4 - footer, footer), start);
            }

            byte[] whole = new byte[footer];
            return RandomAccess.Read(file, whole, start) == footer ? FooterReader.Read(whole, start) : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(tail);
        }
    }
}
