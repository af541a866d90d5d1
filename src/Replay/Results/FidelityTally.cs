namespace TraceReplay.Replay.Results;

/// <summary>What a model is compared in with the kernel that it models.</summary>
internal enum FidelityQuantity
{
    /// <summary>How a fault ended; every fault of the trace stands in it.</summary>
    Outcome,

    /// <summary>Of the leaf that a fault left.</summary>
    Pfn,
    Level,
    Writable,
    Spte,

    /// <summary>The references that a fault put back.</summary>
    Refs,

    /// <summary>A change of a leaf that was no fault's own.</summary>
    LeafChange,

    /// <summary>mmu_invalidate_seq at a window's end.</summary>
    InvalidateSeq,

    /// <summary>mmu_invalidate_in_progress at a window's end.</summary>
    InProgress,
}

/// <summary>What became of one comparison. Each stands in exactly one of these, so that they add up to all there was to compare.</summary>
internal enum Standing
{
    /// <summary>One value was predicted, and it is the observed one.</summary>
    Matched,

    /// <summary>Several were predicted, before the observation was looked at, and the observed one is among them.</summary>
    InSet,

    /// <summary>The observed one was not predicted.</summary>
    Missed,

    /// <summary>A miss behind a recorded loss of records: the model's state may rest on what is missing.</summary>
    Lost,

    /// <summary>Equal, but what was predicted had been read off the fault's own records.</summary>
    ReadOff,

    /// <summary>Nothing was predicted.</summary>
    Unknown,

    /// <summary>Nothing was observed.</summary>
    Unobserved,
}

/// <summary>Spelling of <see cref="FidelityQuantity"/> in tables.</summary>
internal static class FidelityQuantities
{
    private static readonly string[] s_names = ["outcome", "pfn", "level", "writable", "spte", "refs", "leaf_change", "invalidate_seq", "in_progress"];

    /// <summary>All, in the order of the tables.</summary>
    public static IReadOnlyList<FidelityQuantity> All { get; } = Enum.GetValues<FidelityQuantity>();

    public static string Name(this FidelityQuantity quantity) => s_names[(int)quantity];
}

/// <summary>Counts where comparisons stand, by quantity. The total is their sum and nothing else, so no comparison can be left out of it.</summary>
internal sealed class FidelityTally
{
    private static readonly int s_standings = Enum.GetValues<Standing>().Length;

    private readonly long[] _counts = new long[FidelityQuantities.All.Count * s_standings];

    public void Add(FidelityQuantity quantity, Standing standing, long count = 1) => _counts[Place(quantity, standing)] += count;

    public long Count(FidelityQuantity quantity, Standing standing) => _counts[Place(quantity, standing)];

    public long Total(FidelityQuantity quantity)
    {
        long total = 0;
        for (int i = 0; i < s_standings; i++)
        {
            total += _counts[((int)quantity * s_standings) + i];
        }

        return total;
    }

    /// <summary>The part of the total that was predicted, compared and found right or wrong, 0 to 1; null where there was nothing to compare.</summary>
    public double? Coverage(FidelityQuantity quantity) => Total(quantity) is > 0 and long total
        ? (double)(Count(quantity, Standing.Matched) + Count(quantity, Standing.InSet) + Count(quantity, Standing.Missed)) / total
        : null;

    private static int Place(FidelityQuantity quantity, Standing standing) => ((int)quantity * s_standings) + (int)standing;
}
