using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>Takes what the sorter gives out, in order of time; of equal times, in the order it was put in.</summary>
internal interface IItemSink
{
    /// <param name="payload">Valid only during the call; <see cref="PayloadCopy.Slack"/> bytes behind its end may be read.</param>
    void Item(long timestamp, in ItemHead head, ReadOnlySpan<byte> payload);
}

/// <summary>
/// Brings items into the order of time. Rings are read one after another, so that items come in few sorted runs: these are
/// merged, nothing is sorted. What exceeds <paramref name="limit"/> goes to a temporary file, sorted, and is merged from there.
/// </summary>
/// <param name="limit">Bytes of items held in memory.</param>
internal sealed class EventSorter(IItemSink sink, long limit = EventSorter.DefaultLimit) : IDisposable
{
    public const long DefaultLimit = 48 << 20;

    private const int ChunkSize = 1 << 20;

    // Payloads that were put in order of their CPUs' rings lie apart: the lines of one that is due soon are asked for.
    private const int Ahead = 6;

    private struct Entry
    {
        public long Timestamp;
        public ItemHead Head;
        public int Chunk;
        public int Offset;
        public int Length;
    }

    private sealed class Chunk
    {
        public byte[] Bytes = new byte[ChunkSize + PayloadCopy.Slack];
        public int Used;
        public int Live;
    }

    /// <summary>A sorted sequence: a piece of the entries, or of the temporary file.</summary>
    private sealed class Run
    {
        public long Timestamp;
        public int Order;
        public int Next;
        public int End;
        public SpilledRun? Spilled;
    }

    private readonly List<Chunk> _chunks = [];
    private readonly Stack<int> _freeChunks = [];
    private readonly List<int> _starts = [];
    private readonly List<SpilledRun> _spilled = [];
    private readonly List<Run> _heap = [];
    private readonly List<Run> _runs = [];
    private SpillFile? _spillFile;
    private Entry[] _entries = new Entry[1 << 12];
    private int _count;
    private int _current = -1;
    private long _last = long.MaxValue;

    /// <summary>How often memory did not suffice.</summary>
    public int Spills { get; private set; }

    private long Held => ((long)(_chunks.Count - _freeChunks.Count) * ChunkSize) + ((long)_count * Unsafe.SizeOf<Entry>());

    /// <summary>Takes an item.</summary>
    public void Add(long timestamp, in ItemHead head, ReadOnlySpan<byte> payload) =>
        Add(timestamp, in head, ref MemoryMarshal.GetReference(payload), payload.Length, payload.Length);

