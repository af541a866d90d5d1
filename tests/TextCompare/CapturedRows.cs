using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.TextCompare;

/// <summary>All rows of a capture, side by side in memory.</summary>
internal sealed class CapturedRows : IEventSink
{
    private readonly List<byte[]> _blocks = [];
    private int _used = BlockSize;

    private const int BlockSize = 16 << 20;

    public List<Row> Rows { get; } = [];

    public long Lost { get; private set; }

    public static CapturedRows Read(ICapture capture)
    {
        CapturedRows rows = new();
        if (capture.ReadEvents(rows, new ReadOptions(), CancellationToken.None) is { } damage)
        {
            Console.Error.WriteLine(damage);
        }

        return rows;
    }

    public void Event(ref readonly EventRecord record)
    {
        if (_used + record.Payload.Length > BlockSize)
        {
            _blocks.Add(new byte[BlockSize]);
            _used = 0;
        }

        record.Payload.CopyTo(_blocks[^1].AsSpan(_used));
        Rows.Add(new Row(record.Format, record.Timestamp, record.Cpu, record.Pid, record.Comm, record.Nulls, new ArraySegment<byte>(_blocks[^1], _used, record.Payload.Length)));
        _used += record.Payload.Length;
    }

    void IEventSink.Lost(in LostRecords lost) => Lost += lost.Count ?? 1;

    internal readonly record struct Row(EventFormat Format, long Timestamp, int Cpu, int Pid, string? Comm, ulong Nulls, ArraySegment<byte> Payload)
    {
        /// <returns>null if the row does not have it.</returns>
        public string? Value(int index)
        {
            EventField field = Format.Fields[index];
            return Format.Nullable && (Nulls >> index & 1) != 0 ? null
                : field.IsNumber ? FieldReader.Number(Format, field, Payload)?.ToString("x", System.Globalization.CultureInfo.InvariantCulture)
                : field.IsString ? System.Text.Encoding.UTF8.GetString(FieldReader.Bytes(field, Payload, Format.BigEndian))
                : Convert.ToHexStringLower(FieldReader.Bytes(field, Payload, Format.BigEndian));
        }
    }
}
