using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>One path, over and over: what a model needs beforehand, and the operations to measure.</summary>
/// <param name="Name">Path of a fault, or the host's work.</param>
/// <param name="Prepare">Executed once on a fresh model.</param>
/// <param name="Work">Executed once after that.</param>
internal sealed record Drill(string Name, Operation[] Prepare, Operation[] Work)
{
    /// <summary>Faults or leaves in <see cref="Work"/>.</summary>
    public const int Units = 4096;

    private const ulong Gfn = 0x100001;
    private const ulong Hva = 0x7f00_0000_0000;
    private const ulong Pfn = 0x400000;

    /// <summary>The drills by name.</summary>
    public static IReadOnlyList<Drill> All { get; } =
    [
        new("gup_fast", Anonymous(writable: true), Faults(FaultAccess.Write)),
        new("gup_slow", Anonymous(writable: false), Faults(FaultAccess.None)),
        new("remapped", Remapped(PageKind.P2), Faults(FaultAccess.Write)),
        new("remapped_tail", Remapped(PageKind.P4), Faults(FaultAccess.Write)),
        new("device", Remapped(PageKind.P0), Faults(FaultAccess.Write)),
        new("noslot", [], Faults(FaultAccess.Write)),
        new("mmio_cached", Faults(FaultAccess.Write), Faults(FaultAccess.Write | FaultAccess.Reserved)),
        new("fast", [.. Anonymous(writable: true), .. Faults(FaultAccess.Write), .. Leaves(OperationKind.WriteProtect)], Faults(FaultAccess.Write | FaultAccess.Present)),
        new("zap", [.. Anonymous(writable: true), .. Faults(FaultAccess.Write)], [Window(OperationKind.WindowBegin, Units), Window(OperationKind.WindowEnd, Units)]),
        new("dirty_log", [.. Anonymous(writable: true), .. Faults(FaultAccess.Write)], Leaves(OperationKind.ClearDirty)),
        new("age", [.. Anonymous(writable: true), .. Faults(FaultAccess.Write)], [Window(OperationKind.Age, Units)]),
    ];

    /// <summary>Faults on <paramref name="leaves"/> pages and a window over them, many times: the zap path among the faults that it undoes.</summary>
    public static Operation[] ZapRounds(int leaves, int rounds)
    {
        List<Operation> operations = [Slot()];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < leaves; i++)
            {
                operations.Add(Pte(i, writable: true, special: false));
            }

            for (int i = 0; i < leaves; i++)
            {
                operations.AddRange(Fault(i, FaultAccess.Write, (round * leaves) + i));
            }

            operations.Add(Window(OperationKind.WindowBegin, leaves));
            operations.Add(Window(OperationKind.WindowEnd, leaves));
        }

        return [.. operations];
    }

    private static Operation[] Anonymous(bool writable) => [Slot(), .. Enumerable.Range(0, Units).Select(i => Pte(i, writable, special: false))];

    private static Operation[] Remapped(PageKind kind) =>
    [
        Slot(),
        Host(OperationKind.VmaMapKind, Hva, Hva + ((ulong)Units << 12), (ulong)(VmaFlags.PfnMap | VmaFlags.Io | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared), (ulong)kind),
        .. Enumerable.Range(0, Units).Select(i => Pte(i, writable: true, special: true)),
    ];

    private static Operation Slot() => Host(OperationKind.SlotPut, Gfn, Units, Hva, 1UL << 32);

    private static Operation Pte(int i, bool writable, bool special) =>
        Host(OperationKind.PteKnown, Hva + ((ulong)i << 12), HostPte.Make(Pfn + (ulong)i, writable, special, 1).Raw, 0, 0);

    private static Operation Window(OperationKind kind, int pages) => Host(kind, Hva, Hva + ((ulong)pages << 12), 0, 0);

    private static Operation[] Leaves(OperationKind kind) => [.. Enumerable.Range(0, Units).Select(i => Host(kind, Gfn + (ulong)i, 1, 0, 0))];

    private static Operation[] Faults(FaultAccess access) => [.. Enumerable.Range(0, Units).SelectMany(i => Fault(i, access, i))];

    private static IEnumerable<Operation> Fault(int i, FaultAccess access, long id)
    {
        yield return new Operation { Kind = OperationKind.FaultBegin, FaultId = id, A = (Gfn + (ulong)i) << 12, B = (ulong)access };
        yield return new Operation { Kind = OperationKind.FaultLookup, FaultId = id, A = (ulong)LookupFact.Found };
        yield return new Operation { Kind = OperationKind.FaultMap, FaultId = id };
    }

    private static Operation Host(OperationKind kind, ulong a, ulong b, ulong c, ulong d) => new() { Kind = kind, Open = -1, FaultId = -1, A = a, B = b, C = c, D = d };
}
