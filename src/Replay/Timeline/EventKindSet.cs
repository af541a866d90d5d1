using System.Runtime.CompilerServices;

namespace TraceReplay.Replay.Timeline;

/// <summary>Kinds of event, a bit each: trackers ask several times for each event which kinds the capture records.</summary>
internal sealed class EventKindSet
{
    private readonly Bits _bits;

    public EventKindSet(IEnumerable<EventKind> kinds)
    {
        foreach (EventKind kind in kinds)
        {
            _bits[(int)kind >> 6] |= 1UL << (int)kind;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(EventKind kind) => (_bits[(int)kind >> 6] >> (int)kind & 1) != 0;

    // In the object itself: as many as a byte can name.
    [InlineArray(4)]
    private struct Bits
    {
        private ulong _first;
    }
}
