namespace TraceReplay.Analysis.Knowledge;

/// <summary>How sure a replay can be of a fact.</summary>
public enum Certainty
{
    Known,
    Inferred,
    Assumed,
}

/// <summary>One fact, judged for one capture.</summary>
/// <param name="Fact">What is to be known.</param>
/// <param name="Certainty">How sure a replay can be.</param>
/// <param name="From">The record that says it, or the assumption that takes its place.</param>
/// <param name="ToKnow">What to record to know it; empty where it is known.</param>
public sealed record KnownFact(string Fact, Certainty Certainty, string From, string ToKnow);

/// <summary>Says what a replay of a capture can know, infer or must assume.</summary>
public static class ReplayKnowledge
{
    public static IReadOnlyList<KnownFact> Assess(CaptureContents capture) =>
        [.. Requirements.Of(capture.Machine).Select(r => Assess(r, capture)), Order(capture), Completeness(capture), Build(capture)];

    private static KnownFact Assess(Requirement requirement, CaptureContents capture)
    {
        string? known = Find(requirement.Known, capture);
        if (known is not null)
        {
            return new KnownFact(requirement.Fact, Certainty.Known, known, "");
        }

        // Nothing is advised that the kernel has not.
        string? inferred = Find(requirement.Inferred, capture);
        string advice = requirement.Known.Concat(inferred is null ? requirement.Inferred : []).FirstOrDefault(s => s.ExistsIn(capture.KernelVersion))?.Advice ?? "";
        return inferred is not null
            ? new KnownFact(requirement.Fact, Certainty.Inferred, inferred, advice)
            : new KnownFact(requirement.Fact, Certainty.Assumed, requirement.Assumption, advice);
    }

    private static string? Find(IReadOnlyList<Source> sources, CaptureContents capture) =>
        sources.Select(s => s.FindIn(capture)).FirstOrDefault(found => found is not null);

    // trace_clock_local() is not monotonic across CPUs; the others are one clock for all of them (spec 15.3).
    private static KnownFact Order(CaptureContents capture) => capture.Clock switch
    {
        null => new("order between CPUs (AS-6)", Certainty.Assumed, "time stamps of all CPUs agree", "a capture that names its clock"),
        "local" => new("order between CPUs (AS-6)", Certainty.Inferred, "clock local: within its skew", "clock mono or global"),
        string clock => new("order between CPUs (AS-6)", Certainty.Known, $"clock {clock}", ""),
    };

    private static KnownFact Completeness(CaptureContents capture) => capture.Lost switch
    {
        0 => new("lost events (AS-7)", Certainty.Known, "none lost", ""),
        null => new("lost events (AS-7)", Certainty.Assumed, "an unknown number was lost", "a larger buffer (trace-cmd record -b)"),
        long lost => new("lost events (AS-7)", Certainty.Known, $"{lost} lost", "a larger buffer (trace-cmd record -b)"),
    };

    private static KnownFact Build(CaptureContents capture) => capture.Kernel is null
        ? new("kernel (AS-8)", Certainty.Assumed, "6.12", "a capture that names its kernel, or --setting")
        : NotCompared(capture) is { } what ? new("kernel (AS-8)", Certainty.Inferred, $"{capture.Kernel}: {what}", "")
        : new("kernel (AS-8)", Certainty.Known, capture.Kernel, "");

    // Which kernels' records were compared is told apart for x86 only.
    private static string? NotCompared(CaptureContents capture) => capture.Machine == Machine.X86 ? Replay.Timeline.CapturedKernel.NotCompared(capture.Kernel)
        : capture.KernelVersion is { } version && Probes.ProbeCatalog.Of(capture.Machine).All(generation => version != Version.Parse(generation.Name))
            ? $"no {Machines.Name(capture.Machine)} capture of {version} was compared with a model (there are {string.Join(", ", Probes.ProbeCatalog.Of(capture.Machine).Select(generation => generation.Name))})"
            : null;
}
