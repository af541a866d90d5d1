using Microsoft.Diagnostics.Tracing;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>The kinds of events of one capture.</summary>
internal sealed class ShapeTable
{
    // Ids of records have 16 bits (EventFormatTable).
    private const int MostShapes = ushort.MaxValue;

    private readonly Dictionary<(Guid Provider, int Event, int Version, string Name), List<EventShape>> _byEvent = [];
    private readonly List<EventShape> _all = [];
    private readonly HashSet<string> _tables = new(StringComparer.OrdinalIgnoreCase);
    private long _backwards;
    private long _last = long.MinValue;
    private long _unkept;

    /// <summary>First pass.</summary>
    public void Observe(TraceEvent e)
    {
        long ticks = TraceEventReader.Ticks(e);
        _backwards += ticks < _last ? 1 : 0;
        _last = ticks;
        List<EventShape>? shapes = Shapes(e);
        if (shapes is null)
        {
            _byEvent[Key(e)] = shapes = [];
        }

        EventShape? shape = Match(shapes, e);
        if (shape is null)
        {
            if (_all.Count == MostShapes)
            {
                _unkept++;
                return;
            }

            shape = EventShape.Create(e, NetTraceNames.System(e.ProviderName), UniqueName(e), _all.Count);
            shapes.Add(shape);
            _all.Add(shape);
        }

        shape.Observe(e);
    }

    /// <summary>Settles every format, and says in <paramref name="info"/> what could not be had.</summary>
    public void Decide(CaptureInfo info)
    {
        DecideTracepoints(info);
        foreach (ValueShape shape in _all.OfType<ValueShape>())
        {
            shape.Decide();
        }

        foreach (EventShape shape in _all)
        {
            info.Events.Add(shape.Format!);
        }

        if (_backwards > 0)
        {
            info.Warnings.Add($"{_backwards} events are older than the one before them: TraceEvent sorts between sequence points only");
        }

        if (_unkept > 0)
        {
            info.Warnings.Add($"{_unkept} events of more than {MostShapes} kinds are left out");
        }
    }

    public void BeginDelivery()
    {
        foreach (ValueShape shape in _all.OfType<ValueShape>())
        {
            shape.BeginDelivery();
        }
    }

    /// <summary>Second pass.</summary>
    /// <returns>null for an event that <see cref="Decide"/> warned of.</returns>
    public EventShape? Find(TraceEvent e) => Shapes(e) is { } shapes ? Match(shapes, e) : null;

    /// <summary>Known after the second pass.</summary>
    public IEnumerable<string> ValueWarnings() => _all.OfType<ValueShape>().Select(s => s.Warning).OfType<string>();

    private void DecideTracepoints(CaptureInfo info)
    {
        List<TracepointShape> shapes = [.. _all.OfType<TracepointShape>()];
        if (shapes.Count == 0)
        {
            return;
        }

        Dictionary<string, int> fits = KernelLayouts.Kernels.ToDictionary(k => k, k => shapes.Count(s => s.Fitting.Any(l => l.Kernels.Contains(k))));
        int most = fits.Values.Max();
        string[] best = [.. KernelLayouts.Kernels.Where(k => fits[k] == most)];
        string? named = KernelLayouts.Kernels.FirstOrDefault(k => KernelRelease.IsOf(info.Kernel, k) && fits[k] > 0);
        shapes.ForEach(s => s.Decide(named ?? best[^1]));
        if (most > 0 && named is null)
        {
            info.Warnings.Add($"the recorder names no kernel and describes no field behind the first type it does not know: {most} of {shapes.Count} tracepoints are decoded with layouts of Linux {string.Join(", ", best)}, which fit all their records");
        }

        info.Warnings.AddRange(shapes.Select(s => s.Warning).OfType<string>());
    }

    private List<EventShape>? Shapes(TraceEvent e) => _byEvent.GetValueOrDefault(Key(e));

    private static (Guid Provider, int Event, int Version, string Name) Key(TraceEvent e) => (e.ProviderGuid, (int)e.ID, e.Version, e.EventName ?? "");

    private static EventShape? Match(List<EventShape> shapes, TraceEvent e)
    {
        foreach (EventShape shape in shapes)
        {
            if (shape.Describes(e))
            {
                return shape;
            }
        }

        return null;
    }

    private string UniqueName(TraceEvent e)
    {
        // Versions of an event differ in their fields, and a table has one set of columns.
        string system = NetTraceNames.System(e.ProviderName);
        string name = NetTraceNames.Event(e.EventName);
        string unique = name;
        for (int i = 2; !_tables.Add($"{system}.{unique}"); i++)
        {
            unique = $"{name}-{i}";
        }

        return unique;
    }
}
