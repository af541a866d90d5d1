using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Shell;

/// <summary>What --fail-on can ask about.</summary>
internal static class Findings
{
    private static readonly Dictionary<string, string> s_count = new()
    {
        ["violation"] = $"SELECT count(*) FROM violations WHERE verdict = 'violated' AND (model = 'kernel' OR {Captured("model")}) AND list_contains(getvariable('asked'), trace_id)",
        ["divergence"] = "SELECT coalesce(sum(missed), 0)::BIGINT FROM fidelity WHERE quantity = 'outcome' AND list_contains(getvariable('asked'), trace_id)",
        ["infidelity"] = """
            SELECT (SELECT coalesce(sum(missed), 0)::BIGINT FROM fidelity WHERE list_contains(getvariable('asked'), trace_id))
                 + (SELECT count(DISTINCT trace_id) FROM event_counts WHERE records > 0 AND event IN ('kvm_page_fault', 'kvm_guest_fault', 'kvm_access_fault')
                    AND list_contains(getvariable('asked'), trace_id)
                    AND trace_id NOT IN (SELECT trace_id FROM fidelity WHERE quantity = 'outcome' AND total > 0))
            """,
        ["lost"] = "SELECT count(*) FROM traces WHERE (lost IS NULL OR lost > 0) AND list_contains(getvariable('asked'), trace_id)",
    };

    // A model that is not the captured kernel's breaks invariants and ends faults otherwise because it is another one: no gate, unless it is named.
    private static readonly Dictionary<string, Func<string, string>> s_countOfModel = new()
    {
        ["violation"] = model => $"SELECT count(*) FROM violations WHERE verdict = 'violated' AND model = {Sql.Literal(model)} AND list_contains(getvariable('asked'), trace_id)",
        ["divergence"] = model => $"SELECT count(*) FROM divergences WHERE (model_a = {Sql.Literal(model)} AND {Captured("model_b")} OR model_b = {Sql.Literal(model)} AND {Captured("model_a")}) AND list_contains(getvariable('asked'), trace_id)",
    };

    public static IReadOnlyList<string> Kinds { get; } =
    [
        .. s_count.Keys,
        .. s_countOfModel.Keys.SelectMany(kind => ModelRegistry.All.Select(model => $"{kind}:{model.Name}")),
    ];

    private static string Captured(string column) => $"(trace_id, {column}) IN (SELECT (trace_id, model) FROM fidelity)";

    /// <summary>Names the traces that <see cref="Check"/> looks at, as the SQL variable `asked`.</summary>
    public static void Ask(DatasetSession session, IReadOnlyList<string> traceIds)
    {
        using DuckDBCommand set = session.Command($"SET VARIABLE asked = [{string.Join(", ", traceIds.Select(Sql.Literal))}]::VARCHAR[]");
        set.ExecuteNonQuery();
    }

    /// <summary>Says each kind of finding that was asked about and is there.</summary>
    /// <returns>The exit code.</returns>
    public static int Check(DatasetSession session, IReadOnlyList<string> kinds, Terminal terminal)
    {
        int code = ExitCode.Done;
        foreach (string kind in kinds)
        {
            string[] parts = kind.Split(':');
            string sql = parts.Length == 1 ? s_count[kind] : s_countOfModel[parts[0]](parts[1]);
            long found = session.Select(sql, r => r.GetInt64(0))[0];
            if (found > 0)
            {
                terminal.Error($"--fail-on {kind}: {found} found");
                code = ExitCode.Findings;
            }
        }

        return code;
    }
}
