using System.CommandLine;
using TraceReplay.Analysis.Report.Around;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay around`: from a fault's number to the events that were recorded there.</summary>
internal static class AroundCommand
{
    private const int Records = 14;
    private const int MostRecords = 10_000;

    public static (Command Command, string[] Examples) Create()
    {
        var trace = new Argument<string?>("TRACE") { Description = "Id of a trace, or its beginning (default: the dataset's only one)", HelpName = "TRACE", Arity = ArgumentArity.ZeroOrOne };
        trace.CompletionSources.Add(TraceChoice.Ids);
        Option<string> dataset = CommonOptions.Dataset();
        var fault = new Option<long>("--fault", "-f") { Description = "The fault: fault_id of the views, first_fault of a finding", HelpName = "N", Required = true };
        var records = new Option<int>("--records", "-n") { Description = $"Records before the fault and behind its end (1 to {MostRecords})", HelpName = "N", DefaultValueFactory = _ => Records };
        records.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > MostRecords)
            {
                result.AddError($"--records: expected 1 to {MostRecords}");
            }
        });
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("around", "Shows the events that were recorded around a fault, of all tasks, and what each has to do with it") { trace, dataset, fault, records, format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string root = parse.GetValue(dataset)!;
            IReadOnlyList<string> ids = TraceChoice.Resolve(root, parse.GetValue(trace) is { } id ? [id] : []);
            if (ids.Count != 1)
            {
                terminal.Error($"{root} has {ids.Count} traces, name one: tracereplay around TRACE -d {root} --fault {parse.GetValue(fault)}");
                return ExitCode.Usage;
            }

            using DatasetSession session = DatasetSession.OpenTrace(root, ids[0], ct) ?? DatasetSession.Open(root, ct);
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(FaultContext.Read(session, ids[0], parse.GetValue(fault), parse.GetValue(records)), terminal, ct);
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay around -d one --fault 17",
            "tracereplay around b9cd41 -d night --fault 17 --records 40 --format json",
        ]);
    }
}
