using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>What a capture holds, counted in one pass without a dataset.</summary>
public sealed record CaptureInspection
{
    public required string Path { get; init; }

    public required string Format { get; init; }

    public string? Version { get; init; }

    public string? Kernel { get; init; }

    public string? Arch { get; init; }

    public string? CpuVendor { get; init; }

    public string? Host { get; init; }

    public string? Clock { get; init; }

    public required string ClockUnit { get; init; }

    public required int Cpus { get; init; }

    /// <summary>Time of the first event in <see cref="ClockUnit"/>; null if there is none.</summary>
    public long? Start { get; init; }

    public long? End { get; init; }

    /// <summary>Records by `system:event`.</summary>
    public required IReadOnlyDictionary<string, long> Events { get; init; }

    /// <summary>Lost records; null where the kernel did not say how many.</summary>
    public required long? Lost { get; init; }

    public required IReadOnlyList<ProbeSite> Probes { get; init; }

    public CaptureDamage? Damage { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    public long EventCount => Events.Values.Sum();

    public CaptureContents Contents => new(Kernel, Clock, Lost, Events, Probes) { Machine = Machines.Of(Arch, Kernel, Events.Keys) };

    /// <summary>Reads a capture from begin to end.</summary>
    /// <exception cref="CaptureException">It cannot be read at all.</exception>
    public static CaptureInspection Of(string path, CancellationToken ct)
    {
        using ICapture capture = CaptureFormats.Open(path, cancellation: ct);
        CaptureInfo info = capture.Info;
        var counter = new Counter();
        CaptureDamage? damage = capture.ReadEvents(counter, new ReadOptions(), ct) ?? info.Damage;
        if (damage is not null && counter.Seen.Count == 0)
        {
            throw new CaptureException(damage);
        }

        return new CaptureInspection
        {
            Path = path,
            Format = info.Format,
            Version = info.Version,
            Kernel = info.Kernel,
            Arch = info.Arch,
            CpuVendor = info.CpuVendor,
            Host = info.Host,
            Clock = info.Clock,
            ClockUnit = info.ClockUnit,
            Cpus = info.Cpus,
            Start = counter.Start,
            End = counter.End,
            Events = counter.Seen.GroupBy(e => $"{e.Key.System}:{e.Key.UniqueName}").ToDictionary(g => g.Key, g => g.Sum(e => e.Value.Records)),
            Lost = counter.Lost,
            Probes = [.. counter.Seen.SelectMany(e => Sites(e.Key, e.Value, info.Symbols))],
            Damage = damage,
            Warnings = [.. info.Notes, .. info.Warnings],
        };
    }

    // A text names the function, the others its address.
    private static IEnumerable<ProbeSite> Sites(EventFormat format, Tally tally, SymbolTable symbols) => tally.Addresses
        .Select(symbols.Find)
        .OfType<string>()
        .Concat(format.ProbeFunctions)
        .Distinct()
        .Select(function => new ProbeSite($"{format.System}:{format.UniqueName}", function, Counter.IsReturn(format)));

    private sealed class Tally
    {
        public long Records { get; set; }

        public EventField? AddressField { get; init; }

        public HashSet<ulong> Addresses { get; } = [];
    }

    private sealed class Counter : IEventSink
    {
        // Names that are taken twice (two systems' formats with one name) cannot meet here: the key is the format itself.
        public Dictionary<EventFormat, Tally> Seen { get; } = [];

        public long? Start { get; private set; }

        public long? End { get; private set; }

        public long? Lost { get; private set; } = 0;

        // A return probe records the function in __probe_func and the caller in __probe_ret_ip.
        public static bool IsReturn(EventFormat format) => format.Field("__probe_func") is not null;

        public void Event(ref readonly EventRecord record)
        {
            if (!Seen.TryGetValue(record.Format, out Tally? tally))
            {
                tally = new Tally { AddressField = record.Format.Field("__probe_func") ?? record.Format.Field("__probe_ip") };
                Seen.Add(record.Format, tally);
            }

            tally.Records++;
            Start ??= record.Timestamp;
            End = record.Timestamp;
            if (tally.AddressField is { } field && FieldReader.Number(record.Format, field, record.Payload) is { } address)
            {
                tally.Addresses.Add(address);
            }
        }

        void IEventSink.Lost(in LostRecords lost) => Lost += lost.Count;
    }
}
