using TraceReplay.Analysis.Knowledge;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Analysis.Probes;

/// <summary>Command lines that record all events a replay reads.</summary>
public static class RecordingCommand
{
    // Single pages come by the million and say nothing of TTM's blocks.
    private const string BlocksOnly = "order > 0";

    /// <summary>x86's MMU tells what it does; arm64's has no events, and a recorder refuses to record what is not there.</summary>
    private const string X86Mmu = "kvmmmu";

    /// <summary>Single events beside the systems that are recorded whole, as <c>system:event</c>, with the filter that each has or null.</summary>
    public static IReadOnlyList<(string Event, string? Filter)> Events { get; } =
    [
        .. EventCatalog.All.Select(s => s.Event).OfType<string>().Distinct()
            .Select(name => name.Split('.', 2))
            .Where(name => !Systems(Machine.X86).Contains(name[0]))
            .OrderBy(name => name[0] == "kmem")
            .Select(name => ($"{name[0]}:{name[1]}", name[0] == "kmem" ? BlocksOnly : null)),
    ];

    /// <param name="command">What runs while it records.</param>
    /// <param name="machine">The machine that it runs on.</param>
    public static string TraceCmd(string command, Machine machine) =>
        $"trace-cmd record -C mono -b 49152 -o capture.trace.dat {string.Join(' ', Systems(machine).Select(s => $"-e {s}"))} "
        + $"{string.Join(' ', Events.Select(e => e.Filter is null ? $"-e {e.Event}" : $"-e {e.Event} -f '{e.Filter}'"))} {command}";

    /// <param name="command">What runs while it records.</param>
    /// <param name="machine">The machine that it runs on.</param>
    public static string Perf(string command, Machine machine) =>
        $"perf record -a -k mono -m 8M -o capture.perf.data {string.Join(' ', Systems(machine).Select(s => $"-e '{s}:*'"))} "
        + $"{string.Join(' ', Events.Select(e => e.Filter is null ? $"-e {e.Event}" : $"-e {e.Event} --filter '{e.Filter}'"))} -- {command}";

    /// <summary>Systems that are recorded whole.</summary>
    private static string[] Systems(Machine machine) => machine == Machine.Arm64 ? ["kvm", ProbeDefinition.Group] : ["kvm", X86Mmu, ProbeDefinition.Group];
}
