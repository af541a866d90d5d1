using System.CommandLine;
using System.Globalization;
using TraceReplay.Analysis.Query;
using TraceReplay.Cli.Shell;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay ingest`.</summary>
internal static class IngestCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Argument<string[]> captures = CaptureInputs.Argument();
        Option<string> dataset = CommonOptions.Dataset();
        var events = new Option<string[]>("--events", "-e") { Description = "Only events that match, as system:event or event; repeatable (default: all)", HelpName = "GLOB", DefaultValueFactory = _ => [] };
        var host = new Option<string?>("--host") { Description = "Host that the captures come from (default: as recorded)", HelpName = "NAME" };
        Option<string?> kernel = CommonOptions.Kernel();
        Option<string?> scenario = CommonOptions.Scenario();
        Option<string?> date = CommonOptions.Date("Day of the captures (default: as recorded, else of the file)");
        Option<int> jobs = CommonOptions.Jobs();
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("ingest", "Decodes captures into a dataset; the same capture again is no second copy") { captures, dataset, events, host, kernel, scenario, date, jobs, format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            CaptureInputs inputs = CaptureInputs.Resolve(parse.GetValue(captures)!);
            if (!inputs.Announce(parse.GetValue(captures)!, terminal))
            {
                return ExitCode.Input;
            }

            var options = new IngestOptions
            {
                EventGlobs = parse.GetValue(events)!,
                Host = parse.GetValue(host),
                Kernel = parse.GetValue(kernel),
                Scenario = parse.GetValue(scenario),
                Date = parse.GetValue(date) is { } day ? DateOnly.ParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture) : null,
                Jobs = parse.GetValue(jobs),
            };
            (IReadOnlyList<Ingested> done, int code) = Pipeline.Ingest(inputs, parse.GetValue(dataset)!, options, terminal, ct);
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(Rows(done), terminal, ct);
            if (done.Count > 0)
            {
                terminal.Next("replay", "-d", parse.GetValue(dataset)!);
            }

            return code;
        }));
        return (command,
        [
            "tracereplay ingest capture.trace.dat -d night",
            "tracereplay ingest captures/ -d night --host rack7 --date 2026-11-22",
            "ssh rack7 cat trace.dat | tracereplay ingest - -d night --events 'kvm*:*' --events kmem:mm_page_alloc",
        ]);
    }

    private static RowSet Rows(IReadOnlyList<Ingested> done) => new(
        [new("trace_id", "VARCHAR"), new("path", "VARCHAR"), new("format", "VARCHAR"), new("kernel", "VARCHAR"), new("events", "BIGINT"), new("lost", "BIGINT"), new("status", "VARCHAR")],
        [.. done.Select(d => new object?[]
        {
            d.Result.TraceId, d.Path, d.Result.Manifest.Format, d.Result.Manifest.Kernel, d.Result.Manifest.Events, d.Result.Manifest.Lost,
            d.Result.AlreadyPresent ? "already present" : d.Result.Damage is null ? "ingested" : "ingested up to the damage",
        })]);
}
