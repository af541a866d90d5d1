using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Rows of one event table as the capture holds them. Payloads are kept side by side and decoded column by column when the
/// batch is written: that is a tight loop for each column, and it runs on a worker, not on the thread that merges.
/// </summary>
/// <param name="rows">Room at first; a table that filled a batch once gets the next at full size, as growing copies.</param>
/// <param name="nullable">Whether rows may lack fields.</param>
internal sealed class RowBatch(int rows, int payloadBytes, bool nullable = false)
{
    /// <summary>Bytes that a row takes beside its payload.</summary>
    public const int RowOverhead = 48;

    public byte[] Payloads { get; private set; } = new byte[payloadBytes];

    public int PayloadBytes { get; private set; }

    public int Count { get; private set; }

    public int[] Offset = new int[rows];
    public int[] Length = new int[rows];
    public long[] Seq = new long[rows];
    public long[] Timestamp = new long[rows];
    public int[] Cpu = new int[rows];
    public int[] Pid = new int[rows];
    public int[] Tgid = new int[rows];
    public int[] Instance = new int[rows];
    public string?[] Comm = new string?[rows];

    /// <summary>Bit n: field n of the format is unknown. Empty where the format is not nullable.</summary>
    public ulong[] Nulls = nullable ? new ulong[rows] : [];

    /// <summary>Rows whose payload ended before the last field of fixed size.</summary>
    public int Short { get; private set; }

    /// <param name="fixedSize">Shorter payloads are filled up with zeros to this size.</param>
    /// <returns>Bytes of memory that the row takes.</returns>
    public int Add(ref readonly EventRecord record, long seq, int fixedSize)
    {
        int i = Count;
        if (i == Seq.Length)
        {
            Grow();
        }

        ReadOnlySpan<byte> payload = record.Payload;
        int length = payload.Length;
        int padded = Math.Max(length, fixedSize);
        int at = PayloadBytes;
        if (Payloads.Length - at < padded)
        {
            byte[] larger = new byte[Math.Max(Payloads.Length * 3, at + padded)];
            Payloads.AsSpan(0, at).CopyTo(larger);
            Payloads = larger;
        }

        payload.CopyTo(Payloads.AsSpan(at));
        if (padded > length)
        {
            Payloads.AsSpan(at + length, padded - length).Clear();
            Short++;
        }

        Offset[i] = at;
        Length[i] = length;
        Seq[i] = seq;
        Timestamp[i] = record.Timestamp;
        Cpu[i] = record.Cpu;
        Pid[i] = record.Pid;
        Tgid[i] = record.Tgid;
        Instance[i] = record.Instance;
        Comm[i] = record.Comm;
        if (nullable)
        {
            Nulls[i] = record.Nulls;
        }

        PayloadBytes = at + padded;
        Count = i + 1;
        return padded + RowOverhead;
    }

    public ReadOnlySpan<byte> Payload(int row) => Payloads.AsSpan(Offset[row], Length[row]);

    public void Clear() => Count = PayloadBytes = Short = 0;

    private void Grow()
    {
        int rows = Seq.Length * 4;
        Array.Resize(ref Offset, rows);
        Array.Resize(ref Length, rows);
        Array.Resize(ref Seq, rows);
        Array.Resize(ref Timestamp, rows);
        Array.Resize(ref Cpu, rows);
        Array.Resize(ref Pid, rows);
        Array.Resize(ref Tgid, rows);
        Array.Resize(ref Instance, rows);
        Array.Resize(ref Comm, rows);
        Array.Resize(ref Nulls, nullable ? rows : 0);
    }
}
