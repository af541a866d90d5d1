using System.CommandLine;
using System.Globalization;
using TraceReplay.Analysis.Nightly;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay nightly`: the scheduled job.</summary>
internal static class NightlyCommand
{
    private const string Regression = "regression";

    public static (Command Command, string[] Examples) Create()
    {
        var inbox = new Option<string>("--inbox") { Description = "Directory that captures are uploaded to: [CLASS/]HOST/[YYYY-MM-DD/]SCENARIO.…", HelpName = "DIR", Required = true };
        Option<string> dataset = CommonOptions.Dataset();
        var output = new Option<string>("--out") { Description = "Directory for report.html, junit.xml, summary.json and metrics.prom", HelpName = "DIR", Required = true };
        Option<int> jobs = CommonOptions.Jobs();
        jobs.Description = "Captures worked on at once (default: one for each processor)";
        Option<int?> memory = Number("--memory", "MIB", "Memory that the captures worked on at once may take together (default: three quarters of the machine's, or of the container's)", null, least: 64);
        var date = new Option<DateOnly?>("--date") { Description = "The night to report (default: the newest that has captures)", HelpName = "YYYY-MM-DD", CustomParser = Day };
        var shard = new Option<Shard?>("--shard")
        {
            Description = "Take only part I of N of the inbox, and report nothing: a later run without it does",
            HelpName = "I/N",
            CustomParser = result => Parsed(result, Shard.Parse(result.Tokens[0].Value), "expected I/N with I from 1 to N"),
        };
        Option<int?> settle = Number("--settle", "SECONDS", "Leave files that changed less long ago for the next run", 60, least: 0);
        Option<int?> baseline = Number("--baseline-nights", "N", "Earlier nights to compare with", 14, least: 1);
        var retention = new Option<int?>("--retention") { Description = "Days that the dataset keeps (default: all)", HelpName = "DAYS" };
        var wait = new Option<bool>("--wait") { Description = "Wait while another run holds the dataset" };
        var failOn = new Option<string[]>("--fail-on")
        {
            Description = $"Exit with 1 if the night has findings of these kinds, separated by commas: {Regression}, {string.Join(", ", Findings.Kinds)}",
            HelpName = "KIND,…",
            DefaultValueFactory = _ => [Regression],
        };
        failOn.Validators.Add(Names.Validator(failOn, [Regression, .. Findings.Kinds], "kind of finding"));
        failOn.CompletionSources.Add([Regression, .. Findings.Kinds]);
        var command = new Command("nightly", "The scheduled job: ingests and replays what is new in an inbox, and compares the night with those before")
        {
            inbox, dataset, output, jobs, memory, date, shard, settle, baseline, retention, wait, failOn,
        };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            NightOptions options = new()
            {
                Inbox = parse.GetValue(inbox)!,
                Dataset = parse.GetValue(dataset)!,
                Output = parse.GetValue(output)!,
                Jobs = parse.GetValue(jobs),
                MemoryMiB = parse.GetValue(memory) ?? (int)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3 >> 20),
                Date = parse.GetValue(date),
                Shard = parse.GetValue(shard),
                Settle = TimeSpan.FromSeconds(parse.GetValue(settle)!.Value),
                BaselineNights = parse.GetValue(baseline)!.Value,
                RetentionDays = parse.GetValue(retention),
                Wait = parse.GetValue(wait),
            };
            NightlyResult result = NightlyRunner.Run(options, _ => { }, ct);
            int code = Tell(result, terminal);
            IReadOnlyList<string> asked = Names.Split(parse.GetValue(failOn));
            terminal.Flush();
            terminal.Next("query", "-d", options.Dataset, "regressions");
            return result switch
            {
                { Report: { } report } => Math.Max(code, Check(report.Night, report.IsRegression, asked, options.Dataset, terminal)),
                { Unchanged: { } last } => Math.Max(code, Check(last.Night, last.IsRegression, asked, options.Dataset, terminal)),
                _ => code,
            };
        }));
        return (command,
        [
            "tracereplay nightly --inbox /srv/captures -d /srv/night --out /srv/www/night",
            "tracereplay nightly --inbox /srv/captures -d /srv/night --out /srv/www/night --shard 3/16",
        ]);
    }

    private const int MostNamed = 20;

    private static int Tell(NightlyResult result, Terminal terminal)
    {
        foreach (string failure in result.Inbox.Failures)
        {
            terminal.Error(failure);
        }

        string growing = result.Inbox.Growing > 0 ? string.Create(CultureInfo.InvariantCulture, $", {result.Inbox.Growing} too young and left for the next run") : "";
        string others = result.Inbox.Others.Count > 0 ? string.Create(CultureInfo.InvariantCulture, $", {result.Inbox.Others.Count} new files are no captures") : "";
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"inbox: {result.Inbox.Files} files, {result.Inbox.New} new captures{growing}{others}"));
        foreach (string other in result.Inbox.Others.Take(MostNamed))
        {
            terminal.Out.WriteLine($"  {other}");
        }

        if (result.Inbox.Others.Count > MostNamed)
        {
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and {result.Inbox.Others.Count - MostNamed} more"));
        }

        if (result.Report is { } report)
        {
            terminal.Out.WriteLine($"night: {NightText.Headline(report)}");
            foreach (string line in NightText.Findings(report))
            {
                terminal.Out.WriteLine($"  {line}");
            }
        }

        if (result.Unchanged is { } last)
        {
            terminal.Out.WriteLine($"night: {last.Headline} (as reported before, nothing has changed)");
        }

        return result.Inbox.Failures.Count > 0 ? ExitCode.Input : ExitCode.Done;
    }

    private static int Check(DateOnly night, bool isRegression, IReadOnlyList<string> asked, string dataset, Terminal terminal)
    {
        int code = asked.Contains(Regression) && isRegression ? ExitCode.Findings : ExitCode.Done;
        List<string> others = [.. asked.Where(k => k != Regression)];
        if (others.Count > 0)
        {
            using DatasetSession session = DatasetSession.Open(dataset);
            Findings.Ask(session, session.Select("SELECT trace_id FROM traces WHERE date = $night::DATE", r => r.GetString(0), ("night", night.ToDateTime(TimeOnly.MinValue))));
            code = Math.Max(code, Findings.Check(session, others, terminal));
        }

        return code;
    }

    private static DateOnly? Day(System.CommandLine.Parsing.ArgumentResult result) => Parsed<DateOnly?>(
        result,
        DateOnly.TryParseExact(result.Tokens[0].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day) ? day : null,
        "expected YYYY-MM-DD");

    private static T? Parsed<T>(System.CommandLine.Parsing.ArgumentResult result, T? value, string expected)
    {
        if (value is null)
        {
            result.AddError($"{result.Tokens[0].Value}: {expected}");
        }

        return value;
    }

    private static Option<int?> Number(string name, string help, string description, int? otherwise, int least) => new(name)
    {
        Description = description,
        HelpName = help,
        DefaultValueFactory = otherwise is null ? null : _ => otherwise,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least)
            {
                return value;
            }

            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {result.Tokens[0].Value}: expected a number from {least}"));
            return otherwise;
        },
    };
}
