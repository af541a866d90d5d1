using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Arm64;
using TraceReplay.Replay.Timeline.Inference;
using TraceReplay.Replay.Timeline.Windows;
using TraceReplay.Replay.Timeline.X86;

namespace TraceReplay.Replay;

/// <summary>What to replay. Null means: all models, the setting of the captured kernel.</summary>
public sealed record ReplayOptions
{
    /// <summary>Model names as in <see cref="ModelRegistry"/>, or name@setting; null = all.</summary>
    public IReadOnlyList<string>? Models { get; init; }

    /// <summary>A setting such as "6.8" for the models that have it; null = the captured kernel's.</summary>
    public string? Setting { get; init; }

    /// <summary>Release of the captured kernel for traces that do not name it; null = unknown.</summary>
    public string? Kernel { get; init; }

    /// <summary>
    /// Leaves probe events out, so that what they tell is inferred instead. Where the trace has them, it is replayed with them
    /// first, and the assumptions carry the measured error of each inference.
    /// </summary>
    public bool IgnoreProbes { get; init; }
}

/// <summary>What one replay did; everything else is in the result tables.</summary>
/// <param name="TraceId">First 16 hex digits of the capture's SHA-256.</param>
/// <param name="Kernel">Release of the captured kernel, as the trace's manifest says it.</param>
/// <param name="Faults">Faults found in the trace.</param>
/// <param name="Divergences">Faults that two of the models end differently, once for each pair.</param>
/// <param name="Outcomes">How the outcomes of the captured kernel's model stand against the kernel's; null if it was not replayed.</param>
/// <param name="Warnings">One line each, for the person who asked.</param>
public sealed record ReplayReport(string TraceId, string? Kernel, long Faults, long Divergences, OutcomeStanding? Outcomes, IReadOnlyList<string> Warnings);

/// <summary>A row of <c>fidelity</c>, that of the quantity <c>outcome</c>.</summary>
/// <param name="Model">The captured kernel's.</param>
/// <param name="Coverage">0 to 1; null where there was nothing to compare.</param>
public sealed record OutcomeStanding(string Model, long Matched, long InSet, long Missed, long Lost, long ReadOff, long Unknown, long Unobserved, double? Coverage);

