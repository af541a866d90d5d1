using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>
/// The records of one CPU of one instance, in order. While a batch is consumed the next one is read, decompressed and split on
/// the thread pool, so that at most two batches of a CPU are in memory.
/// </summary>
internal sealed class CpuStream : IDisposable
{
    private sealed class Batch
    {
        public byte[] Pages = [];
        public RecordList Records { get; } = new();
        public bool Last;
    }

    // Short enough to be interrupted between two.
    private const int LongestRun = 1 << 12;

    private readonly PageSource _source;
    private readonly RingBufferPage _splitter;
    private readonly TimestampCorrection _correction;
    private readonly bool _identity;
    private readonly string _file;
    private readonly int _target;
    private readonly bool _ahead;
    private Batch _current = new();
    private Batch _spare = new();
    private ClaimableWork? _next;
    private int _at = -1;
    private int _nextLost;

    public CpuStream(CaptureFile file, int cpu, int instance, PageSource source, RingBufferPage splitter, TimestampCorrection correction, int batchBytes, bool ahead)
    {
        (_source, _splitter, _correction, Cpu, Instance, _file) = (source, splitter, correction, cpu, instance, file.DisplayName);
        _identity = correction.IsIdentity;
        _target = batchBytes;
        _ahead = ahead;
    }

    public int Cpu { get; }

    public int Instance { get; }

    public CaptureDamage? Damage { get; private set; }

    /// <summary>Time of the current record.</summary>
    public long Timestamp { get; private set; }

    /// <summary>0, or how many records were lost just before this one; -1 = an unknown number.</summary>
    public long LostBefore { get; private set; }

    /// <summary>The buffer that <see cref="Run"/>'s records lie in.</summary>
    public ReadOnlySpan<byte> Pages => _current.Pages;

    /// <summary>The current record and those behind it that are older than another stream's next one, up to a hole or the end of what is split.</summary>
    /// <param name="until">Time of the other stream's next record.</param>
    /// <param name="inclusive">Whether this stream goes first at that time.</param>
    public ReadOnlySpan<RecordRef> Run(long until, bool inclusive)
    {
        List<(int Before, long Count)> holes = _current.Records.Lost;
        int end = _nextLost < holes.Count ? Math.Min(holes[_nextLost].Before, _current.Records.Count) : _current.Records.Count;
        ReadOnlySpan<RecordRef> left = _current.Records.Records.AsSpan(_at, Math.Min(end - _at, LongestRun));
        int n = 1;
        while (n < left.Length && (left[n].Timestamp < until || (left[n].Timestamp == until && inclusive)))
        {
            n++;
        }

        return left[..n];
    }

    /// <summary>Goes on within a run.</summary>
    public void Skip(int records)
    {
        _at += records;
        Timestamp = _current.Records.Records[_at].Timestamp;
    }

    /// <summary>Starts reading ahead.</summary>
    public void Start() => FillAhead();

    /// <summary>Goes to the next record.</summary>
    /// <returns>false at the end; then <see cref="LostBefore"/> tells of records lost behind the last one.</returns>
    public bool MoveNext()
    {
        LostBefore = 0;
        if (++_at >= _current.Records.Count && !NextBatch())
        {
            return false;
        }

        Timestamp = _current.Records.Records[_at].Timestamp;
        List<(int Before, long Count)> holes = _current.Records.Lost;
        while (_nextLost < holes.Count && holes[_nextLost].Before <= _at)
        {
            LostBefore = Sum(LostBefore, holes[_nextLost++].Count);
        }

        return true;
    }

    public void Dispose()
    {
        // The source must not be closed under a read that is still going on.
        _next?.Abandon();
        _source.Dispose();
    }

    private static long Sum(long a, long b) => a < 0 || b < 0 ? -1 : a + b;

    private bool NextBatch()
    {
        while (true)
        {
            // Holes behind the last record of a batch belong to the first record of the next.
            for (List<(int Before, long Count)> holes = _current.Records.Lost; _nextLost < holes.Count; _nextLost++)
            {
                LostBefore = Sum(LostBefore, holes[_nextLost].Count);
            }

            if (_current.Last)
            {
                return false;
            }

            if (_next is null)
            {
                Fill(_spare);
            }
            else
            {
                _next.Wait();
            }

            (_current, _spare) = (_spare, _current);
            if (!_current.Last)
            {
                FillAhead();
            }

            _at = 0;
            _nextLost = 0;
            if (_current.Records.Count > 0)
            {
                return true;
            }
        }
    }

    private void FillAhead()
    {
        if (_ahead)
        {
            Batch batch = _spare;
            _next = new ClaimableWork(() => Fill(batch));
            _next.Start();
        }
    }

    private void Fill(Batch batch)
    {
        batch.Records.Clear();
        int bytes = _source.Read(ref batch.Pages, _target);
        batch.Last = bytes == 0 || _source.Damage is not null;
        Damage ??= _source.Damage;
        for (int page = 0; page < bytes; page += _source.PageSize)
        {
            int bad = _splitter.Split(batch.Pages, page, Math.Min(_source.PageSize, bytes - page), bytes - page < _source.PageSize, batch.Records, out string error);
            if (bad >= 0)
            {
                long offset = _source.BatchOffset + (_source.OffsetsAreExact ? bad : 0);
                Damage ??= new CaptureDamage(_file, offset, $"{error} (CPU {Cpu})", "expected a ring-buffer page");
                batch.Last = true;
                break;
            }
        }

        if (!_identity)
        {
            RecordRef[] records = batch.Records.Records;
            for (int i = 0; i < batch.Records.Count; i++)
            {
                records[i] = records[i] with { Timestamp = _correction.Apply(records[i].Timestamp, Cpu) };
            }
        }
    }
}
