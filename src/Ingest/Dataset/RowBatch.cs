using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>What stands beside every row's payload. Packed, as four bytes of padding in each cost more than numbers that cross a line.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct RowHead
{
    public long Seq;
    public long Timestamp;
    public int Cpu;
    public int Pid;
    public int Tgid;

    /// <summary>Index into <see cref="RowBatch.Names"/>.</summary>
    public int Comm;

    /// <summary>Bytes of payload that the capture holds.</summary>
    public int Length;
}

/// <summary>What most captures do not have.</summary>
internal struct RowExtra
{
    /// <summary>Bit n: field n of the format is unknown. 0 where the format is not nullable.</summary>
    public ulong Nulls;

    public int Instance;

    public readonly bool IsNone => Nulls == 0 && Instance == 0;
}

/// <summary>
/// Rows of one event table as the capture holds them. Payloads are kept side by side and decoded column by column when the
/// batch is written: that is a tight loop for each column, and it runs on a worker, not on the thread that merges.
/// Adding writes to three places in most captures, as each table has its own and all of them compete for the processor's cache.
/// </summary>
internal sealed class RowBatch
{
    // Head and offset.
    private const int RowOverhead = 40;

    private const int NearNames = 16;
    private const int PrefetchAhead = 64;

    private RowHead[] _heads;
    private int[] _offsets;
    private byte[] _payloads;
    private int _payloadBytes;
    private RowExtra[] _extras = [];
    private string?[] _names = [null];
    private int _nameCount = 1;
    private Dictionary<string, int>? _farNames;
    private string? _lastName;
    private int _lastNameIndex;

    /// <param name="rows">Room at first; a table that filled a batch once gets the next at full size, as growing copies. All room
    /// comes from the shared pool: new arrays of this size cost more in page faults than the rows do in copying.</param>
    public RowBatch(int rows, int payloadBytes)
    {
        _heads = ArrayPool<RowHead>.Shared.Rent(rows);
        _offsets = ArrayPool<int>.Shared.Rent(rows);
        _payloads = ArrayPool<byte>.Shared.Rent(payloadBytes);
    }

    public int Count { get; private set; }

    public int PayloadBytes => _payloadBytes;

    /// <summary>Bytes of memory that the rows take.</summary>
    public long Bytes => _payloadBytes + ((long)Count * (RowOverhead + (HasExtras ? Unsafe.SizeOf<RowExtra>() : 0)));

    /// <summary>What a row adds to <see cref="Bytes"/> where there are no extras.</summary>
    public static int RowBytes(int length, int fixedSize) => Math.Max(length, fixedSize) + RowOverhead;

    /// <summary>Rows whose payload ended before the last field of fixed size.</summary>
    public int Short { get; private set; }

    public ReadOnlySpan<RowHead> Heads => _heads.AsSpan(0, Count);

    /// <summary>Where each row's payload begins in <see cref="Payloads"/>.</summary>
    public ReadOnlySpan<int> Offsets => _offsets.AsSpan(0, Count);

    public ReadOnlySpan<byte> Payloads => _payloads;

    /// <summary>Names of threads; the first is null.</summary>
    public ReadOnlySpan<string?> Names => _names.AsSpan(0, _nameCount);

    /// <summary>Whether any row is of an instance other than the first, or lacks fields.</summary>
    public bool HasExtras => _extras.Length > 0;

    public RowExtra Extra(int row) => HasExtras ? _extras[row] : default;

    /// <summary>Of each row, or of none.</summary>
    public ReadOnlySpan<RowExtra> Extras => HasExtras ? _extras.AsSpan(0, Count) : default;

    /// <param name="fixedSize">Shorter payloads are filled up with zeros to this size.</param>
    public void Add(ref readonly EventRecord record, long seq, int fixedSize)
    {
        RowExtra extra = new() { Nulls = record.Nulls, Instance = record.Instance };
        ref RowHead head = ref Add(ref MemoryMarshal.GetReference(record.Payload), record.Payload.Length, record.Payload.Length, record.Comm, fixedSize);
        (head.Seq, head.Timestamp, head.Cpu, head.Pid, head.Tgid) = (seq, record.Timestamp, record.Cpu, record.Pid, record.Tgid);
        if (HasExtras || !extra.IsNone)
        {
            AddExtra(Count - 1, extra);
        }
    }

