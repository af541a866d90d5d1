using System.Globalization;
using TraceReplay.Replay.Tests.Captures;
using Xunit;

namespace TraceReplay.Replay.Tests.Judging;

/// <summary>What a replay says of itself: where every fault stands, and each miss.</summary>
internal sealed class Judgement
{
    private static readonly string[] s_standings = ["matched", "in_set", "missed", "lost", "read_off", "unknown", "unobserved"];

    private readonly Dictionary<(string Quantity, string Standing), long> _counts = [];

    private Judgement(ReplayedCapture replayed)
    {
        List<Dictionary<string, string?>> fidelity = replayed.Result("fidelity");
        Model = fidelity.FirstOrDefault()?["model"];
        Quantities = [.. fidelity.Select(row => row["quantity"]!)];
        foreach (Dictionary<string, string?> row in fidelity)
        {
            foreach (string standing in s_standings.Append("total"))
            {
                _counts[(row["quantity"]!, standing)] = Long(row[standing]);
            }
        }

        Dictionary<string, string?> outcomes = [];
        HashSet<string> readOff = [];
        foreach (Dictionary<string, string?> row in replayed.Result("outcomes", "model", "fault_id", "outcomes", "read_off").Where(row => row["model"] == Model))
        {
            outcomes.Add(row["fault_id"]!, row["outcomes"]);
            if (bool.Parse(row["read_off"]!))
            {
                readOff.Add(row["fault_id"]!);
            }
        }

        Dictionary<string, JudgedFault> byId = [];
        foreach (Dictionary<string, string?> row in replayed.Result("faults", "fault_id", "pid", "ts_ns", "seq", "gfn", "observed_outcome"))
        {
            string id = row["fault_id"]!;
            JudgedFault fault = new(
                (int)Long(row["pid"]),
                Long(row["ts_ns"]),
                Long(row["seq"]),
                ulong.Parse(row["gfn"]!, CultureInfo.InvariantCulture),
                row["observed_outcome"]!,
                outcomes.GetValueOrDefault(id) ?? "UNKNOWN",
                readOff.Contains(id));
            byId.Add(id, fault);
        }

        Faults = [.. byId.Values.OrderBy(fault => fault.Seq)];
        Misses = [.. replayed.Result("fidelity_misses").Select(row => new Miss(
            row["quantity"]!,
            row["fault_id"] is { } id ? byId[id] : null,
            Long(row["seq"]),
            row["gfn"] is { } gfn ? ulong.Parse(gfn, CultureInfo.InvariantCulture) : null,
            row["observed"]!,
            row["predicted"]!,
            bool.Parse(row["lost"]!)))];
    }

    /// <summary>The model of the captured kernel; null where nothing was compared.</summary>
    public string? Model { get; }

    public IReadOnlyList<string> Quantities { get; }

    /// <summary>In the order in which they began.</summary>
    public IReadOnlyList<JudgedFault> Faults { get; }

    public IReadOnlyList<Miss> Misses { get; }

    /// <summary>The misses that no recorded loss stands before.</summary>
    public IEnumerable<Miss> Plain => Misses.Where(miss => !miss.Lost);

    public long Count(string quantity, string standing) => _counts.GetValueOrDefault((quantity, standing));

    /// <summary>The faults of which a model said something.</summary>
    public int WithVerdict => Faults.Count(fault => fault.Predicted != "UNKNOWN");

    /// <summary>
    /// Judges a replay. The sums are checked with it: every fault of every quantity stands in one place, and the rows of misses are
    /// those that are counted.
    /// </summary>
    public static Judgement Of(ReplayedCapture replayed)
    {
        Judgement judgement = new(replayed);
        Assert.NotEmpty(judgement.Quantities);
        foreach (string quantity in judgement.Quantities)
        {
            Assert.True(judgement.Count(quantity, "total") == s_standings.Sum(standing => judgement.Count(quantity, standing)), $"{quantity}: {judgement.Describe(quantity)}");
            Assert.Equal(judgement.Count(quantity, "missed"), judgement.Misses.Count(miss => miss.Quantity == quantity && !miss.Lost));
            Assert.Equal(judgement.Count(quantity, "lost"), judgement.Misses.Count(miss => miss.Quantity == quantity && miss.Lost));
        }

        Assert.Equal(judgement.Faults.Count, judgement.Count("outcome", "total"));
        return judgement;
    }

    public string Describe(string quantity) =>
        $"{quantity} {Count(quantity, "total")}: " + string.Join(' ', s_standings.Where(standing => Count(quantity, standing) > 0).Select(standing => $"{standing} {Count(quantity, standing)}"));

    private static long Long(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);
}

/// <param name="Observed">What the kernel did.</param>
/// <param name="Predicted">The set that the captured kernel's model predicts, in the spelling of <c>outcomes</c>.</param>
/// <param name="ReadOff">The prediction was taken from the fault's own records.</param>
internal sealed record JudgedFault(int Pid, long Time, long Seq, ulong Gfn, string Observed, string Predicted, bool ReadOff)
{
    /// <summary>Where the fault stands, in one text: what was observed, and how it was predicted.</summary>
    public string Standing => Observed == "UNKNOWN" ? $"unobserved, {Predicted}"
        : Predicted == "UNKNOWN" ? $"{Observed}: unknown"
        : !Predicted.Split('|').Contains(Observed) ? $"{Observed}: missed, {Predicted}"
        : ReadOff ? $"{Observed}: read off"
        : Predicted.Contains('|', StringComparison.Ordinal) ? $"{Observed}: in {Predicted}"
        : Observed;
}

/// <param name="Fault">null where a record was missed.</param>
internal sealed record Miss(string Quantity, JudgedFault? Fault, long Seq, ulong? Gfn, string Observed, string Predicted, bool Lost)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Quantity} at {Seq}{(Fault is null ? "" : $" (fault of {Fault.Pid})")}, gfn {Gfn:x}: {Observed}, predicted {Predicted}{(Lost ? ", lost" : "")}");
}
