using System.CommandLine;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay replay`.</summary>
internal static class ReplayCommand
{
    private static readonly Column[] s_columns =
    [
        new("trace_id", "VARCHAR"), new("kernel", "VARCHAR"), new("faults", "BIGINT"), new("compared_model", "VARCHAR"), new("matched", "BIGINT"), new("in_set", "BIGINT"),
        new("missed", "BIGINT"), new("lost", "BIGINT"), new("read_off", "BIGINT"), new("unknown", "BIGINT"), new("unobserved", "BIGINT"), new("coverage", "DOUBLE"), new("divergences", "BIGINT"),
    ];

    public static (Command Command, string[] Examples) Create()
    {
        var dataset = new Option<string?>("--dataset", "-d") { Description = "Directory of the dataset", HelpName = "DATASET" };
        Option<string?> script = ScriptReplay.Script();
        Option<string?> vendor = ScriptReplay.Vendor();
        Option<string[]> model = CommonOptions.Model();
        Option<string?> setting = CommonOptions.Setting();
        Option<string?> kernel = CommonOptions.Kernel();
        var trace = TraceChoice.Option("Traces to replay, by trace_id or its beginning (default: all)");
        Option<bool> ignoreProbes = CommonOptions.IgnoreProbes();
        Option<string[]> failOn = CommonOptions.FailOn();
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("replay", "Re-executes the ingested events against the models") { dataset, script, model, setting, vendor, kernel, trace, ignoreProbes, failOn, format, output };
        command.Validators.Add(result =>
        {
            if (result.GetValue(dataset) is null == result.GetValue(script) is null)
            {
                result.AddError("give one of -d DATASET, --script FILE");
            }
            else if (result.GetValue(script) is not null && (result.GetValue(trace)!.Length > 0 || result.GetValue(failOn)!.Length > 0 || result.GetValue(kernel) is not null || result.GetValue(ignoreProbes)))
            {
                result.AddError("--trace, --kernel, --ignore-probes and --fail-on are for a dataset, --script has none");
            }
            else if (result.GetValue(script) is null && result.GetValue(vendor) is not null)
            {
                result.AddError("--vendor is for --script; a capture tells its vendor");
            }
        });
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            if (parse.GetValue(script) is { } file)
            {
                ReplayOptions asked = CommonOptions.Replay(parse.GetValue(model), parse.GetValue(setting), kernel: null);
                return ScriptReplay.Run(file, asked, parse.GetValue(vendor) ?? "npt", new RowOutput(parse.GetValue(format), parse.GetValue(output)), terminal, ct);
            }

            string root = parse.GetValue(dataset)!;
            IReadOnlyList<string> ids = TraceChoice.Resolve(root, Names.Split(parse.GetValue(trace)));
            List<ReplayReport> reports = Pipeline.Replay(root, ids, CommonOptions.Replay(parse.GetValue(model), parse.GetValue(setting), parse.GetValue(kernel)) with { IgnoreProbes = parse.GetValue(ignoreProbes) }, terminal, ct);
            // The rows that `fidelity` has, without a database: one takes as long to start as many a replay.
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(new RowSet(s_columns, [.. reports.OrderBy(report => report.TraceId, StringComparer.Ordinal).Select(Cells)]), terminal, ct);
            terminal.Next("report", "-d", root, "-o", "report.html");
            if (Names.Split(parse.GetValue(failOn)) is not { Count: > 0 } gates)
            {
                return ExitCode.Done;
            }

            using DatasetSession session = DatasetSession.Open(root, ct);
            Findings.Ask(session, ids);
            return Findings.Check(session, gates, terminal);
        }));
        return (command,
        [
            "tracereplay replay -d night",
            "tracereplay replay -d night --model current,merged --trace 3f2a",
            "tracereplay replay -d night --fail-on infidelity,lost",
            "tracereplay replay -d night --trace 3f2a --ignore-probes",
            "tracereplay replay --script scenario.txt --model current,v11 --setting 6.8 --format table",
        ]);
    }

    private static object?[] Cells(ReplayReport report) =>
    [
        report.TraceId, report.Kernel, report.Faults, report.Outcomes?.Model, report.Outcomes?.Matched, report.Outcomes?.InSet, report.Outcomes?.Missed, report.Outcomes?.Lost,
        report.Outcomes?.ReadOff, report.Outcomes?.Unknown, report.Outcomes?.Unobserved, report.Outcomes?.Coverage is { } coverage ? Math.Floor(1000000 * coverage) / 1000000 : null, report.Divergences,
    ];
}
