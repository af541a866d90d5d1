using System.CommandLine;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using TraceReplay.Analysis.Views.Dictionary;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay query`.</summary>
internal static class QueryCommand
{
    private const string Markdown = "markdown";

    public static (Command Command, string[] Examples) Create()
    {
        var name = new Argument<string?>("NAME") { Description = "A query of the library: queries/NAME.sql here or beside the program", HelpName = "NAME", Arity = ArgumentArity.ZeroOrOne };
        name.CompletionSources.Add(context => QueryLibrary.Default.List().Select(q => q.Name).Where(n => n.StartsWith(context.WordToComplete, StringComparison.Ordinal)));
        var dataset = new Option<string?>("--dataset", "-d") { Description = "Directory of the dataset", HelpName = "DATASET" };
        var sql = new Option<string?>("--sql") { Description = "SQL to run instead", HelpName = "TEXT" };
        var file = new Option<string?>("--file", "-f") { Description = "File with SQL to run instead", HelpName = "FILE" };
        var list = new Option<bool>("--list", "-l") { Description = "The queries of the library and the question that each answers" };
        var explain = new Option<bool>("--explain") { Description = "What the query NAME answers, its columns, its parameters, and what to do then; without a dataset" };
        var schema = new Option<bool>("--schema") { Description = "Views and columns in words, of all views of ours or of the one called NAME; --format markdown is docs/dataset.md" };
        var views = new Option<string?>("--views") { Description = "Print the views as SQL for stock DuckDB, over a copy of the dataset that lies at PLACE (s3://bucket/night, /mnt/night)", HelpName = "PLACE" };
        var param = new Option<string[]>("--param", "-p") { Description = "Value for $k in the SQL, bound, never pasted; repeatable", HelpName = "k=v", DefaultValueFactory = _ => [] };
        param.Validators.Add(result =>
        {
            foreach (string pair in (result.GetValue(param) ?? []).Where(p => p.IndexOf('=', StringComparison.Ordinal) < 1))
            {
                result.AddError($"--param {pair}: expected k=v");
            }
        });
        Option<string?> format = CommonOptions.Format(Markdown);
        Option<string?> output = CommonOptions.Output();
        var command = new Command("query", "Asks a dataset: a query of the library, or SQL over the views") { name, dataset, sql, file, list, explain, schema, views, param, format, output };
        command.Validators.Add(result =>
        {
            bool text = result.GetValue(sql) is not null || result.GetValue(file) is not null;
            int asked = new object?[] { result.GetValue(name), result.GetValue(sql), result.GetValue(file) }.Count(v => v is not null);
            int instead = new[] { list, explain, schema }.Count(result.GetValue) + (result.GetValue(views) is null ? 0 : 1);
            bool fits = instead switch
            {
                0 => asked == 1,
                1 when result.GetValue(views) is not null => asked == 0,
                1 => !text && (result.GetValue(schema) || result.GetValue(name) is not null == result.GetValue(explain)),
                _ => false,
            };
            if (!fits)
            {
                result.AddError("give one of NAME, --sql TEXT, --file FILE, --list, NAME --explain, --schema, --views PLACE");
            }
            else if ((instead == 0 || result.GetValue(views) is not null) && result.GetValue(dataset) is null)
            {
                result.AddError("give the dataset: -d DATASET");
            }

            if (result.GetValue(format) == Markdown && !result.GetValue(schema))
            {
                result.AddError($"--format {Markdown}: only with --schema");
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

            if (parse.GetValue(views) is { } place)
            {
                string made = ViewsFile.At(parse.GetValue(dataset)!, place);
                if (parse.GetValue(output) is { } to)
                {
                    WholeFile.Make(to, temporary => File.WriteAllText(temporary, made));
                }
                else
                {
                    terminal.Out.Write(made);
                }

                return ExitCode.Done;
            }

            if (parse.GetValue(schema))
            {
                return Describe(parse.GetValue(name), rows, terminal, ct);
            }

            if (parse.GetValue(explain))
            {
                QueryNotes notes = QueryNotes.Of(parse.GetValue(name)!, QueryLibrary.Default.Text(parse.GetValue(name)!));
                Explain(notes, rows, terminal, ct);
                terminal.Next("query", "-d", parse.GetValue(dataset) ?? "DATASET", notes.Name);
                return ExitCode.Done;
            }

            string text = parse.GetValue(sql) ?? (parse.GetValue(file) is { } path ? Read(path) : QueryLibrary.Default.Text(parse.GetValue(name)!));
            Dictionary<string, string> parameters = Parameters(parse.GetValue(param) ?? []);
            QueryParameters.Require(text, parameters.Keys);
            using DatasetSession session = DatasetSession.Open(parse.GetValue(dataset)!, ct);
            if (parse.GetValue(name) is null)
            {
                // Those of the library end in a sort: nothing is printed before all is done.
                session.KeepMore();
            }

            if (rows.Write(session, text, parameters, terminal, ct) is { } written && terminal.SaysNotes && QueryNeeds.Note(session, text, written) is { } note)
            {
                terminal.Note(note);
            }

            terminal.Next("query", "--list");
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay query --list",
            "tracereplay query efault_causes --explain",
            "tracereplay query --schema faults",
            "tracereplay query -d night efault_causes",
            "tracereplay query -d night --views s3://captures/night -o views-s3.sql",
            "tracereplay query -d night --sql 'FROM faults WHERE gfn = $gfn' --param gfn=65537",
            "tracereplay query -d night divergences --format parquet -o divergences.parquet",
        ]);
    }

    private static int Describe(string? view, RowOutput rows, Terminal terminal, CancellationToken ct)
    {
        if (rows.Format != Markdown)
        {
            rows.Write(DatasetDictionary.Rows(view), terminal, ct);
        }
        else if (rows.File is null)
        {
            terminal.Out.Write(DictionaryPage.Write());
        }
        else
        {
            WholeFile.Make(rows.File, temporary => File.WriteAllText(temporary, DictionaryPage.Write()));
        }

        return ExitCode.Done;
    }

    /// <summary>Prose for people; rows for whoever names a format or a file.</summary>
    private static void Explain(QueryNotes notes, RowOutput rows, Terminal terminal, CancellationToken ct)
    {
        if (rows.Format is null && rows.File is null)
        {
            notes.Write(terminal.Out, Terminal.Width);
            return;
        }

        rows.Write(new RowSet([new("section", "VARCHAR"), new("text", "VARCHAR")], [.. notes.Sections.Select(s => new object?[] { s.Name, s.Text })]), terminal, ct);
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
