using System.Runtime.InteropServices;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline.Order;

/// <summary>
/// Operations on their way to the models. One whose place is not certain yet is held, and with it all that stand behind it: the
/// records that follow may still narrow where it happened.
/// </summary>
internal sealed class OperationQueue
{
    // What is still open after so many operations is taken as it is: a lost end must not hold the trace back.
    private const int MaxHeldBack = 1 << 16;

    // So many that are done may lie before what is held.
    private const int MostTaken = 1 << 12;

    private readonly List<Operation> _operations = [];

    // In the order in which they were added, so that the first is the smallest.
    private readonly List<long> _held = [];
    private long _first;
    private int _taken;

    /// <summary>Operations that may be taken now.</summary>
    public int Ready => (int)(ReadyEnd() - _first) - _taken;

    /// <summary>Operations that were given on although their places were still open.</summary>
    public long ForcedOn { get; private set; }

    /// <summary>Adds an operation; the handle stays good until it is taken.</summary>
    public long Add(in Operation operation)
    {
        // In place: List.Add would copy the operation once more.
        int last = _operations.Count;
        CollectionsMarshal.SetCount(_operations, last + 1);
        CollectionsMarshal.AsSpan(_operations)[last] = operation;
        return _first + last;
    }

    /// <summary>Adds one that must wait for <see cref="Release"/>.</summary>
    public long Hold(in Operation operation)
    {
        long handle = Add(in operation);
        _held.Add(handle);
        if (_operations.Count - _taken > MaxHeldBack && _held[0] < handle)
        {
            ForcedOn++;
            _held.RemoveAt(0);
        }

        return handle;
    }

    /// <summary>Whether the operation is still here, so that it can be changed.</summary>
    public bool Has(long handle) => handle >= _first + _taken && handle < _first + _operations.Count;

    /// <summary>The operation; valid until the next one is added.</summary>
    public ref Operation this[long handle] => ref CollectionsMarshal.AsSpan(_operations)[(int)(handle - _first)];

    public void Release(long handle)
    {
        int index = _held.LastIndexOf(handle);
        if (index >= 0)
        {
            _held.RemoveAt(index);
        }
    }

    public void ReleaseAll() => _held.Clear();

    /// <summary>The operations that may be taken now. Valid until the next one is added; <see cref="Taken"/> ends it.</summary>
    public ReadOnlySpan<Operation> Peek() => CollectionsMarshal.AsSpan(_operations).Slice(_taken, Ready);

    /// <summary>What <see cref="Peek"/> showed is done.</summary>
    public void Taken()
    {
        _taken += Ready;
        if (_taken == _operations.Count)
        {
            _first += _taken;
            _taken = 0;
            _operations.Clear();
        }
        else if (_taken > MostTaken && _taken >= _operations.Count - _taken)
        {
            // As many go as stay, so that each is moved once at most; and soon, so that the next ones are written where the cache still is.
            _operations.RemoveRange(0, _taken);
            _first += _taken;
            _taken = 0;
        }
    }

    private long ReadyEnd()
    {
        long end = _first + _operations.Count;
        return _held.Count > 0 ? Math.Min(end, _held[0]) : end;
    }
}
