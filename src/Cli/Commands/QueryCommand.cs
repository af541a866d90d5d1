using System.CommandLine;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay query`.</summary>
internal static class QueryCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        var name = new Argument<string?>("NAME") { Description = "A query of the library: queries/NAME.sql here or beside the program", HelpName = "NAME", Arity = ArgumentArity.ZeroOrOne };
        name.CompletionSources.Add(context => QueryLibrary.Default.List().Select(q => q.Name).Where(n => n.StartsWith(context.WordToComplete, StringComparison.Ordinal)));
        var dataset = new Option<string?>("--dataset", "-d") { Description = "Directory of the dataset", HelpName = "DATASET" };
        var sql = new Option<string?>("--sql") { Description = "SQL to run instead", HelpName = "TEXT" };
        var file = new Option<string?>("--file", "-f") { Description = "File with SQL to run instead", HelpName = "FILE" };
        var list = new Option<bool>("--list", "-l") { Description = "The queries of the library and the question that each answers" };
        var param = new Option<string[]>("--param", "-p") { Description = "Value for $k in the SQL, bound, never pasted; repeatable", HelpName = "k=v", DefaultValueFactory = _ => [] };
        param.Validators.Add(result =>
        {
            foreach (string pair in (result.GetValue(param) ?? []).Where(p => p.IndexOf('=', StringComparison.Ordinal) < 1))
            {
                result.AddError($"--param {pair}: expected k=v");
            }
        });
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("query", "Asks a dataset: a query of the library, or SQL over the views") { name, dataset, sql, file, list, param, format, output };
        command.Validators.Add(result =>
        {
            int asked = new object?[] { result.GetValue(name), result.GetValue(sql), result.GetValue(file) }.Count(v => v is not null);
            if (result.GetValue(list) ? asked != 0 : asked != 1)
            {
                result.AddError("give one of NAME, --sql TEXT, --file FILE, --list");
            }
            else if (asked == 1 && result.GetValue(dataset) is null)
            {
                result.AddError("give the dataset: -d DATASET");
            }
        });
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            var rows = new RowOutput(parse.GetValue(format), parse.GetValue(output));
            if (parse.GetValue(list))
            {
                rows.Write(new RowSet(
                    [new("name", "VARCHAR"), new("question", "VARCHAR")],
                    [.. QueryLibrary.Default.List().Select(q => new object?[] { q.Name, q.Question })]), terminal, ct);
                terminal.Next("query", "-d", parse.GetValue(dataset) ?? "DATASET", "faults_by_outcome");
                return ExitCode.Done;
            }

            string text = parse.GetValue(sql) ?? (parse.GetValue(file) is { } path ? Read(path) : QueryLibrary.Default.Text(parse.GetValue(name)!));
            using DatasetSession session = DatasetSession.Open(parse.GetValue(dataset)!, ct);
            rows.Write(session, text, Parameters(parse.GetValue(param) ?? []), terminal, ct);
            terminal.Next("query", "--list");
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay query --list",
            "tracereplay query -d night efault_causes",
            "tracereplay query -d night --sql 'FROM faults WHERE gfn = $gfn' --param gfn=65537",
            "tracereplay query -d night divergences --format parquet -o divergences.parquet",
        ]);
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"{path}: {e.Message}", e);
        }
    }

    private static Dictionary<string, string> Parameters(string[] pairs)
    {
        var parameters = new Dictionary<string, string>();
        foreach (string pair in pairs)
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            parameters[pair[..equals]] = pair[(equals + 1)..];
        }

        return parameters;
    }
}
