using System.Buffers;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>What stands beside a row's payload.</summary>
internal struct RowHead
{
    public long Seq;
    public long Timestamp;

    /// <summary>Bit n: field n of the format is unknown. 0 where the format is not nullable.</summary>
    public ulong Nulls;

    public string? Comm;
    public int Cpu;
    public int Pid;
    public int Tgid;
    public int Instance;

    /// <summary>Bytes of payload that the capture holds.</summary>
    public int Length;
}

/// <summary>
/// Rows of one event table as the capture holds them. Payloads are kept side by side and decoded column by column when the
/// batch is written: that is a tight loop for each column, and it runs on a worker, not on the thread that merges.
/// Adding writes to three places only, as each table has its own and all of them compete for the processor's cache.
/// </summary>
internal sealed class RowBatch
{
    /// <summary>Bytes that a row takes beside its payload.</summary>
    public const int RowOverhead = 60;

    private RowHead[] _heads;
    private int[] _offsets;
    private byte[] _payloads;
    private int _payloadBytes;

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

    /// <summary>Rows whose payload ended before the last field of fixed size.</summary>
    public int Short { get; private set; }

    public ReadOnlySpan<RowHead> Heads => _heads.AsSpan(0, Count);

    /// <summary>Where each row's payload begins in <see cref="Payloads"/>.</summary>
    public ReadOnlySpan<int> Offsets => _offsets.AsSpan(0, Count);

    public ReadOnlySpan<byte> Payloads => _payloads;

    /// <param name="fixedSize">Shorter payloads are filled up with zeros to this size.</param>
    /// <returns>Bytes of memory that the row takes.</returns>
    public int Add(ref readonly EventRecord record, long seq, int fixedSize)
    {
        int i = Count;
        int length = record.Payload.Length;
        int padded = Math.Max(length, fixedSize);
        int at = _payloadBytes;
        if (i >= _heads.Length || i >= _offsets.Length || _payloads.Length - at < padded)
        {
            Grow(padded);
        }

        record.Payload.CopyTo(_payloads.AsSpan(at));
        if (padded > length)
        {
            _payloads.AsSpan(at + length, padded - length).Clear();
            Short++;
        }

        _offsets[i] = at;
        ref RowHead head = ref _heads[i];
        head.Seq = seq;
        head.Timestamp = record.Timestamp;
        head.Nulls = record.Nulls;
        head.Comm = record.Comm;
        head.Cpu = record.Cpu;
        head.Pid = record.Pid;
        head.Tgid = record.Tgid;
        head.Instance = record.Instance;
        head.Length = length;
        _payloadBytes = at + padded;
        Count = i + 1;
        return padded + RowOverhead;
    }

    public ReadOnlySpan<byte> Payload(int row) => _payloads.AsSpan(_offsets[row], _heads[row].Length);

    /// <summary>Gives the room back; the batch cannot be used any more.</summary>
    public void Release()
    {
        ArrayPool<RowHead>.Shared.Return(_heads);
        ArrayPool<int>.Shared.Return(_offsets);
        ArrayPool<byte>.Shared.Return(_payloads);
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
