using System.CommandLine;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay findings`: what was found in a dataset, by name; or the catalogue.</summary>
internal static class FindingsCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        var trace = new Argument<string?>("TRACE") { Description = "Id of a trace, or its beginning (default: all)", HelpName = "TRACE", Arity = ArgumentArity.ZeroOrOne };
        var dataset = new Option<string?>("--dataset", "-d") { Description = "Directory of the dataset", HelpName = "DATASET" };
        var list = new Option<bool>("--list", "-l") { Description = "All findings that are looked for: what each means, on which kernels, and what to do" };
        var pages = new Option<string?>("--pages") { Description = "Writes the same as a page of Markdown for each finding into this directory", HelpName = "DIR" };
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("findings", "Names what is wrong: refused buffers, vCPUs that are stuck, storms, stale mappings, gaps of the capture") { trace, dataset, list, pages, format, output };
        command.Validators.Add(result =>
        {
            if ((result.GetValue(list) || result.GetValue(pages) is not null) == result.GetValue(dataset) is not null)
            {
                result.AddError("give the dataset: -d DATASET; or --list or --pages DIR");
            }
        });
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            if (parse.GetValue(pages) is { } folder)
            {
                Directory.CreateDirectory(folder);
                foreach ((string file, string text) in FindingPages.All())
                {
                    File.WriteAllText(Path.Combine(folder, file), text);
                }

                if (!parse.GetValue(list))
                {
                    return ExitCode.Done;
                }
            }

            var rows = new RowOutput(parse.GetValue(format), parse.GetValue(output));
            if (parse.GetValue(list))
            {
                rows.Write(Catalogued(), terminal, ct);
                terminal.Next("findings", "-d", "DATASET");
                return ExitCode.Done;
            }

            string root = parse.GetValue(dataset)!;
            IReadOnlyList<string> ids = TraceChoice.Resolve(root, parse.GetValue(trace) is { } id ? [id] : []);
            using DatasetSession session = DatasetSession.Open(root, ct);
            Dictionary<string, IReadOnlyList<FindingRow>> found = FindingsReader.Read(session, ids);
            rows.Write(new RowSet(s_columns, [.. ids.SelectMany(one => found.GetValueOrDefault(one, [])).Select(Cells)]), terminal, ct);
            terminal.Next("findings", "--list");
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay findings --list",
            "tracereplay findings --pages pages",
            "tracereplay findings -d night",
            "tracereplay findings -d night b9cd41 --format json",
        ]);
    }

    private static readonly Column[] s_columns =
    [
        new("trace_id", "VARCHAR"), new("severity", "VARCHAR"), new("finding", "VARCHAR"), new("title", "VARCHAR"), new("faults", "BIGINT"), new("pages", "BIGINT"), new("first_fault", "BIGINT"),
        new("first_seq", "BIGINT"), new("certainty", "VARCHAR"), new("cause", "VARCHAR"), new("evidence", "VARCHAR"), new("advice", "VARCHAR"),
    ];

    private static object?[] Cells(FindingRow f) =>
        [f.TraceId, f.Severity, f.Finding, f.Title, f.Faults, f.Pages, f.FirstFault, f.FirstSeq, f.Certainty, f.Cause, f.Evidence, f.Advice];

    private static RowSet Catalogued() => new(
        [new("finding", "VARCHAR"), new("severity", "VARCHAR"), new("title", "VARCHAR"), new("meaning", "VARCHAR"), new("kernels", "VARCHAR"), new("cause", "VARCHAR"), new("advice", "VARCHAR"), new("certainty", "VARCHAR"), new("recognised", "VARCHAR"), new("rows", "VARCHAR")],
        [.. Catalogue.All.Select(f => new object?[] { f.Id, Finding.Spell(f.Severity), f.Title, f.Meaning, f.Kernels, f.Cause, f.Advice, f.Certainty, f.Recognised, f.Rows })]);
}
