using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>Receives a capture's events and writes the event tables of a dataset.</summary>
internal sealed class DatasetSink : IRunSink, IDisposable
{
    private const long HeldLimit = 40 << 20;
    // Rows of each table that are looked at for what they say of the whole capture.
    private const int FirstRows = 64;

    private const int ProgressStep = 1 << 16;

    // A kernel has 2,000 kinds of events with ten fields each; every column of a table takes memory, every name a place in the manifest.
    private const int MostColumns = 200_000;
    private const int MostNames = 2 << 20;

    private readonly CaptureInfo _info;
    private readonly TablePlace _place;
    private readonly Predicate<EventFormat> _wanted;
    private readonly WriteQueue _queue;
    private readonly Action<long>? _progress;
    private readonly List<EventTable> _tables = [];
    private readonly Dictionary<string, EventTable> _byName = new(StringComparer.Ordinal);
    private long _columns;
    private long _names;
    private readonly LastPlaces _last = new();
    private EventTable?[] _byIndex = [];
    private EventTable?[] _byId = new EventTable?[2048];
    private EventTable?[] _rowsByIndex = [];
    private bool[] _known = [];
    private long _held;
    private long _seq;

    public DatasetSink(CaptureClaim claim, CaptureInfo info, TablePlace place, Predicate<EventFormat> wanted, int jobs, long earlyLimit, Action<long>? progress)
    {
        (_info, _place, _wanted, _progress) = (info, place, wanted, progress);
        _queue = new WriteQueue(jobs > 0 ? jobs : System.Environment.ProcessorCount, claim.Decided, earlyLimit);
    }

    public IReadOnlyList<EventTable> Tables => _tables;

    /// <summary>Holes in the order met, with the position of the CPU's last event before; null if there is none.</summary>
    public List<(LostRecords Lost, long? AfterSeq)> Holes { get; } = [];

    /// <summary>Events of the capture, also those that were not wanted.</summary>
    public long Seen => _seq;

    public long? First { get; private set; }

    public long? Last { get; private set; }

    public void Event(ref readonly EventRecord record)
    {
        long seq = Next(record.Timestamp, record.Instance, record.Cpu);
        EventTable? table = Table(record.Format);
        if (table is null)
        {
            return;
        }

        if (table.Rows < FirstRows)
        {
            FirstEvents.See(in record);
        }
        else if (record.Format is { Nullable: false } format)
        {
            TakeRowsOf(format, table);
        }

        RowBatch batch = table.Batch;
        long before = batch.Bytes;
        table.Add(in record, seq);
        _held += batch.Bytes - before;
        if (batch.Count >= TableWriter.DefaultRowGroupRows)
        {
            Submit(table);
        }

        SubmitLargest();
    }

