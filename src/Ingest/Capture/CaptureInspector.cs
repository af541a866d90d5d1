namespace TraceReplay.Ingest.Capture;

/// <summary>What reading a capture once tells, without a dataset.</summary>
/// <param name="Events">(<c>system.event</c>, records), by name; formats without a record are left out.</param>
/// <param name="Lost">Holes in the order met.</param>
/// <param name="First">Time of the first event, in <see cref="CaptureInfo.ClockUnit"/>; null if there is none.</param>
public sealed record CaptureSummary(CaptureInfo Info, IReadOnlyList<(string Event, long Count)> Events, IReadOnlyList<LostRecords> Lost, long? First, long? Last, CaptureDamage? Damage)
{
    public long TotalEvents => Events.Sum(e => e.Count);

    /// <summary>Lost records of known number.</summary>
    public long KnownLost => Lost.Sum(l => l.Count ?? 0);

    /// <summary>Holes of which the kernel did not say how many records they swallowed.</summary>
    public int UnknownLost => Lost.Count(l => l.Count is null);
}

/// <summary>Counts the events of a capture, for <c>info</c>.</summary>
public static class CaptureInspector
{
    /// <exception cref="CaptureException">Nothing of it can be read.</exception>
    public static CaptureSummary Inspect(string path, ReadOptions? options = null, CancellationToken cancellation = default)
    {
        using ICapture capture = CaptureFormats.Open(path, cancellation: cancellation);
        Counter counter = new();
        CaptureDamage? damage = capture.ReadEvents(counter, options ?? new ReadOptions(), cancellation);

        // Symbols are read when asked for: they are, before the file is closed, and may be damaged themselves.
        capture.Info.Symbols.Load();
        (string, long)[] events = [.. capture.Info.Events.All
            .Where(f => f.Index < counter.Counts.Length && counter.Counts[f.Index] > 0)
            .GroupBy(f => f.FullName, f => counter.Counts[f.Index])
            .Select(g => (g.Key, g.Sum()))
            .OrderBy(e => e.Key, StringComparer.Ordinal)];
        return new CaptureSummary(capture.Info, events, counter.Holes, counter.First, counter.Last, damage ?? capture.Info.Damage);
    }

    private sealed class Counter : IEventSink
    {
        public long[] Counts = new long[64];

        public List<LostRecords> Holes { get; } = [];

        public long? First { get; private set; }

        public long? Last { get; private set; }

        public void Event(ref readonly EventRecord record)
        {
            int i = record.Format.Index;
            if (i >= Counts.Length)
            {
                Array.Resize(ref Counts, Math.Max(i + 1, Counts.Length * 2));
            }

            Counts[i]++;
            First ??= record.Timestamp;
            Last = record.Timestamp;
        }

        public void Lost(in LostRecords lost) => Holes.Add(lost);
    }
}
