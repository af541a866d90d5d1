namespace TraceReplay.Replay.Oracle.Orders;

/// <summary>
/// Between which two records a thing happened; both the same: it happened with that record. Two things of which neither record says
/// which came first may have come in either order.
/// </summary>
public readonly record struct Places(long After, long Before)
{
    /// <summary>Behind all records.</summary>
    public const long Never = long.MaxValue;

    public bool MayPrecede(Places other) => First <= other.Last;

    // Twice the record's place, so that the gap behind it has a number too.
    private long First => After == Never ? Never : After == Before ? 2 * After : (2 * After) + 1;

    private long Last => Before == Never ? Never : After == Before ? 2 * After : (2 * Before) - 1;
}

public enum ThingKind
{
    WindowBegins,
    WindowEnds,
    RootsGo,
    Snapshot,
    FirstCheck,
    SecondCheck,

    /// <summary>The checks under mmu_lock: root, range and sequence.</summary>
    LockedCheck,
}

/// <summary>Something of which only the places are known.</summary>
public sealed record Thing(ThingKind Kind, Places Places, Window? Window = null);

/// <summary>A notifier window that matched a memslot.</summary>
public sealed class Window
{
    public required long Id { get; init; }

    /// <summary>The open fault in whose lookup it opened; -1 if in none.</summary>
    public required int Open { get; init; }

    /// <summary>The operation that announces it.</summary>
    public required int OpensAt { get; init; }

    public required (ulong Start, ulong End) Hva { get; init; }

    public required IReadOnlyList<(ulong First, ulong End)> Gfns { get; init; }

    public required Places Begin { get; init; }

    public Places End { get; set; } = new(Places.Never, Places.Never);
}