    public unsafe int Take(in RecordRun run)
    {
        const int Ahead = 4;
        ReadOnlySpan<RecordRef> records = run.Records;
        ReadOnlySpan<byte> pages = run.Pages;
        EventTable?[] tables = _byId;
        int pidOffset = run.PidOffset;
        int least = Math.Max(2, pidOffset + 4);
        RowExtra extra = new() { Instance = run.Instance };
        int pid = -1;
        int i = 0;
        for (; i < records.Length; i++)
        {
            ref readonly RecordRef place = ref records[i];
            ReadOnlySpan<byte> payload = pages.Slice(place.Offset, place.Length);
            if (payload.Length < least)
            {
                break;
            }

            ref byte start = ref MemoryMarshal.GetReference(payload);
            int id = Unsafe.ReadUnaligned<ushort>(ref start);
            EventTable? table = (uint)id < (uint)tables.Length ? tables[id] : null;
            if (table is null)
            {
                break;
            }

            if (Sse.IsSupported && i + Ahead < records.Length)
            {
                // Another core has unpacked the page: by the time a record is due its line is here. An address that moves or lies behind the end does no harm.
                Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref MemoryMarshal.GetReference(pages), records[i + Ahead].Offset)));
            }

            if (pidOffset >= 0)
            {
                pid = Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref start, pidOffset));
            }

            RowBatch batch = table.Batch;
            bool extras = run.Instance != 0 || batch.HasExtras;
            long before = extras ? batch.Bytes : 0;
            ref RowHead head = ref batch.Add(ref start, payload.Length, pages.Length - place.Offset, run.Names.Of(pid), table.FixedSize);
            (head.Seq, head.Timestamp, head.Cpu, head.Pid, head.Tgid) = (_seq + i, place.Timestamp, run.Cpu, pid, -1);
            if (extras)
            {
                batch.AddExtra(batch.Count - 1, extra);
                _held += batch.Bytes - before;
            }
            else
            {
                _held += RowBatch.RowBytes(payload.Length, table.FixedSize);
            }

            if (table.IsProbe)
            {
                table.SeeAddress(payload);
            }

            if (batch.Count >= TableWriter.DefaultRowGroupRows)
            {
                Submit(table);
            }
        }

        if (i > 0)
        {
            First ??= records[0].Timestamp;
            Last = records[i - 1].Timestamp;
            _last.Set(run.Instance, run.Cpu, _seq + i - 1);
            if ((_seq ^ (_seq + i)) >= ProgressStep)
            {
                _progress?.Invoke(_seq + i);
            }

            _seq += i;
            SubmitLargest();
        }

        return i;
    }

    public bool Take(int format, long timestamp, int cpu, int pid, int tgid, ReadOnlySpan<byte> payload, string? comm)
    {
        EventTable?[] tables = _rowsByIndex;
        EventTable? table = (uint)format < (uint)tables.Length ? tables[format] : null;
        if (table?.Batch is not { HasExtras: false } batch)
        {
            return false;
        }

        long seq = Next(timestamp, 0, cpu);
        ref RowHead head = ref batch.Add(ref MemoryMarshal.GetReference(payload), payload.Length, payload.Length + PayloadCopy.Slack, comm, table.FixedSize);
        (head.Seq, head.Timestamp, head.Cpu, head.Pid, head.Tgid) = (seq, timestamp, cpu, pid, tgid);
        _held += RowBatch.RowBytes(payload.Length, table.FixedSize);
        if (table.IsProbe)
        {
            table.SeeAddress(payload);
        }

        if (batch.Count >= TableWriter.DefaultRowGroupRows)
        {
            Submit(table);
        }

        SubmitLargest();
        return true;
    }

    /// <summary>What the first rows of the tables say of the whole capture.</summary>
    public FirstEvents FirstEvents { get; } = new();

    public void Lost(in LostRecords lost) => Holes.Add((lost, _last.Of(lost.Instance, lost.Cpu)));

    /// <summary>Writes all that is pending and gives the files their names.</summary>
    public void Complete()
    {
        foreach (EventTable t in _tables.OrderByDescending(t => t.Held))
        {
            if (t.PendingRows > 0)
            {
                Submit(t);
            }
        }

        _queue.Drain();
        foreach (EventTable t in _tables)
        {
            t.Complete();
        }

        _progress?.Invoke(_seq);
    }

    public void Dispose()
    {
        _queue.Abandon();
        _tables.ForEach(t => t.Dispose());
    }

    /// <returns>The next event's place in the trace.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long Next(long timestamp, int instance, int cpu)
    {
        long seq = _seq++;
        First ??= timestamp;
        Last = timestamp;
        _last.Set(instance, cpu, seq);
        if ((seq & (ProgressStep - 1)) == ProgressStep - 1)
        {
            _progress?.Invoke(_seq);
        }

        return seq;
    }

    private EventTable? Table(EventFormat format)
    {
        int i = format.Index;
        return (uint)i < (uint)_known.Length && _known[i] ? _byIndex[i] : NewTable(format);
    }

    private EventTable? NewTable(EventFormat format)
    {
        int i = format.Index;
        if (i >= _known.Length)
        {
            Array.Resize(ref _known, Math.Max(i + 1, _known.Length * 2));
            Array.Resize(ref _byIndex, _known.Length);
        }

        _known[i] = true;
        if (_wanted(format))
        {
            if (!_byName.TryGetValue(format.FullName, out EventTable? table))
            {
                if ((_columns += format.Fields.Count) > MostColumns || (_names += format.FullName.Length) > MostNames)
                {
                    throw new CaptureException(new CaptureDamage(_info.Path, 0, $"{_tables.Count} kinds of events with {_columns} fields and {_names} characters of names", "expected no more than a kernel has"));
                }

                table = new EventTable(format, _place, id => EventSchema.Columns(format, _info, id), Metadata(format));
                _byName.Add(format.FullName, table);
                _tables.Add(table);
            }

            _byIndex[i] = table;
        }

        return _byIndex[i];
    }

    private List<KeyValuePair<string, string>> Metadata(EventFormat format)
    {
        List<KeyValuePair<string, string>> metadata = [new("tracereplay.clock_unit", _info.ClockUnit)];
        if (_info.Clock is { } clock)
        {
            metadata.Add(new("tracereplay.clock", clock));
        }

        if (format.Text is { } text)
        {
            metadata.Add(new("tracereplay.format", Encoding.Latin1.GetString(text)));
        }

        return metadata;
    }

    private void Submit(EventTable table)
    {
        long bytes = table.Held;
        _held -= bytes;
        _queue.Submit(table, table.Take(), bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SubmitLargest()
    {
        if (_held > HeldLimit)
        {
            Submit(_tables.MaxBy(t => t.Held)!);
        }
    }

    /// <summary>The table's first rows were seen: records of this format need not come as events any more.</summary>
    private void TakeRowsOf(EventFormat format, EventTable table)
    {
        if (format.Index >= _rowsByIndex.Length)
        {
            Array.Resize(ref _rowsByIndex, _byIndex.Length);
        }

        _rowsByIndex[format.Index] = table;
        int id = format.Id;
        if (format.BigEndian || id is < 0 or > ushort.MaxValue)
        {
            return;
        }

        if (id >= _byId.Length)
        {
            Array.Resize(ref _byId, Math.Min(ushort.MaxValue + 1, Math.Max(2 * _byId.Length, id + 1)));
        }

        _byId[id] = table;
    }
}
