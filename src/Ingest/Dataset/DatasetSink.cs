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
    // 16 Ki rows, a page of each column: large enough for columns to compress, and small, as what many tables hold in memory costs a page
    // fault for each page of it. Twice as many made the tables of 2.6 million events 1.5 % smaller, with 112 MiB at the peak instead of 80.
    private const int RowGroupRows = 1 << 14;
    private const long HeldLimit = 40 << 20;
    // Rows of each table that are looked at for what they say of the whole capture.
    private const int FirstRows = 64;

    private const int ProgressStep = 1 << 16;

    // A kernel has 2,000 kinds of events with ten fields each; every column of a table takes memory, every name a place in the manifest.
    private const int MostColumns = 200_000;
    private const int MostNames = 2 << 20;

    private readonly CaptureClaim _claim;
    private readonly CaptureInfo _info;
    private readonly Func<string, string> _path;
    private readonly Predicate<EventFormat> _wanted;
    private readonly WriteQueue _queue;
    private readonly Action<long>? _progress;
    private readonly List<EventTable> _tables = [];
    private readonly Dictionary<string, EventTable> _byName = new(StringComparer.Ordinal);
    private long _columns;
    private long _names;
    private readonly Dictionary<(int Instance, int Cpu), long> _lastSeq = [];
    private EventTable?[] _byIndex = [];
    private EventTable?[] _byId = new EventTable?[2048];
    private bool[] _known = [];
    private long[] _cpuLast = new long[64];
    private long _held;
    private long _seq;

    public DatasetSink(CaptureClaim claim, CaptureInfo info, Func<string, string> path, Predicate<EventFormat> wanted, int jobs, Action<long>? progress)
    {
        (_claim, _info, _path, _wanted, _progress) = (claim, info, path, wanted, progress);
        _queue = new WriteQueue(jobs > 0 ? jobs : System.Environment.ProcessorCount, claim.Decided);
        Array.Fill(_cpuLast, -1);
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
        long seq = _seq++;
        First ??= record.Timestamp;
        Last = record.Timestamp;
        Remember(record.Instance, record.Cpu, seq);
        if ((seq & (ProgressStep - 1)) == ProgressStep - 1)
        {
            _progress?.Invoke(_seq);
        }

        EventTable? table = Table(record.Format);
        if (table is null)
        {
            return;
        }

        if (table.Rows < FirstRows)
        {
            SeeFirst(in record);
        }
        else if (record.Format is { Nullable: false, BigEndian: false, Id: >= 0 and <= ushort.MaxValue } format)
        {
            TakeRunsOf(format.Id, table);
        }

        RowBatch batch = table.Batch;
        long before = batch.Bytes;
        table.Add(in record, seq);
        _held += batch.Bytes - before;
        if (batch.Count >= RowGroupRows)
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
        RowHead head = new() { Cpu = run.Cpu, Pid = -1, Tgid = -1 };
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
                head.Pid = Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref start, pidOffset));
            }

            head.Seq = _seq + i;
            head.Timestamp = place.Timestamp;
            head.Length = payload.Length;
            RowBatch batch = table.Batch;
            long before = batch.Bytes;
            batch.Add(ref start, pages.Length - place.Offset, in head, run.Names.Of(head.Pid), table.FixedSize);
            if (run.Instance != 0 || batch.HasExtras)
            {
                batch.AddExtra(batch.Count - 1, extra);
            }

            _held += batch.Bytes - before;
            if (table.IsProbe)
            {
                table.SeeAddress(payload);
            }

            if (batch.Count >= RowGroupRows)
            {
                Submit(table);
            }
        }

        if (i > 0)
        {
            First ??= records[0].Timestamp;
            Last = records[i - 1].Timestamp;
            Remember(run.Instance, run.Cpu, _seq + i - 1);
            if ((_seq ^ (_seq + i)) >= ProgressStep)
            {
                _progress?.Invoke(_seq + i);
            }

            _seq += i;
            SubmitLargest();
        }

        return i;
    }

    /// <summary>What the first kvm_exit says of the CPU: its isa is VMX or SVM.</summary>
    public string? Vendor { get; private set; }

    /// <summary>The scenario that one of the first markers names; null if none does.</summary>
    public string? Scenario { get; private set; }

    public void Lost(in LostRecords lost) => Holes.Add((lost, LastSeq(lost.Instance, lost.Cpu)));

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

    private void SeeFirst(in EventRecord record)
    {
        SeeVendor(in record);
        if (Scenario is null && record.Format.Name is "print" or "tracing_mark_write" or "bprint" or "bputs")
        {
            Scenario = ScenarioName.InMarker(record.Payload);
        }
    }

    private void SeeVendor(in EventRecord record)
    {
        EventFormat format = record.Format;
        if (format.System != "kvm" || format.Name is not ("kvm_exit" or "kvm_nested_vmexit") || format.Field("isa") is not { Size: 4 } isa || isa.Offset + 4 > record.Payload.Length)
        {
            return;
        }

        // 1 and 2 in the byte that either order has them in.
        ReadOnlySpan<byte> bytes = record.Payload.Slice(isa.Offset, isa.Size);
        Vendor ??= (bytes[0] | bytes[3]) switch
        {
            1 => "intel",
            2 => "amd",
            _ => null,
        };
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

                table = new EventTable(format, () => _path(format.FullName), _ => EventSchema.Columns(format, _info, _claim.TraceId), Metadata(format));
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

    private void SubmitLargest()
    {
        if (_held > HeldLimit)
        {
            Submit(_tables.MaxBy(t => t.Held)!);
        }
    }

    /// <summary>The table's first rows were seen: records of this id need not come as events any more.</summary>
    private void TakeRunsOf(int id, EventTable table)
    {
        if (id >= _byId.Length)
        {
            Array.Resize(ref _byId, Math.Min(ushort.MaxValue + 1, Math.Max(2 * _byId.Length, id + 1)));
        }

        _byId[id] = table;
    }

    private void Remember(int instance, int cpu, long seq)
    {
        if (instance == 0 && (uint)cpu < (uint)_cpuLast.Length)
        {
            _cpuLast[cpu] = seq;
        }
        else
        {
            _lastSeq[(instance, cpu)] = seq;
        }
    }

    private long? LastSeq(int instance, int cpu)
    {
        long seq = instance == 0 && (uint)cpu < (uint)_cpuLast.Length ? _cpuLast[cpu] : _lastSeq.GetValueOrDefault((instance, cpu), -1);
        return seq < 0 ? null : seq;
    }
}
