using System.Globalization;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Cost;

/// <summary>What a person must know beside the numbers: what is measured, inferred, assumed.</summary>
public static class CostNotes
{
    /// <summary>A fault that ends without a lookup takes 1 to 3 µs on hardware; a machine that needs more is emulated, or nearly so.</summary>
    private const double FastFaultOfHardware = 10_000;

    /// <param name="session">A dataset with cost tables.</param>
    /// <param name="traceIds">The traces asked for.</param>
    public static IReadOnlyList<string> Of(DatasetSession session, IReadOnlyList<string> traceIds)
    {
        string asked = $"list_contains([{string.Join(", ", traceIds.Select(Sql.Literal))}], trace_id)";
        List<string> notes =
        [
            "counted: exact, by the models; assumed: page tables of 4 levels, host work as docs/cost.md has it for the path of each lookup",
            "measured: what the models themselves take on this machine, not a kernel; a ratio whose interval holds 1 is no difference",
        ];
        if (session.Select($"SELECT count(*) FROM traces WHERE arch IN ('aarch64', 'arm64') AND {asked}", row => row.GetInt64(0))[0] > 0)
        {
            notes.Add("arm64: spte_* are stage-2 leaves, a flush is a TLBI, one for each leaf that is zapped, replaced or given permissions; assumed: a CPU without FEAT_TLBIRANGE");
        }

        foreach ((string kernel, double p50) in session.Select(
            $"SELECT coalesce(kernel, '?'), median(p50) FROM cost_traced JOIN traces USING (trace_id) WHERE quantity = 'fault' AND cost_traced.path IN ('fast', 'mmio_cached') AND unit = 'ns' AND n >= 20 AND {asked} GROUP BY ALL HAVING median(p50) > {FastFaultOfHardware} ORDER BY 1",
            row => (row.GetString(0), row.GetDouble(1))))
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"traced on {kernel}: a fault without a lookup takes {p50 / 1000:F0} µs, on hardware 1 to 3: the machine was emulated or slowed (inferred); ratios of its times need not hold elsewhere"));
        }

        foreach ((string kernel, double price, double low, double high) in session.Select(
            $"SELECT kernel, price_ns, low_ns, high_ns FROM cost_prices WHERE operation = 'probe_record' AND price_ns > 0 AND {asked} ORDER BY 1",
            row => (row.GetString(0), row.GetDouble(1), row.GetDouble(2), row.GetDouble(3))))
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"traced on {kernel}: the probes are part of each latency, {price / 1000:F1} µs a record ({low / 1000:F1} to {high / 1000:F1}, inferred); cost_traced says how many records a fault has"));
        }

        foreach ((long lost, long traces) in session.Select(
            $"SELECT sum(lost)::BIGINT, count(*) FROM traces WHERE lost > 0 AND {asked} HAVING count(*) > 0", row => (row.GetInt64(0), row.GetInt64(1))))
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"{lost} records are lost in {traces} of the traces: their latencies may span what is missing"));
        }

        return notes;
    }
}
