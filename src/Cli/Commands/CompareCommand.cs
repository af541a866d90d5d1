using System.CommandLine;
using System.Globalization;
using TraceReplay.Analysis.Compare;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay compare`.</summary>
internal static class CompareCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        var predicted = new Option<string>("--predicted") { Description = "The trace that a model was replayed over", HelpName = "DATASET/TRACE_ID", Required = true };
        var observed = new Option<string>("--observed") { Description = "A trace of the same scenario from the kernel that the prediction is about", HelpName = "DATASET/TRACE_ID", Required = true };
        var model = new Option<string?>("--model") { Description = "The model that predicts (default: that of the observed kernel)", HelpName = "MODEL" };
        var pages = new Option<bool>("--pages") { Description = "One row for each page instead of the counts" };
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var failOn = new Option<string?>("--fail-on") { Description = "Exit with 1 if a page differs and neither the host nor a rule of the machine says why", HelpName = "infidelity" };
        Names.OneOf(failOn, "infidelity");
        var command = new Command("compare", "Compares a prediction with what another kernel did in the same scenario, guest page by guest page")
        {
            predicted, observed, model, pages, failOn, format, output,
        };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            using var comparison = new Counterfactual(TraceReference.Parse(parse.GetValue(predicted)!), TraceReference.Parse(parse.GetValue(observed)!), parse.GetValue(model));
            string sql = parse.GetValue(pages) ? $"FROM ({Counterfactual.Pages}) ORDER BY verdict <> 'differ', verdict <> 'rule', verdict <> 'host', marker, nth, vm, as_id, gfn" : Counterfactual.Summary;
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(comparison.Session, sql, comparison.Parameters, terminal, ct);
            terminal.Flush();
            (long agree, long differ, long host, long rule, long unknown) = comparison.Totals();
            terminal.Note(string.Create(
                CultureInfo.InvariantCulture,
                $"{comparison.Model}@{comparison.Setting} over a capture of {comparison.PredictedTrace.Kernel ?? "an unknown kernel"} and {comparison.ObservedTrace.Kernel ?? "an unknown kernel"}: {agree} of {agree + differ + rule} pages agree, {(rule > 0 ? string.Create(CultureInfo.InvariantCulture, $"{rule} differ by a rule of the machine, ") : "")}{differ} differ{(comparison.TwoMachines ? " and no rule says why" : "")}, {(host > 0 ? string.Create(CultureInfo.InvariantCulture, $"{host} only because the host differs, ") : "")}{unknown} cannot be compared"));
            if (differ > 0 && !parse.GetValue(pages))
            {
                terminal.Next("compare", "--predicted", parse.GetValue(predicted)!, "--observed", parse.GetValue(observed)!, "--pages");
            }

            return differ > 0 && parse.GetValue(failOn) is not null ? ExitCode.Findings : ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay compare --predicted night/3f2a --observed night/81c0",
            "tracereplay compare --predicted night/81c0 --observed night/3f2a --model current --pages --format csv",
        ]);
    }
}
