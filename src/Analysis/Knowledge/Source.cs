namespace TraceReplay.Analysis.Knowledge;

/// <summary>A record in a capture from which a fact can be read.</summary>
/// <param name="Name">`system:event`, or the function a probe sits on.</param>
/// <param name="Kind">What kind of record it is.</param>
/// <param name="From">First kernel where it says so; null = all that matter here.</param>
/// <param name="Before">First kernel that no longer has it.</param>
public sealed record Source(string Name, SourceKind Kind, Version? From = null, Version? Before = null)
{
    public static implicit operator Source(string systemAndEvent) => new(systemAndEvent, SourceKind.Event);

    public static Source FromString(string systemAndEvent) => systemAndEvent;

    public static Source Entry(string function, string? from = null, string? before = null) =>
        new(function, SourceKind.Entry, Parse(from), Parse(before));

    public static Source Return(string function, string? from = null, string? before = null) =>
        new(function, SourceKind.Return, Parse(from), Parse(before));

    /// <summary>How a person is told to record it.</summary>
    public string Advice => Kind switch
    {
        SourceKind.Event => $"event {Name}",
        SourceKind.Entry => $"probe on {Name}",
        _ => $"return probe on {Name}",
    };

    public bool ExistsIn(Version? kernel) =>
        kernel is null || ((From is null || kernel >= From) && (Before is null || kernel < Before));

    /// <summary>The name under which the capture holds it, or null.</summary>
    public string? FindIn(CaptureContents capture)
    {
        if (From is not null && capture.KernelVersion < From)
        {
            return null;
        }

        if (Kind == SourceKind.Event)
        {
            return capture.Events.GetValueOrDefault(Name) > 0 ? Name : null;
        }

        ProbeSite? site = capture.Probes.FirstOrDefault(p => p.Function == Name && p.IsReturn == (Kind == SourceKind.Return));
        return site is null ? null : $"{site.Event} on {Name}";
    }

    private static Version? Parse(string? version) => version is null ? null : Version.Parse(version);
}

public enum SourceKind
{
    Event,
    Entry,
    Return,
}
