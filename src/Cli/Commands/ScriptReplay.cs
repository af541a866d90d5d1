using System.CommandLine;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Scripts;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay replay --script`: a scenario that somebody wrote, without a dataset.</summary>
internal static class ScriptReplay
{
    private static readonly Column[] s_columns =
    [
        new("fault_id", "BIGINT"), new("model", "VARCHAR"), new("setting", "VARCHAR"), new("gfn", "UBIGINT"), new("outcome", "VARCHAR"),
        new("pfn", "UBIGINT"), new("level", "INTEGER"), new("writable", "BOOLEAN"), new("refs_got", "INTEGER"), new("refs_put", "INTEGER"),
        new("marked_accessed", "INTEGER"), new("marked_dirty", "INTEGER"), new("retry_cause", "VARCHAR"), new("page_kind", "VARCHAR"),
        new("path", "VARCHAR"), new("violations", "VARCHAR"), new("reason", "VARCHAR"),
    ];

    public static Option<string?> Script() => new("--script") { Description = "A script of operations to run instead of a dataset, or - for standard input", HelpName = "FILE" };

    public static Option<string?> Vendor()
    {
        var option = new Option<string?>("--vendor") { Description = "Whose page tables a script's machine has (default: npt)", HelpName = "npt|ept|arm64" };
        Names.OneOf(option, "npt", "ept", "arm64");
        return option;
    }

    public static int Run(string file, ReplayOptions options, string vendor, RowOutput output, Terminal terminal, CancellationToken ct)
    {
        ScriptReport report = ScriptRunner.Run(Read(file), options, vendor);
        output.Write(new RowSet(s_columns, [.. report.Outcomes.Select(Cells)]), terminal, ct);
        foreach (string breach in report.Breaches)
        {
            terminal.Warning(breach);
        }

        if (report.Unfinished > 0)
        {
            terminal.Warning($"{file}: {report.Unfinished} faults begin and are never mapped: no rows for them");
        }

        return ExitCode.Done;
    }

    private static List<Operation> Read(string file)
    {
        if (file == "-")
        {
            return ScriptReader.Read(Console.In, file);
        }

        try
        {
            using StreamReader text = File.OpenText(file);
            return ScriptReader.Read(text, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Input, $"{file}: {e.Message}", e);
        }
    }

    private static object?[] Cells(ScriptOutcome row) =>
    [
        row.FaultId, row.Model, row.Setting, row.Gfn, row.Outcome, row.Pfn, row.Level, row.Writable, row.RefsGot, row.RefsPut,
        row.MarkedAccessed, row.MarkedDirty, row.RetryCause, row.PageKind, row.Path, row.Violations, row.Reason,
    ];
}
