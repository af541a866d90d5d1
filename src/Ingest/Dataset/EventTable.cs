using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>One event table being written: rows are gathered in a batch; full batches are written one after another by a worker.</summary>
internal sealed class EventTable : IDisposable
{
    private readonly EventFormat _format;
    private readonly EventField? _probeAddress;
    private readonly TablePlace _place;
    private readonly Func<string, IReadOnlyList<EventColumn>> _columns;
    private readonly IReadOnlyList<KeyValuePair<string, string>> _metadata;
    private ParquetFile? _file;
    private bool _named;
    private IReadOnlyList<EventColumn> _fileColumns = [];
    private RowBatch? _batch;
    private long _taken;
    private int _rowsExpected = 64;
    private int _bytesExpected = 64 * 64;
    private ulong _lastAddress;

    /// <param name="columns">For the trace's id, or what stands in for it; the id is the first.</param>
    /// <param name="metadata">What the file's footer says beside the columns.</param>
    public EventTable(EventFormat format, TablePlace place, Func<string, IReadOnlyList<EventColumn>> columns, IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        _metadata = metadata;
        _format = format;
        FixedSize = format.FixedSize;
        _place = place;
        _columns = columns;
        IsReturnProbe = format.Field("__probe_func") is not null;
        _probeAddress = format.Field("__probe_func") ?? format.Field("__probe_ip");
    }

    /// <summary>Functions that the capture itself names as the probe's.</summary>
    public IReadOnlyCollection<string> ProbeFunctions => _format.ProbeFunctions;

    public string FullName => _format.FullName;

    public long Rows => _taken + PendingRows;

    public long ShortRows { get; private set; }

    /// <summary>Bytes of rows that no worker has yet.</summary>
    public long Held => _batch?.Bytes ?? 0;

    public int PendingRows => _batch?.Count ?? 0;

    public bool IsReturnProbe { get; }

    /// <summary>Where the probe was hit: of a return probe, the function's address.</summary>
    public SortedSet<ulong> ProbeAddresses { get; } = [];

    /// <summary>Taken batches that are not written yet; belongs to the <see cref="WriteQueue"/>.</summary>
    public Queue<RowBatch> Queued { get; } = [];

    /// <summary>In the queue or being written: one worker at a time has a file.</summary>
    public bool Busy { get; set; }

    /// <summary>Takes the rows that come next.</summary>
    public RowBatch Batch => _batch ?? NewBatch();

    /// <summary>Bytes that every row's payload has at least.</summary>
    public int FixedSize { get; }

    /// <summary>Whether <see cref="SeeAddress"/> wants every payload.</summary>
    public bool IsProbe => _probeAddress is not null;

    public void Add(ref readonly EventRecord record, long seq)
    {
        Batch.Add(in record, seq, FixedSize);
        if (IsProbe)
        {
            SeeAddress(record.Payload);
        }
    }

    // Apart, so that who asks for the batch for every row does so without a call.
    private RowBatch NewBatch() => _batch = new RowBatch(_rowsExpected, _bytesExpected);

    public void SeeAddress(ReadOnlySpan<byte> payload)
    {
        if (FieldReader.Number(_format, _probeAddress!, payload) is { } address && address != _lastAddress)
        {
            _lastAddress = address;
            ProbeAddresses.Add(address);
        }
    }

    /// <summary>Hands out the pending rows; there must be some.</summary>
    public RowBatch Take()
    {
        RowBatch full = _batch!;
        ShortRows += full.Short;
        _taken += full.Count;
        (_rowsExpected, _bytesExpected) = (full.Count, full.PayloadBytes);
        _batch = null;
        return full;
    }

    /// <summary>Writes a row group; called in the order of <see cref="Take"/>.</summary>
    public void Write(RowBatch batch)
    {
        if (_file is null)
        {
            _named = _place.IsKnown;
            StandIn? standIn = _named ? null : new StandIn(CaptureClaim.IdLength);
            _fileColumns = _columns(standIn?.Text ?? _place.TraceId);
            _file = new ParquetFile(_named ? _place.Of(FullName) : _place.Unnamed(), [.. _fileColumns.Select(c => c.Schema)], _metadata, sortedBy: "seq", standIn);
        }

        RowGroupWriter group = _file.RowGroup(batch.Count);
        foreach (EventColumn column in _fileColumns)
        {
            column.Write(batch, group);
        }

        group.Complete();
        batch.Release();
    }

    /// <summary>Gives the file its name, and the trace's id where something stood in for it.</summary>
    public void Complete()
    {
        if (!_named)
        {
            _file?.Name(_place.TraceId, _place.Of(FullName));
        }

        _file?.Complete();
    }

    public void Dispose()
    {
        _batch?.Release();
        _file?.Dispose();
    }
}
