using System.Globalization;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>One model and the oracle over the same operations: the first thing in which they differ.</summary>
internal static class Comparison
{
    /// <summary>Each model and setting in turn.</summary>
    /// <returns>Null if they agree in everything.</returns>
    public static string? FirstDifference(List<Operation> operations, bool ept)
    {
        foreach (Kernel kernel in Kernel.All)
        {
            if (FirstDifference(operations, kernel, ept) is { } difference)
            {
                return $"{kernel.Name} {(ept ? "ept" : "npt")}: {difference}";
            }
        }

        return null;
    }

    /// <summary>The same for arm64's models.</summary>
    public static string? FirstDifferenceOnArm64(List<Operation> operations)
    {
        foreach (Kernel kernel in Kernel.AllArm64)
        {
            if (FirstDifference(operations, kernel, ept: false) is { } difference)
            {
                return $"{kernel.Name}: {difference}";
            }
        }

        return null;
    }

    private static string? FirstDifference(List<Operation> operations, Kernel kernel, bool ept)
    {
        Vendor vendor = kernel.Arm64 ? Vendor.Arm64 : !ept ? Vendor.Npt : kernel.Series == Series.Merged ? Vendor.Ept7 : Vendor.Ept;
        Machine oracle = new(kernel, vendor);
        IFaultModel model = ModelCatalog.Create(kernel.Model, kernel.Setting, ModelCatalog.Layout(kernel.Model, kernel.Arm64 ? "arm64" : ept ? "ept" : "npt"));
        List<FaultResult> results = [];
        model.Execute(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(operations), results);
        foreach (Operation op in operations)
        {
            oracle.Execute(op);
        }

        return Faults(oracle, results) ?? Leaves(operations, oracle, model) ?? Pages(operations, oracle, model) ?? Invalidation(oracle, model, results);
    }

    private static string? Faults(Machine oracle, List<FaultResult> results)
    {
        for (int i = 0; i < oracle.Ended.Count; i++)
        {
            string expected = Row(oracle.Ended[i]);
            string actual = Row(results[i].FaultId, in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(results)[i].Fault);
            if (expected != actual)
            {
                return $"fault {oracle.Ended[i].Id}\n  oracle {expected}\n  model  {actual}";
            }
        }

        return oracle.Ended.Count == results.Count ? null : $"{oracle.Ended.Count} faults, model {results.Count}";
    }

    private static string Row(Fault f) => Row(
        f.Id, f.Outcome, f.IsMapped, f.Pfn, f.Level, f.Writable, f.RefsGot, f.RefsPut, f.MarkedAccessed, f.MarkedDirty, f.RetryCause, f.Kind, f.Path);

    private static string Row(long id, in FaultContext f)
    {
        bool mapped = f.Outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious;
        return Row(id, f.Outcome, mapped, f.Pfn, f.Level, f.Writable, f.RefsGot, f.RefsPut, f.MarkedAccessed, f.MarkedDirty, f.RetryCause, f.Kind, f.Path);
    }

    private static string Row(
        long id, FaultOutcome outcome, bool mapped, ulong pfn, int level, bool writable, int got, int put, int accessed, int dirty, RetryCause cause, PageKind kind, FaultPath path) =>
        string.Create(CultureInfo.InvariantCulture,
            $"{id} {outcome}{(mapped ? $" pfn 0x{pfn:x} level {level} {(writable ? "rw" : "ro")}" : "")} refs +{got}-{put} marks {accessed} {dirty} cause {cause} kind {kind} path {path}");

    private static string? Leaves(List<Operation> operations, Machine oracle, IFaultModel model)
    {
        HashSet<(int Vm, int AsId, ulong Gfn)> asked = [.. operations.Where(op => op.Kind == OperationKind.FaultBegin).Select(op => ((int)op.Vm, (int)op.AsId, op.A >> 12))];
        for (int vm = 0; vm < 2; vm++)
        {
            asked.UnionWith(oracle.Vm(vm).Leaves.Keys.Select(key => (vm, key.AsId, key.Block * Levels.Pages(key.Level))));
        }

        foreach ((int vm, int asId, ulong gfn) in asked)
        {
            Spte? expected = oracle.Vm(vm).LeafOf(asId, gfn);
            ulong actual = model.Leaf(vm, asId, gfn, out int level);
            (ulong, int) want = expected is null ? (0, 1) : (expected.Raw(oracle.Vendor), expected.Level);
            (ulong, int) have = SpteLayout.IsPresent(actual) ? (oracle.Kernel.Arm64 ? SpteLayout.Stage2.Recorded(actual, level) : actual, level) : (0, 1);
            if (want != have)
            {
                return $"leaf of vm {vm} as {asId} gfn 0x{gfn:x}\n  oracle 0x{want.Item1:x} level {want.Item2}\n  model  0x{have.Item1:x} level {have.Item2}";
            }
        }

        return null;
    }

    private static string? Pages(List<Operation> operations, Machine oracle, IFaultModel model)
    {
        IEnumerable<ulong> heads = operations.Where(op => op.Kind == OperationKind.PteKnown).Select(op => new HostPte(op.B).Pfn).Distinct().SelectMany(pfn => new[] { pfn, pfn & ~1UL, pfn & ~3UL, pfn & ~7UL, pfn & ~511UL, pfn & ~0x3ffffUL });
        foreach (ulong pfn in heads.Concat(oracle.Pages.ByPfn.Keys).Distinct())
        {
            Page page = oracle.Pages.ByPfn.GetValueOrDefault(pfn) ?? new Page();
            (int, int, int) want = (page.Delta, page.Accessed, page.Dirty);
            (int, int, int) have = (model.Pages.Delta(pfn), model.Pages.AccessedMarks(pfn), model.Pages.DirtyMarks(pfn));
            if (want != have)
            {
                return $"page 0x{pfn:x} (reference delta, accessed, dirty)\n  oracle {want}\n  model  {have}";
            }
        }

        return null;
    }

    /// <summary>A window over a slot of its own shows the counts: the model compares them with what the oracle has.</summary>
    private static string? Invalidation(Machine oracle, IFaultModel model, List<FaultResult> results)
    {
        model.Checks = new ObservationChecks();
        for (short vm = 0; vm < 2; vm++)
        {
            TraceReplay.Replay.Oracle.Invalidation state = oracle.Vm(vm).Invalidation;
            const ulong hva = 0x5000_0000_0000;
            model.Execute(
            [
                new() { Kind = OperationKind.SlotPut, FaultId = -1, Vm = vm, A = 0x80000000, B = 1, C = hva, D = 9UL << 32 },
                new() { Kind = OperationKind.WindowBegin, FaultId = -1, Vm = vm, A = hva, B = hva + 4096 },
                new() { Kind = OperationKind.WindowEnd, FaultId = -1, Vm = vm, A = hva, B = hva + 4096, C = state.Seq + 1, D = (ulong)state.InProgress + 1 },
            ], results);
        }

        return model.Checks.Misses.Count == 0 ? null : $"invalidate state: {model.Checks.Misses[0]}";
    }
}
