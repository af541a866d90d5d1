using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>A temporary file of sorted runs: for each item its time (8 bytes), its head, the payload's length (4) and its bytes.</summary>
internal sealed class SpillFile : IDisposable
{
    internal static readonly int Head = 12 + Unsafe.SizeOf<ItemHead>();

    private const int WriteBuffer = 1 << 20;

    private readonly SafeFileHandle _handle = File.OpenHandle(
        Path.Combine(Path.GetTempPath(), "tracereplay-" + Path.GetRandomFileName()),
        FileMode.CreateNew,
        FileAccess.ReadWrite,
        FileShare.None,
        FileOptions.DeleteOnClose);

    private long _end;

    /// <summary>Begins a run at the end of the file; one at a time.</summary>
    public Writer NewRun() => new(this);

    /// <summary>Forgets all runs.</summary>
    public void Reset()
    {
        _end = 0;
        RandomAccess.SetLength(_handle, 0);
    }

    public void Dispose() => _handle.Dispose();

    internal sealed class Writer(SpillFile file) : IItemSink
    {
        private readonly byte[] _buffer = new byte[WriteBuffer];
        private readonly long _start = file._end;
        private int _used;

        public void Item(long timestamp, in ItemHead head, ReadOnlySpan<byte> payload)
        {
            if (_used + Head + payload.Length > _buffer.Length)
            {
                Flush();
            }

            Span<byte> at = _buffer.AsSpan(_used);
            BinaryPrimitives.WriteInt64LittleEndian(at, timestamp);
            BinaryPrimitives.WriteInt32LittleEndian(at[8..], payload.Length);
            MemoryMarshal.Write(at[12..], in head);
            payload.CopyTo(at[Head..]);
            _used += Head + payload.Length;
        }

        public SpilledRun Finish()
        {
            Flush();
            return new SpilledRun(file._handle, _start, file._end);
        }

        private void Flush()
        {
            RandomAccess.Write(file._handle, _buffer.AsSpan(0, _used), file._end);
            file._end += _used;
            _used = 0;
        }
    }
}

/// <summary>Reads a run of a <see cref="SpillFile"/> from front to end.</summary>
internal sealed class SpilledRun
{
    // Larger than any item (a record has 64 KiB at most), small as there may be many runs.
    private const int BufferSize = 80 << 10;

    private readonly SafeFileHandle _handle;
    private readonly byte[] _buffer = new byte[BufferSize + PayloadCopy.Slack];
    private readonly long _end;
    private long _next;
    private int _at;
    private int _have;
    private int _length;
    private ItemHead _head;

    public SpilledRun(SafeFileHandle handle, long start, long end)
    {
        (_handle, _next, _end) = (handle, start, end);
        MoveNext();
    }

    public bool AtEnd { get; private set; }

    /// <summary>Of the item at hand; the largest value at the end.</summary>
    public long Timestamp { get; private set; }

    public ref readonly ItemHead Head => ref _head;

    public ReadOnlySpan<byte> Payload => _buffer.AsSpan(_at - _length, _length);

    public void MoveNext()
    {
        if (!Have(SpillFile.Head))
        {
            AtEnd = true;
            Timestamp = long.MaxValue;
            return;
        }

        Timestamp = BinaryPrimitives.ReadInt64LittleEndian(_buffer.AsSpan(_at));
        _length = BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(_at + 8));
        _head = MemoryMarshal.Read<ItemHead>(_buffer.AsSpan(_at + 12));
        _at += SpillFile.Head;
        if (!Have(_length))
        {
            throw new IOException("a temporary file was cut short");
        }

        _at += _length;
    }

    private bool Have(int bytes)
    {
        if (_have - _at >= bytes)
        {
            return true;
        }

        _buffer.AsSpan(_at, _have - _at).CopyTo(_buffer);
        _have -= _at;
        _at = 0;
        int want = (int)Math.Min(BufferSize - _have, _end - _next);
        int n = want == 0 ? 0 : RandomAccess.Read(_handle, _buffer.AsSpan(_have, want), _next);
        _have += n;
        _next += n;
        return _have >= bytes;
    }
}
