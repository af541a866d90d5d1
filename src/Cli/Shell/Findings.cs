using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Cli.Shell;

/// <summary>What --fail-on can ask about.</summary>
internal static class Findings
{
    private static readonly Dictionary<string, string> s_count = new()
    {
        ["violation"] = "SELECT count(*) FROM violations WHERE verdict = 'violated' AND list_contains(getvariable('asked'), trace_id)",
        ["divergence"] = "SELECT count(*) FROM divergences WHERE list_contains(getvariable('asked'), trace_id)",
        ["infidelity"] = "SELECT coalesce(sum(missed), 0)::BIGINT FROM fidelity WHERE list_contains(getvariable('asked'), trace_id)",
        ["lost"] = "SELECT count(*) FROM traces WHERE (lost IS NULL OR lost > 0) AND list_contains(getvariable('asked'), trace_id)",
    };

    public static IReadOnlyList<string> Kinds { get; } = [.. s_count.Keys];

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
            long found = session.Select(s_count[kind], r => r.GetInt64(0))[0];
            if (found > 0)
            {
                terminal.Error($"--fail-on {kind}: {found} found");
                code = ExitCode.Findings;
            }
        }

        return code;
    }
}
