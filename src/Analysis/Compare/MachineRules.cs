using TraceReplay.Replay.Models.Skeleton;

namespace TraceReplay.Analysis.Compare;

/// <summary>A rule that one machine's fault handler has and the other's has not.</summary>
/// <param name="Name">What it is, for people.</param>
/// <param name="When">
/// Condition on a page of two runs, as SQL: `a` is arm64's run, `x` x86's, each with outcome, reason, path, kind, level, access, faulted (it took a
/// fault there) and elsewhere (its retries that no window over the page explains).
/// </param>
/// <param name="Outcome">It gives the page another outcome; else only another way to the same.</param>
internal sealed record MachineRule(string Name, string When, bool Outcome);

/// <summary>Where x86 and arm64 decide otherwise (docs/model.md). The first that holds is named.</summary>
internal static class MachineRules
{
    private const string Mapped = "IN ('FIXED', 'FIXED_FAST', 'SPURIOUS')";

    public static IReadOnlyList<MachineRule> All { get; } =
    [
        new("a present read-only leaf of remapped memory: arm64 ends the write in EFAULT, x86 emulates it",
            $"a.outcome = 'EFAULT' AND x.outcome = 'EMULATE' AND ({Because(FaultReason.ReadOnlyLeaf)} OR {Because(FaultReason.ReadOnlyLeafFirst)})", Outcome: true),
        new("no valid syndrome: arm64 cannot tell the access and ends it in ENOSYS, x86 decodes the instruction",
            $"a.outcome = 'ENOSYS' AND x.outcome = 'EMULATE' AND {Because(FaultReason.NoValidSyndrome)}", Outcome: true),
        new("instruction fetch from device memory: arm64 injects an abort, x86 maps it",
            $"a.outcome = 'ABORT' AND x.outcome {Mapped} AND {Because(FaultReason.ExecFromDevice)}", Outcome: true),
        new("instruction fetch from where no memory is: arm64 injects an abort, x86 tries to emulate it",
            $"a.outcome = 'ABORT' AND x.outcome = 'EMULATE' AND {Because(FaultReason.ExecWithoutMemory)}", Outcome: true),
        new("guest page tables where no memory is: arm64 injects an abort, x86 emulates",
            $"a.outcome = 'ABORT' AND x.outcome = 'EMULATE' AND {Because(FaultReason.TableWalkWithoutMemory)}", Outcome: true),
        new("v11: only x86's handler says that the notifier guards the page, so arm64 refuses pages without struct page or count",
            $"a.outcome = 'EFAULT' AND x.outcome {Mapped} AND ({Because(FaultReason.NotGuarded)} OR {Because(FaultReason.RefcountZero)} AND $model = 'v11')", Outcome: true),

        new("retry check without a range: a window over other addresses of the VM made arm64's fault retry",
            "a.elsewhere > 0", Outcome: false),
        new("block size: arm64 maps a driver's memory in blocks where frame and addresses agree, x86 in the size of the host's leaf",
            $"a.outcome {Mapped} AND x.outcome {Mapped} AND a.path = 'remapped' AND a.level <> x.level", Outcome: false),
        new("execute permission: arm64 grants it at the first fetch, x86 with the mapping",
            $"a.outcome {Mapped} AND a.access = 'x' AND a.faulted AND NOT x.faulted", Outcome: false),
        new("access flag: a CPU that does not set it faults on a page that was aged, x86's CPU sets it",
            $"a.outcome {Mapped} AND a.path = 'access_flag' AND NOT x.faulted", Outcome: false),
        new("permissions of a present leaf: x86 adds them without a lookup (fast page fault), arm64 looks the page up",
            $"a.outcome = 'FIXED' AND x.outcome = 'FIXED_FAST'", Outcome: false),
    ];

    /// <summary>The name of the rule that holds, or NULL, as SQL.</summary>
    public static string Sql(bool outcome) =>
        $"CASE {string.Join(' ', All.Where(rule => rule.Outcome == outcome).Select(rule => $"WHEN {rule.When} THEN {Views.Sql.Literal(rule.Name)}"))} END";

    private static string Because(FaultReason reason) => $"a.reason = {Views.Sql.Literal(reason.Text()!)}";
}
