using System.CommandLine;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay replay`.</summary>
internal static class ReplayCommand
{
    private const string Verdicts = """
        SELECT t.trace_id, t.kernel, (SELECT count(*) FROM faults f WHERE f.trace_id = t.trace_id) AS faults,
               y.model AS compared_model, y.matched, y.in_set, y.missed, y.lost, y.read_off, y.unknown, y.unobserved, floor(1000000 * y.coverage) / 1000000 AS coverage,
               (SELECT count(*) FROM divergences d WHERE d.trace_id = t.trace_id) AS divergences
        FROM traces t LEFT JOIN fidelity y ON y.trace_id = t.trace_id AND y.quantity = 'outcome'
        WHERE list_contains(getvariable('asked'), t.trace_id)
        ORDER BY t.trace_id, compared_model
        """;

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
            Pipeline.Replay(root, ids, CommonOptions.Replay(parse.GetValue(model), parse.GetValue(setting), parse.GetValue(kernel)) with { IgnoreProbes = parse.GetValue(ignoreProbes) }, terminal, ct);
            using DatasetSession session = DatasetSession.Open(root, ct);
            Findings.Ask(session, ids);
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(session, Verdicts, new Dictionary<string, string>(), terminal, ct);
            terminal.Next("report", "-d", root, "-o", "report.html");
            return Findings.Check(session, Names.Split(parse.GetValue(failOn)), terminal);
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
}