    /// <summary>Adds a row without an extra; where <see cref="HasExtras"/>, <see cref="AddExtra"/> must follow.</summary>
    /// <param name="payload">Of as many bytes as <paramref name="length"/> says.</param>
    /// <param name="readable">Bytes that may be read from there on.</param>
    /// <param name="fixedSize">Shorter payloads are filled up with zeros to this size.</param>
    /// <returns>The row's head, with name and length; the caller writes the rest, in its place: a copy of it would wait for what it was made of.</returns>
    public unsafe ref RowHead Add(ref byte payload, int length, int readable, string? comm, int fixedSize)
    {
        int i = Count;
        int padded = Math.Max(length, fixedSize);
        int at = _payloadBytes;
        if (i >= _heads.Length || i >= _offsets.Length || _payloads.Length - at < padded + PayloadCopy.Slack)
        {
            Grow(padded + PayloadCopy.Slack);
        }

        ref byte target = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_payloads), at);
        PayloadCopy.Copy(ref payload, length, readable, ref target);

        if (padded > length)
        {
            _payloads.AsSpan(at + length, padded - length).Clear();
            Short++;
        }

        _offsets[i] = at;
        ref RowHead place = ref _heads[i];
        if (Sse.IsSupported)
        {
            // The lines of the table's next row: too many tables are written to in turns for the processor to see where each goes on,
            // and its stores wait for each other. An address behind the end does no harm.
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref place, 2)));
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref target, padded + PrefetchAhead)));
        }

        place.Length = length;
        place.Comm = ReferenceEquals(comm, _lastName) ? _lastNameIndex : NameIndex(comm);
        _payloadBytes = at + padded;
        Count = i + 1;
        return ref place;
    }

    private int NameIndex(string? name)
    {
        // Of few names: a table's threads are the same again and again, and so are the objects that name them.
        int near = Math.Min(_nameCount, NearNames);
        int i = 0;
        while (i < near && !ReferenceEquals(_names[i], name))
        {
            i++;
        }

        if (i == near)
        {
            i = near < NearNames ? AddName(name) : FarNameIndex(name!);
        }

        (_lastName, _lastNameIndex) = (name, i);
        return i;
    }

    private int FarNameIndex(string name)
    {
        _farNames ??= new Dictionary<string, int>(StringComparer.Ordinal);
        if (!_farNames.TryGetValue(name, out int index))
        {
            _farNames.Add(name, index = AddName(name));
        }

        return index;
    }

    private int AddName(string? name)
    {
        if (_nameCount == _names.Length)
        {
            Array.Resize(ref _names, 4 * _nameCount);
        }

        _names[_nameCount] = name;
        return _nameCount++;
    }

    /// <param name="row">The newest.</param>
    public void AddExtra(int row, RowExtra extra)
    {
        if (row >= _extras.Length)
        {
            // As many as heads: those before the first row that has something have nothing.
            RowExtra[] larger = ArrayPool<RowExtra>.Shared.Rent(_heads.Length);
            int filled = HasExtras ? row : 0;
            _extras.AsSpan(0, filled).CopyTo(larger);
            larger.AsSpan(filled, row - filled).Clear();
            ReturnExtras();
            _extras = larger;
        }

        _extras[row] = extra;
    }

    private void ReturnExtras()
    {
        if (HasExtras)
        {
            ArrayPool<RowExtra>.Shared.Return(_extras);
        }
    }

    public ReadOnlySpan<byte> Payload(int row) => _payloads.AsSpan(_offsets[row], _heads[row].Length);

    /// <summary>Gives the room back; the batch cannot be used any more.</summary>
    public void Release()
    {
        ArrayPool<RowHead>.Shared.Return(_heads);
        ArrayPool<int>.Shared.Return(_offsets);
        ArrayPool<byte>.Shared.Return(_payloads);
        ReturnExtras();
        _extras = [];
        (_heads, _offsets, _payloads, Count) = ([], [], [], 0);
    }

    private void Grow(int payload)
    {
        if (Count >= Math.Min(_heads.Length, _offsets.Length))
        {
            Grow(ref _heads, Count, Count * 4);
            Grow(ref _offsets, Count, Count * 4);
        }

        if (_payloads.Length - _payloadBytes < payload)
        {
            Grow(ref _payloads, _payloadBytes, Math.Max(_payloads.Length * 2, _payloadBytes + payload));
        }
    }

    private static void Grow<T>(ref T[] array, int used, int room)
    {
        T[] larger = ArrayPool<T>.Shared.Rent(room);
        array.AsSpan(0, used).CopyTo(larger);
        ArrayPool<T>.Shared.Return(array);
        array = larger;
    }
}
