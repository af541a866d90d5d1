using TraceReplay.Replay.Timeline;

namespace TraceReplay.Analysis.Probes;

/// <summary>Command lines that record all events a replay reads.</summary>
public static class RecordingCommand
{
    // Single pages come by the million and say nothing of TTM's blocks.
    private const string BlocksOnly = "order > 0";

    /// <summary>Systems that are recorded whole.</summary>
    private static readonly string[] s_systems = ["kvm", "kvmmmu", ProbeDefinition.Group];

    /// <summary>Single events beside them, as <c>system:event</c>, with the filter that each has or null.</summary>
    public static IReadOnlyList<(string Event, string? Filter)> Events { get; } =
    [
        .. EventCatalog.All.Select(s => s.Event).OfType<string>().Distinct()
            .Select(name => name.Split('.', 2))
            .Where(name => !s_systems.Contains(name[0]))
            .OrderBy(name => name[0] == "kmem")
            .Select(name => ($"{name[0]}:{name[1]}", name[0] == "kmem" ? BlocksOnly : null)),
    ];

    /// <param name="command">What runs while it records.</param>
    public static string TraceCmd(string command) =>
        $"trace-cmd record -C mono -b 49152 -o capture.trace.dat {string.Join(' ', s_systems.Select(s => $"-e {s}"))} "
        + $"{string.Join(' ', Events.Select(e => e.Filter is null ? $"-e {e.Event}" : $"-e {e.Event} -f '{e.Filter}'"))} {command}";

    /// <param name="command">What runs while it records.</param>
    public static string Perf(string command) =>
        $"perf record -a -k mono -m 8M -o capture.perf.data {string.Join(' ', s_systems.Select(s => $"-e '{s}:*'"))} "
        + $"{string.Join(' ', Events.Select(e => e.Filter is null ? $"-e {e.Event}" : $"-e {e.Event} --filter '{e.Filter}'"))} -- {command}";
}
