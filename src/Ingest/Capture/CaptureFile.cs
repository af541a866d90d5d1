using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace TraceReplay.Ingest.Capture;

/// <summary>Random access to the bytes of a capture, thread-safe. Every read is checked against the length of the file.</summary>
public sealed class CaptureFile : IDisposable
{
    private readonly SafeFileHandle[] _handles;
    private long _bytesRead;

    public CaptureFile(string path, string? displayName = null)
        : this([path], displayName ?? path)
    {
    }

    /// <summary>A file that is open already, and is closed with this.</summary>
    internal CaptureFile(SafeFileHandle handle, string displayName)
    {
        (DisplayName, _handles, Length) = (displayName, [handle], RandomAccess.GetLength(handle));
        Parts = [(0, Length)];
    }

    /// <summary>Several files that make up one capture, read as one after another.</summary>
    public CaptureFile(IReadOnlyList<string> paths, string displayName)
    {
        DisplayName = displayName;
        _handles = new SafeFileHandle[paths.Count];
        (long, long)[] parts = new (long, long)[paths.Count];
        for (int i = 0; i < paths.Count; i++)
        {
            _handles[i] = File.OpenHandle(paths[i], FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            parts[i] = (Length, RandomAccess.GetLength(_handles[i]));
            Length += parts[i].Item2;
        }

        Parts = parts;
    }

    /// <summary>How messages name it.</summary>
    public string DisplayName { get; }

    public long Length { get; }

    /// <summary>What was left out while wrappings were taken off.</summary>
    internal List<string> Notes { get; } = [];

    /// <summary>Where each of the files lies; one, but for captures that are a directory.</summary>
    public IReadOnlyList<(long Offset, long Length)> Parts { get; }

    /// <summary>Bytes that <see cref="Read"/> has given so far: how far a reader is that goes through the file once.</summary>
    internal long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <returns>Bytes read; less than asked for only at the end of the file.</returns>
    public int Read(long offset, Span<byte> buffer)
    {
        int read = ReadBeside(offset, buffer);
        Interlocked.Add(ref _bytesRead, read);
        return read;
    }

    /// <summary>Reads for another purpose than the events.</summary>
    internal int ReadBeside(long offset, Span<byte> buffer)
    {
        int total = 0;
        int part = 0;
        while (total < buffer.Length)
        {
            while (part < Parts.Count - 1 && offset + total >= Parts[part].Offset + Parts[part].Length)
            {
                part++;
            }

            int n = RandomAccess.Read(_handles[part], InPart(buffer[total..], offset + total, part), offset + total - Parts[part].Offset);
            if (n == 0)
            {
                break;
            }

            total += n;
        }

        return total;
    }

    /// <summary>Fills the buffer or throws a <see cref="CaptureException"/> that names what should have been there.</summary>
    public void ReadExactly(long offset, Span<byte> buffer, string expected)
    {
        int n = offset < 0 || offset > Length ? 0 : Read(offset, buffer);
        if (n < buffer.Length)
        {
            throw Damaged(Math.Clamp(offset, 0, Length), $"the file ends at 0x{Length:x}", $"expected {buffer.Length} bytes of {expected}");
        }
    }

    private Span<byte> InPart(Span<byte> buffer, long offset, int part) =>
        part == Parts.Count - 1 ? buffer : buffer[..(int)Math.Min(buffer.Length, Parts[part].Offset + Parts[part].Length - offset)];

    public CaptureException Damaged(long offset, string found, string expected) => new(new CaptureDamage(DisplayName, offset, found, expected));

    public void Dispose()
    {
        foreach (SafeFileHandle handle in _handles)
        {
            handle.Dispose();
        }
    }
}

/// <summary>Reads numbers of one byte order at a moving position of a file, or of a decompressed section.</summary>
internal ref struct SpanCursor(ReadOnlySpan<byte> data, bool bigEndian)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private readonly bool _bigEndian = bigEndian;

    public int Position { get; private set; }

    public readonly int Remaining => _data.Length - Position;

    public bool TryU16(out ushort value)
    {
        value = 0;
        if (Remaining < 2)
        {
            return false;
        }

        ReadOnlySpan<byte> at = _data[Position..];
        value = _bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(at) : BinaryPrimitives.ReadUInt16LittleEndian(at);
        Position += 2;
        return true;
    }

    public bool TryU32(out uint value)
    {
        value = 0;
        if (Remaining < 4)
        {
            return false;
        }

        ReadOnlySpan<byte> at = _data[Position..];
        value = _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(at) : BinaryPrimitives.ReadUInt32LittleEndian(at);
        Position += 4;
        return true;
    }

    public bool TryU64(out ulong value)
    {
        value = 0;
        if (Remaining < 8)
        {
            return false;
        }

        ReadOnlySpan<byte> at = _data[Position..];
        value = _bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(at) : BinaryPrimitives.ReadUInt64LittleEndian(at);
        Position += 8;
        return true;
    }

    public bool TryBytes(long count, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (count < 0 || count > Remaining)
        {
            return false;
        }

        bytes = _data.Slice(Position, (int)count);
        Position += (int)count;
        return true;
    }

    public bool TryString(out string text)
    {
        text = "";
        int end = _data[Position..].IndexOf((byte)0);
        if (end < 0)
        {
            return false;
        }

        text = System.Text.Encoding.UTF8.GetString(_data.Slice(Position, end));
        Position += end + 1;
        return true;
    }
}
