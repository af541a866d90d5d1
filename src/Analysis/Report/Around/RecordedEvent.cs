namespace TraceReplay.Analysis.Report.Around;

/// <summary>What an event has to do with a fault.</summary>
internal enum EventRole
{
    /// <summary>The fault's own thread, from the fault to its end.</summary>
    Step,

    /// <summary>An SPTE, or a leaf of stage 2, changed.</summary>
    Leaf,

    /// <summary>The notifier invalidates, or something unmaps.</summary>
    Invalidation,

    Other,
}

/// <summary>One recorded event, of whatever kind, as it is shown beside others.</summary>
/// <param name="Seq">Position in the trace.</param>
/// <param name="Ts">Time in the trace's clock.</param>
/// <param name="Cpu">CPU that recorded it.</param>
/// <param name="Pid">Thread.</param>
/// <param name="Comm">Name of the thread.</param>
/// <param name="Name">The event.</param>
/// <param name="Fields">Its fields as <c>name=value</c>, shortened where long.</param>
internal sealed record RecordedEvent(long Seq, long Ts, int? Cpu, int? Pid, string? Comm, string Name, string Fields)
{
    public string Task => $"{Comm ?? "unknown"}-{Pid?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"}";
}
