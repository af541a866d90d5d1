using System.CommandLine;
using System.Globalization;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Perfetto;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay export`.</summary>
internal static class ExportCommand
{
    private const int Records = 1000;
    private const int MostRecords = 1_000_000;

    public static (Command Command, string[] Examples) Create()
    {
        Option<string> dataset = CommonOptions.Dataset();
        var trace = new Option<string>("--trace") { Description = "The trace, by trace_id or its beginning", HelpName = "ID", Required = true };
        trace.CompletionSources.Add(TraceChoice.Ids);
        var format = new Option<string?>("--format") { Description = "What to write: a trace for ui.perfetto.dev", HelpName = "perfetto", DefaultValueFactory = _ => "perfetto" };
        Names.OneOf(format, "perfetto");
        var output = new Option<string?>("--output", "-o") { Description = "File to write; - or nothing is standard output", HelpName = "FILE" };
        var events = new Option<string[]>("--events") { Description = "Recorded events by name, system.name or pattern, separated by commas; none: only what the models say (default: all)", HelpName = "NAME,…", DefaultValueFactory = _ => ["*"] };
        var fault = new Option<long?>("--fault", "-f") { Description = "Only what went on around this fault: fault_id of the views, first_fault of a finding", HelpName = "N" };
        var records = new Option<int>("--records", "-n") { Description = $"With --fault: records before it and behind its end (1 to {MostRecords})", HelpName = "N", DefaultValueFactory = _ => Records };
        var from = new Option<long?>("--from") { Description = "Only what went on from this time on: ts_ns of the views, the capture's clock", HelpName = "TIME" };
        var until = new Option<long?>("--until") { Description = "Only what went on up to this time", HelpName = "TIME" };
        records.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > MostRecords)
            {
                result.AddError($"--records: expected 1 to {MostRecords}");
            }
        });
        var command = new Command("export", "Writes a trace for another tool: what the kernel recorded, and beside it faults, invalidation windows, buffers and the models' answers") { dataset, trace, events, fault, records, from, until, format, output };
        command.Validators.Add(result =>
        {
            if (result.GetValue(fault) is not null && (result.GetValue(from) ?? result.GetValue(until)) is not null)
            {
                result.AddError("--fault names the times: leave --from and --until out");
            }
            else if (result.GetValue(from) > result.GetValue(until))
            {
                result.AddError($"--from {result.GetValue(from)} is after --until {result.GetValue(until)}");
            }
        });
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string root = parse.GetValue(dataset)!;
            string id = TraceChoice.Resolve(root, [parse.GetValue(trace)!])[0];
            if (parse.GetValue(output) is null or "-" && Terminal.OutputIsTerminal)
            {
                throw new AnalysisException(AnalysisFailure.Usage, "a Perfetto trace would fill the terminal with bytes: give --output FILE, or redirect");
            }

            using DatasetSession session = DatasetSession.OpenTrace(root, id, ct) ?? DatasetSession.Open(root, ct);
            ExportChoice choice = parse.GetValue(fault) is { } number
                ? PerfettoExport.Around(session, id, number, parse.GetValue(records))
                : new ExportChoice { From = parse.GetValue(from) ?? long.MinValue, Until = parse.GetValue(until) ?? long.MaxValue };
            choice = choice with { Events = [.. Names.Split(parse.GetValue(events)).Where(name => name != "none")] };
            Exported written = default;
            if (parse.GetValue(output) is { } file and not "-")
            {
                WholeFile.Write(file, stream => written = PerfettoExport.Write(session, id, choice, stream, ct));
            }
            else
            {
                terminal.Flush();
                using Stream stream = Console.OpenStandardOutput();
                written = PerfettoExport.Write(session, id, choice, stream, ct);
            }

            terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{written.Slices:N0} slices of the models, {written.Events:N0} recorded events"));
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay export -d night --trace 3f2a --format perfetto -o night.perfetto-trace",
            "tracereplay export -d night --trace 3f2a --fault 17 --events 'kvm*,sched_*' -o fault17.perfetto-trace",
            "tracereplay export -d night --trace 3f2a --events none | zstd > night.perfetto-trace.zst",
        ]);
    }
}
