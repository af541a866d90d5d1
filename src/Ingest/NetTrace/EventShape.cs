using Microsoft.Diagnostics.Tracing;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>One kind of event as the capture holds it: observed in a first pass, then turned into records of one format.</summary>
internal abstract class EventShape
{
    private string[] _names;

    protected EventShape(string system, string name, int id, string[] names) => (System, Name, Id, _names) = (system, name, id, names);

    public string System { get; }

    public string Name { get; }

    public int Id { get; }

    /// <summary>Decided when all events were observed.</summary>
    public EventFormat? Format { get; protected set; }

    public long Events { get; private set; }

    /// <summary>What TraceEvent calls the fields.</summary>
    protected IReadOnlyList<string> Names => _names;

    public static EventShape Create(TraceEvent e, string system, string name, int id) =>
        IsTracepoint(e)
            ? new TracepointShape(e.ProviderName, e.EventName, id, FieldNames(e))
            : new ValueShape(system, name, id, FieldNames(e));

    /// <summary>Kernel records begin with the common fields.</summary>
    public static bool IsTracepoint(TraceEvent e) => FieldNames(e).AsSpan().StartsWith(KernelLayouts.CommonNames);

    /// <summary>Metadata may describe an event anew under the same name and number.</summary>
    public bool Describes(TraceEvent e)
    {
        string[] names = FieldNames(e);
        if (ReferenceEquals(names, _names))
        {
            return true;
        }

        if (!names.AsSpan().SequenceEqual(_names))
        {
            return false;
        }

        // TraceEvent may hand out another array the next time; comparing references is for the common case.
        _names = names;
        return true;
    }

    /// <summary>First pass.</summary>
    public void Observe(TraceEvent e)
    {
        Events++;
        Look(e);
    }

    /// <summary>Second pass: the record, valid until the next call.</summary>
    public abstract ReadOnlySpan<byte> Record(TraceEvent e);

    /// <summary>What a person should know about the values of this event; null if all are as recorded.</summary>
    public abstract string? Warning { get; }

    protected abstract void Look(TraceEvent e);

    protected static unsafe ReadOnlySpan<byte> Payload(TraceEvent e) => new((void*)e.DataStart, e.EventDataLength);

    private static string[] FieldNames(TraceEvent e) => e.PayloadNames ?? [];
}
