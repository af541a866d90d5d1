using System.Globalization;
using System.Runtime.InteropServices;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Scripts;

/// <summary>What one model says of one fault, or of another caller's lookup (no <c>FaultId</c>), spelled as in the <c>outcomes</c> view; NULLs as there.</summary>
public sealed record ScriptOutcome(
    long? FaultId, string Model, string Setting, ulong Gfn, string Outcome, ulong? Pfn, int? Level, bool? Writable, int RefsGot, int RefsPut,
    int MarkedAccessed, int MarkedDirty, string? RetryCause, string? PageKind, string? Path, string? Violations, string? Reason);

/// <summary>What a script came to.</summary>
/// <param name="Outcomes">A row per fault and model, in the order in which the faults end.</param>
/// <param name="Breaches">Invariants that were broken outside of faults, one line each.</param>
/// <param name="Unfinished">Faults that begin and are never mapped: there is no row for them.</param>
public sealed record ScriptReport(IReadOnlyList<ScriptOutcome> Outcomes, int Unfinished, IReadOnlyList<string> Breaches);

/// <summary>Runs operations that nobody recorded against the models.</summary>
public static class ScriptRunner
{
    /// <param name="operations">As <see cref="ScriptReader"/> reads them.</param>
    /// <param name="options">Models; a model that does not have the setting takes its default.</param>
    /// <param name="vendor">npt, ept (SPTEs of the kernel that each model is of) or arm64.</param>
    /// <exception cref="ArgumentException">No such model.</exception>
    public static ScriptReport Run(IReadOnlyList<Operation> operations, ReplayOptions options, string vendor)
    {
        Operation[] batch = [.. operations];
        List<(IFaultModel Model, List<FaultResult> Results)> runs = [];
        foreach (string name in options.Models ?? [.. ModelRegistry.All.Select(model => model.Name)])
        {
            IFaultModel model = ModelCatalog.Create(name, options.Setting, ModelCatalog.Layout(name, vendor));
            List<FaultResult> results = [];
            model.Execute(batch, results);
            runs.Add((model, results));
        }

        List<ScriptOutcome> outcomes = [];
        int ended = runs.Count == 0 ? 0 : runs[0].Results.Count;
        for (int i = 0; i < ended; i++)
        {
            outcomes.AddRange(runs.Select(run => Row(run.Model, in CollectionsMarshal.AsSpan(run.Results)[i])));
        }

        int begun = batch.Count(op => op.Kind == OperationKind.FaultBegin);
        int mapped = batch.Count(op => op.Kind == OperationKind.FaultMap);
        return new ScriptReport(outcomes, begun - mapped, [.. runs.SelectMany(run => run.Model.Invariants.Breaches.Select(breach => Line(run.Model, breach)))]);
    }

    private static ScriptOutcome Row(IFaultModel model, in FaultResult result)
    {
        FaultContext fault = result.Fault;
        bool mapped = OutcomeTable.IsMapped(fault.Outcome);
        return new ScriptOutcome(
            result.FaultId < 0 ? null : result.FaultId,
            model.Name,
            model.Settings.Name,
            fault.Gfn,
            fault.Outcome.Name(),
            mapped ? fault.Pfn : null,
            mapped ? fault.Level : null,
            mapped ? fault.Writable : null,
            fault.RefsGot,
            fault.RefsPut,
            fault.MarkedAccessed,
            fault.MarkedDirty,
            OutcomeTable.Cause(fault.RetryCause),
            fault.Kind.Key(),
            OutcomeTable.Path(fault.Path),
            Violations(fault),
            fault.Reason.Text());
    }

    private static string Line(IFaultModel model, Breach breach)
    {
        Invariant broken = InvariantList.All.First(invariant => invariant.Number == breach.Invariant);
        return string.Create(CultureInfo.InvariantCulture, $"{model.Name}@{model.Settings.Name}: {broken.Id}{(breach.Certain ? "" : "?")} gfn 0x{breach.Gfn:x}: {breach.Detail}");
    }

    /// <summary>The invariants that the fault broke; with ? those that it may have broken.</summary>
    private static string? Violations(FaultContext fault)
    {
        string broken = string.Join(' ', InvariantList.All
            .Where(invariant => ((fault.Violated | fault.Violable) & invariant.Bit) != 0)
            .Select(invariant => invariant.Id + ((fault.Violated & invariant.Bit) == 0 ? "?" : "")));
        return broken.Length == 0 ? null : broken;
    }
}
