using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>Agreement means nothing where the sequences do not go: they have to reach every way a fault can end.</summary>
public class SequenceTests
{
    private const int Sequences = 1500;

    private static readonly OperationKind[] s_notPlayed =
    [
        OperationKind.SlotRefused, OperationKind.WindowOpening, OperationKind.WindowEnding, OperationKind.PteMemory, OperationKind.NoBlockOrders, OperationKind.GuestTable, OperationKind.LeafObserved, OperationKind.LeafRecorded, OperationKind.ChangePte, OperationKind.SplitBlock, OperationKind.VcpuMap, OperationKind.VcpuUnmap,
        OperationKind.PfnCacheLookup, OperationKind.PfnCacheCommit, OperationKind.PfnCacheUse, OperationKind.LeafKnown, OperationKind.VmGone, OperationKind.PrefetchNeighbours,
    ];

    [Fact]
    public void Sequences_reach_every_way_a_fault_can_end()
    {
        HashSet<string> reached = [];
        HashSet<OperationKind> operations = [];
        for (int i = 0; i < Sequences; i++)
        {
            Sequence sequence = Sequence.Of(OracleTests.Moves(OracleTests.FixedSeed, i));
            operations.UnionWith(sequence.Operations.Select(op => op.Kind));
            Sequence onArm64 = Sequence.Of(OracleTests.Moves(OracleTests.FixedSeed, i), arm64: true);
            operations.UnionWith(onArm64.Operations.Select(op => op.Kind));
            foreach (Kernel kernel in Kernel.AllArm64)
            {
                Machine machine = new(kernel, Vendor.Arm64);
                onArm64.Operations.ForEach(machine.Execute);
                reached.UnionWith(machine.Ended.SelectMany(fault => new[] { $"{kernel.Name} {fault.Outcome}", $"{kernel.Name} {fault.RetryCause}", $"{kernel.Series} {fault.Path}" }));
            }

            foreach (Kernel kernel in Kernel.All)
            {
                Machine machine = new(kernel, Vendor.Npt);
                sequence.Operations.ForEach(machine.Execute);
                foreach (Fault fault in machine.Ended)
                {
                    reached.UnionWith([$"{kernel.Name} {fault.Outcome}", $"{kernel.Name} {fault.RetryCause}", $"{kernel.Series} {fault.Path}", $"{fault.Kind}", $"level {fault.Level}"]);
                    if (fault.RefsPut > fault.RefsGot)
                    {
                        reached.Add($"{kernel.Name} extra put");
                    }
                }
            }
        }

        // Wanted but impossible: WRITE_PROTECTED needs a shadowed gfn; 6.1 is not interrupted; no precheck, no such cause; poison ends in SIGBUS. Each step is
        // played whole and by itself: no entry changes between its being read and the compare-exchange.
        string[] impossible =
        [
            .. Kernel.All.Select(k => $"{k.Name} {FaultOutcome.WriteProtected}"),
            .. Kernel.All.SelectMany(k => new[] { $"{k.Name} {RetryCause.Poison}", $"{k.Name} {RetryCause.LostRace}", $"{k.Name} {RetryCause.LeafThere}", $"{k.Name} {RetryCause.LeafGone}" }),
            .. Kernel.All.Where(k => !k.Precheck).SelectMany(k => new[] { $"{k.Name} {RetryCause.PrecheckBeforeLookup}", $"{k.Name} {RetryCause.PrecheckAfterLookup}" }),
            .. Kernel.All.SelectMany(k => new[] { $"{k.Name} {FaultOutcome.Abort}", $"{k.Name} {FaultOutcome.Enosys}" }),
            $"current@6.1 {FaultOutcome.Eintr}",
            nameof(PageKind.Free),
        ];
        IEnumerable<string> wanted = Kernel.All.SelectMany(k => Enum.GetValues<FaultOutcome>().Select(o => $"{k.Name} {o}"))
            .Concat(Kernel.All.SelectMany(k => Enum.GetValues<RetryCause>().Select(c => $"{k.Name} {c}")))
            .Concat(Kernel.AllArm64.SelectMany(k => new[] { FaultOutcome.Fixed, FaultOutcome.Retry, FaultOutcome.Emulate, FaultOutcome.Efault, FaultOutcome.Sigbus, FaultOutcome.Abort, FaultOutcome.Enosys }.Select(o => $"{k.Name} {o}")))
            .Concat(Kernel.AllArm64.SelectMany(k => new[] { RetryCause.WindowOpen, RetryCause.SeqMoved, RetryCause.LeafThere }.Select(c => $"{k.Name} {c}")))
            .Concat(Enum.GetValues<Series>().SelectMany(s => Enum.GetValues<FaultPath>().Select(p => $"{s} {p}")))
            .Concat(Enum.GetValues<PageKind>().Select(k => $"{k}"))
            .Concat(["level 1", "level 2", "level 3", "v11@6.8 extra put"]);
        Assert.Empty(wanted.Except(impossible).Except(reached));
        Assert.Empty(impossible.Intersect(reached));
        Assert.Equal(s_notPlayed, Enum.GetValues<OperationKind>().Except(operations));
    }
}