    /// <summary>Takes an item.</summary>
    /// <param name="payload">Of as many bytes as <paramref name="length"/> says, at most 64 KiB.</param>
    /// <param name="readable">Bytes that may be read from there on.</param>
    public void Add(long timestamp, in ItemHead head, ref byte payload, int length, int readable)
    {
        if (_current < 0 || _chunks[_current].Used + length > ChunkSize)
        {
            NewChunk();
        }

        if (timestamp < _last || _count == 0)
        {
            _starts.Add(_count);
        }

        _last = timestamp;
        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, _count * 2);
        }

        Chunk chunk = _chunks[_current];
        _entries[_count++] = new Entry { Timestamp = timestamp, Head = head, Chunk = _current, Offset = chunk.Used, Length = length };
        ref byte target = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunk.Bytes), chunk.Used);
        PayloadCopy.Copy(ref payload, length, readable, ref target);

        chunk.Used += (length + 7) & ~7;
        chunk.Live++;
    }

    /// <summary>Gives out all items up to and including a time.</summary>
    public void Flush(long until)
    {
        OpenRuns(until, withSpilled: true);
        Merge(until, sink);
        Compact();
        for (int i = _spilled.Count - 1; i >= 0; i--)
        {
            if (_spilled[i].AtEnd)
            {
                _spilled.RemoveAt(i);
            }
        }

        if (_spilled.Count == 0)
        {
            _spillFile?.Reset();
        }
    }

    public void Dispose() => _spillFile?.Dispose();

    private void NewChunk()
    {
        if (Held > limit)
        {
            Spill();
            return;
        }

        if (!_freeChunks.TryPop(out _current))
        {
            _current = _chunks.Count;
            _chunks.Add(new Chunk());
        }
    }

    private void Spill()
    {
        Spills++;
        _spillFile ??= new SpillFile();
        SpillFile.Writer writer = _spillFile.NewRun();
        OpenRuns(long.MaxValue, withSpilled: false);
        Merge(long.MaxValue, writer);
        _spilled.Add(writer.Finish());
        Compact();
    }

    private void OpenRuns(long until, bool withSpilled)
    {
        _heap.Clear();
        _runs.Clear();
        int order = 0;
        if (withSpilled)
        {
            foreach (SpilledRun s in _spilled)
            {
                Push(new Run { Timestamp = s.Timestamp, Order = order++, Spilled = s }, until);
            }
        }

        for (int i = 0; i < _starts.Count; i++)
        {
            int end = i + 1 < _starts.Count ? _starts[i + 1] : _count;
            Run run = new() { Timestamp = _entries[_starts[i]].Timestamp, Order = order++, Next = _starts[i], End = end };
            _runs.Add(run);
            Push(run, until);
        }
    }

    private void Merge(long until, IItemSink to)
    {
        while (_heap.Count > 0)
        {
            Run top = _heap[0];

            // Run on in this run up to where another one takes over.
            long bound = until;
            bool inclusive = true;
            if (_heap.Count > 1)
            {
                Run second = _heap.Count > 2 && Before(_heap[2], _heap[1]) ? _heap[2] : _heap[1];
                bound = second.Timestamp;
                inclusive = top.Order < second.Order;
            }

            bool more = top.Spilled is null ? Drain(top, bound, inclusive, to) : DrainSpilled(top, bound, inclusive, to);
            if (!more || top.Timestamp > until)
            {
                _heap[0] = _heap[^1];
                _heap.RemoveAt(_heap.Count - 1);
            }

            SiftDown();
        }
    }

    private unsafe bool Drain(Run run, long bound, bool inclusive, IItemSink to)
    {
        ReadOnlySpan<Entry> entries = _entries.AsSpan(0, run.End);
        ReadOnlySpan<Chunk> chunks = CollectionsMarshal.AsSpan(_chunks);
        int i = run.Next;
        long timestamp;
        do
        {
            if (Sse.IsSupported && i + Ahead < entries.Length)
            {
                ref readonly Entry soon = ref entries[i + Ahead];
                Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunks[soon.Chunk].Bytes), soon.Offset)));
            }

            ref readonly Entry e = ref entries[i];
            Chunk chunk = chunks[e.Chunk];
            to.Item(e.Timestamp, in e.Head, MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunk.Bytes), e.Offset), e.Length));
            chunk.Live--;
            i++;
            timestamp = i < entries.Length ? entries[i].Timestamp : long.MaxValue;
        }
        while (i < entries.Length && (timestamp < bound || (inclusive && timestamp == bound)));

        run.Next = i;
        run.Timestamp = timestamp;
        return i < run.End;
    }

    private static bool DrainSpilled(Run run, long bound, bool inclusive, IItemSink to)
    {
        SpilledRun s = run.Spilled!;
        do
        {
            to.Item(s.Timestamp, in s.Head, s.Payload);
            s.MoveNext();
        }
        while (!s.AtEnd && (s.Timestamp < bound || (inclusive && s.Timestamp == bound)));

        run.Timestamp = s.Timestamp;
        return !s.AtEnd;
    }

    /// <summary>Moves what is left to the front, and frees the chunks that nothing is left of.</summary>
    private void Compact()
    {
        _starts.Clear();
        int to = 0;
        foreach (Run run in _runs)
        {
            int left = run.End - run.Next;
            if (left > 0)
            {
                _starts.Add(to);
                Array.Copy(_entries, run.Next, _entries, to, left);
                to += left;
            }
        }

        bool lastRunGoesOn = _runs.Count > 0 && _runs[^1].Next < _runs[^1].End;
        _count = to;
        _last = lastRunGoesOn ? _last : long.MaxValue;
        _runs.Clear();
        for (int i = 0; i < _chunks.Count; i++)
        {
            if (_chunks[i] is { Used: > 0, Live: 0 } chunk)
            {
                chunk.Used = 0;
                if (i != _current)
                {
                    _freeChunks.Push(i);
                }
            }
        }
    }

    private static bool Before(Run a, Run b) => a.Timestamp < b.Timestamp || (a.Timestamp == b.Timestamp && a.Order < b.Order);

    private void Push(Run run, long until)
    {
        if (run.Timestamp > until)
        {
            return;
        }

        _heap.Add(run);
        int i = _heap.Count - 1;
        while (i > 0 && Before(_heap[i], _heap[(i - 1) / 2]))
        {
            (_heap[i], _heap[(i - 1) / 2]) = (_heap[(i - 1) / 2], _heap[i]);
            i = (i - 1) / 2;
        }
    }

    private void SiftDown()
    {
        Span<Run> heap = CollectionsMarshal.AsSpan(_heap);
        int i = 0;
        while (true)
        {
            int least = i;
            int left = (2 * i) + 1;
            least = left < heap.Length && Before(heap[left], heap[least]) ? left : least;
            least = left + 1 < heap.Length && Before(heap[left + 1], heap[least]) ? left + 1 : least;
            if (least == i)
            {
                return;
            }

            (heap[i], heap[least]) = (heap[least], heap[i]);
            i = least;
        }
    }
}
