using TraceReplay.Ingest.Capture;

namespace TraceReplay.FleetMaker;

/// <summary>The beginning of a real capture, cut where no fault is open, and what is needed to write it again.</summary>
internal sealed class Sample
{
    private Sample(CaptureInfo info, string scenario, List<SampleEvent> events, Dictionary<int, string> comms)
    {
        Info = info;
        Scenario = scenario;
        Events = events;
        Comms = comms;
        Symbols = ProbedFunctions();
    }

    public CaptureInfo Info { get; }

    public string Scenario { get; }

    public string Kernel => Info.Kernel ?? "unknown";

    public IReadOnlyList<SampleEvent> Events { get; }

    public IReadOnlyDictionary<int, string> Comms { get; }

    /// <summary>Functions that probes sit on, by the recorded address.</summary>
    public IReadOnlyDictionary<ulong, string> Symbols { get; }

    /// <summary>Reads up to about <paramref name="limit"/> events: on to where every fault that began has ended.</summary>
    /// <exception cref="CaptureException">The capture cannot be read.</exception>
    public static Sample Read(string path, int limit)
    {
        using ICapture capture = CaptureFormats.Open(path);
        Recorder recorder = new(limit);
        using CancellationTokenSource enough = new();
        recorder.Full = enough.Cancel;
        try
        {
            if (capture.ReadEvents(recorder, new ReadOptions(Jobs: 1), enough.Token) is { } damage)
            {
                throw new CaptureException(damage);
            }
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
        }

        capture.Info.Symbols.Load();
        return new Sample(capture.Info, ScenarioOf(path), recorder.Events, recorder.Comms);
    }

    /// <summary><c>6.12-ttmsmall.trace.dat</c> is ttmsmall: the kernel is in the capture.</summary>
    private static string ScenarioOf(string path)
    {
        string name = Path.GetFileName(path);
        name = name.EndsWith(".trace.dat", StringComparison.Ordinal) ? name[..^".trace.dat".Length] : Path.GetFileNameWithoutExtension(name);
        return name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..].Replace('.', '-');
    }

    private SortedDictionary<ulong, string> ProbedFunctions()
    {
        SortedDictionary<ulong, string> found = [];
        foreach (SampleEvent e in Events)
        {
            foreach (string field in new[] { "__probe_ip", "__probe_func" })
            {
                if (e.Number(field) is { } address && !found.ContainsKey(address) && Info.Symbols.Find(address) is { } name)
                {
                    found.Add(address, name);
                }
            }
        }

        return found;
    }

    private sealed class Recorder(int limit) : IEventSink
    {
        private readonly OpenFaults _faults = new();

        public List<SampleEvent> Events { get; } = [];

        public Dictionary<int, string> Comms { get; } = [];

        public Action Full { get; set; } = () => { };

        public void Event(ref readonly EventRecord record)
        {
            if (Events.Count >= limit && _faults.Count == 0)
            {
                Full();
                return;
            }

            if (record.Instance != 0)
            {
                return;
            }

            SampleEvent e = new(record.Timestamp, record.Cpu, record.Pid, record.Format, record.Payload.ToArray());
            _faults.Next(e);
            Events.Add(e);
            if (record.Comm is { } comm)
            {
                Comms[record.Pid] = comm;
            }
        }

        public void Lost(in LostRecords lost) => throw new InvalidDataException("a sample with lost records is no baseline");
    }
}
