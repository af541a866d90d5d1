namespace TraceReplay.Analysis.Knowledge;

/// <summary>A probe event and the kernel function it sits on.</summary>
public sealed record ProbeSite(string Event, string Function, bool IsReturn);

/// <summary>What must be known of a capture to say what its replay can know.</summary>
/// <param name="Kernel">Release as uname -r prints it; null if not recorded.</param>
/// <param name="Clock">Trace clock; null if not recorded.</param>
/// <param name="Lost">Lost records; null where the kernel did not say how many.</param>
/// <param name="Events">Records by `system:event`.</param>
/// <param name="Probes">Where probe events of the capture sit.</param>
public sealed record CaptureContents(
    string? Kernel, string? Clock, long? Lost, IReadOnlyDictionary<string, long> Events, IReadOnlyList<ProbeSite> Probes)
{
    /// <summary>Whose events they are.</summary>
    public Machine Machine { get; init; } = Machines.Of(null, Kernel, Events.Keys);

    /// <summary>Major and minor version of <see cref="Kernel"/>, or null.</summary>
    public Version? KernelVersion => VersionOf(Kernel);

    /// <summary>Major and minor version in a release as uname -r prints it, or null.</summary>
    public static Version? VersionOf(string? release)
    {
        string[] parts = (release ?? "").Split('.', '-', '+');
        return parts.Length >= 2 && int.TryParse(parts[0], out int major) && int.TryParse(parts[1], out int minor) && major >= 0 && minor >= 0
            ? new Version(major, minor)
            : null;
    }
}