/// <summary>Re-executes one ingested trace against the models and writes the result tables.</summary>
public static class ReplayRunner
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceId">A trace that it holds.</param>
    /// <param name="options">Models and settings.</param>
    /// <param name="ct">Stops between batches; nothing is written then.</param>
    /// <exception cref="NotADatasetException">The directory is not a dataset.</exception>
    /// <exception cref="ArgumentException">No such trace, model or setting.</exception>
    public static ReplayReport Run(string dataset, string traceId, ReplayOptions options, CancellationToken ct = default)
    {
        // A night replays thousands: each reads its own manifest only.
        DatasetReader reader = DatasetReader.OpenTrace(dataset, traceId) ?? DatasetReader.Open(dataset);
        TraceManifest trace = reader.Traces.FirstOrDefault(t => t.TraceId == traceId)
            ?? throw new ArgumentException($"{dataset}: there is no trace '{traceId}' in it");
        CapturedKernel kernel = CapturedKernel.Of(reader, trace, options.Kernel, options.IgnoreProbes);
        if (!options.IgnoreProbes || !TraceEvents.HasProbes(reader, trace))
        {
            return Run(reader, trace, kernel, options, null, null, ct);
        }

        // The price of inference: the same trace with its probes, then without; the second's results stay.
        FactLog probed = new();
        CapturedKernel known = CapturedKernel.Of(reader, trace, options.Kernel, ignoreProbes: false);
        Run(reader, trace, known, options with { IgnoreProbes = false, Models = known.Model is { } model ? [model] : null, Setting = null }, probed, null, ct);
        return Run(reader, trace, kernel, options, new FactLog(), probed, ct);
    }

    private static ReplayReport Run(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, ReplayOptions options, FactLog? facts, FactLog? probed, CancellationToken ct)
    {
        IReadOnlyList<IFaultModel> models = CreateModels(options, kernel);
        using EventStream stream = TraceEvents.Open(reader, trace, options.IgnoreProbes);
        bool untold = !kernel.ShowsWindows(stream.Kinds) || UntoldWindows.Any(reader, trace, stream.Kinds);
        foreach (IFaultModel model in models)
        {
            model.WindowsUntold = untold;
            model.FollowsUntold = !stream.Kinds.Contains(EventKind.FollowPfn) || !stream.Kinds.Contains(EventKind.HvaToPfn);
        }

        ClockSkew skew = new(kernel.Layout.Accessed | kernel.Layout.Dirty, trace.ClockUnit);
        using ReplayRun run = new(reader, trace, kernel, models, stream.Kinds, skew, Infer(reader, trace, kernel, stream.Kinds), facts, InferAborts(reader, trace, kernel, stream.Kinds))
        {
            AssumedProbes = TraceEvents.CountAssumedProbes(reader, trace, options.IgnoreProbes),
            Probed = probed,
            WindowsUntold = untold,
        };
        // Whether a batch is full takes longer to ask than some events to add.
        const int FewEvents = 64;
        for (int events = 1; stream.MoveNext(); events++)
        {
            run.Add(stream.Current);
            if (events % FewEvents == 0 && run.IsBatchFull)
            {
                ct.ThrowIfCancellationRequested();
                run.ExecuteBatch();
            }
        }

        return run.Complete();
    }

    /// <summary>Reads the trace ahead where the memslots that faults find, or their lookups, are not recorded, or are to be left out.</summary>
    internal static InferredFacts? Infer(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, IReadOnlySet<EventKind> kinds)
    {
        if (kernel.IsArm64Machine)
        {
            return null;
        }

        bool slots = kinds.Contains(EventKind.SetRegion) || kinds.Contains(EventKind.Faultin);
        if (slots && kinds.Contains(EventKind.HvaToPfnRet) && !(kinds.Contains(EventKind.FollowPfn) ? FollowedLeaves.AnyRefusedUntold(reader, trace) : IsAnyRefused(reader, trace)))
        {
            return null;
        }

        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: true, InferredFacts.Kinds);
        return InferredFacts.Read(stream, kernel.Intel, kernel.ShowsWindows(kinds));
    }

    /// <summary>The same for arm64: where lookups are not recorded, the other aborts tell what there is.</summary>
    internal static AbortFacts? InferAborts(DatasetReader reader, TraceManifest trace, CapturedKernel kernel, IReadOnlySet<EventKind> kinds)
    {
        if (!kernel.IsArm64Machine || kinds.Contains(EventKind.HvaToPfnRet) || kinds.Contains(EventKind.LookupRet))
        {
            return null;
        }

        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: true, AbortFacts.Kinds);
        return AbortFacts.Read(stream);
    }

    /// <summary>A lookup failed: without the probe on followed leaves it takes inference to say why.</summary>
    private static bool IsAnyRefused(DatasetReader reader, TraceManifest trace)
    {
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: false, new HashSet<EventKind> { EventKind.HvaToPfnRet });
        while (stream.MoveNext())
        {
            if (stream.Current.Knows(0) && stream.Current[0] == SpecialPfn.Fault)
            {
                return true;
            }
        }

        return false;
    }

    private static IReadOnlyList<IFaultModel> CreateModels(ReplayOptions options, CapturedKernel kernel)
    {
        IReadOnlyList<string> asked = [.. (options.Models ?? [.. ModelRegistry.All.Select(model => model.Name)]).Distinct()];
        if (options.Setting is { } setting && !ModelRegistry.All.Any(model => asked.Contains(model.Name) && model.Settings.Contains(setting)))
        {
            throw new ArgumentException($"no chosen model has the setting '{setting}'; see 'tracereplay models'");
        }

        return [.. asked.Select(one => Create(one, asked, options, kernel))];
    }

    /// <summary>A model as it was asked for: a name, or name@setting, by which several settings of one model stand side by side.</summary>
    private static IFaultModel Create(string asked, IReadOnlyList<string> all, ReplayOptions options, CapturedKernel kernel)
    {
        string[] parts = asked.Split('@', 2);
        string name = parts[0];
        string? own = parts.Length > 1 ? parts[1] : null;
        if (own is not null && ModelRegistry.All.FirstOrDefault(model => model.Name == name) is { } info && !info.Settings.Contains(own))
        {
            throw new ArgumentException($"{name} has no setting '{own}'; it has {string.Join(", ", info.Settings)}");
        }

        if (own == Models.Arm64.Stage2Settings.WithoutFwb && !kernel.IsArm64Machine)
        {
            throw new ArgumentException($"'{own}' is a setting for arm64, and the capture is none of arm64");
        }

        bool isAlone = all.Count(other => other.Split('@', 2)[0] == name) == 1;
        return ModelCatalog.Create(name, own ?? options.Setting ?? (name == kernel.Model ? kernel.Setting : null), kernel.Layout, calledAs: isAlone ? name : asked);
    }
}
