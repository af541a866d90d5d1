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
        Option<string?> scenario = CommonOptions.Scenario();
        scenario.Description = "What ran in the captures that this run takes (default: the file's name; a marker's word where all have one name)";
        Option<int?> settle = Number("--settle", "SECONDS", "Leave files that changed less long ago for the next run", 60, least: 0);
        Option<int?> baseline = Number("--baseline-nights", "N", "Earlier nights to compare with", 14, least: 1);
        Option<int?> retention = Number("--retention", "DAYS", "Days before the night that the dataset keeps (default: all)", null, least: 1, most: 36_500);
        var retentionMost = new Option<bool>("--retention-most") { Description = "Let --retention remove more than half of the dataset's days" };
        var followLinks = new Option<bool>("--follow-links") { Description = "Follow links in the inbox" };
        Option<int?> wait = Number("--wait", "SECONDS", "Wait while another run holds the dataset, an hour if no time is given (default: do not)", null, least: 1, most: 30 * 86_400);
        wait.Arity = ArgumentArity.ZeroOrOne;
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
            inbox, dataset, output, jobs, memory, date, shard, scenario, settle, baseline, retention, retentionMost, followLinks, wait, failOn,
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
                Scenario = parse.GetValue(scenario),
                Settle = TimeSpan.FromSeconds(parse.GetValue(settle)!.Value),
                BaselineNights = parse.GetValue(baseline)!.Value,
                RetentionDays = parse.GetValue(retention),
                RetentionMost = parse.GetValue(retentionMost),
                FollowLinks = parse.GetValue(followLinks),
                Wait = parse.GetResult(wait) is null or { Implicit: true } ? TimeSpan.Zero : TimeSpan.FromSeconds(parse.GetValue(wait) ?? DefaultWait),
                Waiting = terminal.Note,
            };
            NightlyResult result = NightlyRunner.Run(options, _ => { }, ct);
            int code = Tell(result, terminal);
            IReadOnlyList<string> asked = Names.Split(parse.GetValue(failOn));
            terminal.Flush();
            terminal.Next("query", "-d", options.Dataset, "regressions");
            return result switch
            {
                { Report: { } report } => FindingsFirst(Check(report.Night, report.IsRegression, asked, options.Dataset, terminal), code),
                { Unchanged: { } last } => FindingsFirst(Check(last.Night, last.IsRegression, asked, options.Dataset, terminal), code),
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
    private const int MostUnjudged = 5;
    private const int DefaultWait = 3600;

    // A damaged upload must not hide what the night found; summary.json and metrics.prom tell both.
    private static int FindingsFirst(int findings, int other) => findings == ExitCode.Findings ? findings : Math.Max(findings, other);

    private static int Tell(NightlyResult result, Terminal terminal)
    {
        foreach (string failure in result.Inbox.Failures)
        {
            terminal.Error(failure);
        }

        terminal.Out.WriteLine(NightText.Inbox(result.Inbox));
        foreach (string other in result.Inbox.Others.Take(MostNamed))
        {
            terminal.Out.WriteLine($"  {other}");
        }

        if (result.Inbox.Others.Count > MostNamed)
        {
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and {result.Inbox.Others.Count - MostNamed} more"));
        }

        if (result.Inbox.Links > 0)
        {
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {result.Inbox.Links} links were not followed (--follow-links follows them)"));
        }

        foreach (string line in result.Retention?.Lines() ?? [])
        {
            terminal.Out.WriteLine(line);
        }

        if (result.Report is { } report)
        {
            terminal.Out.WriteLine($"night: {NightText.Headline(report)}");
            foreach (string line in NightText.Findings(report))
            {
                terminal.Out.WriteLine($"  {line}");
            }

            foreach (string line in NightText.Unjudged(report, MostUnjudged))
            {
                terminal.Out.WriteLine($"  {line}");
            }
        }

        if (result.Unchanged is { } last)
        {
            terminal.Out.WriteLine($"night: {last.Headline} (as reported before, nothing has changed)");
        }

        return result.Retention?.Refused is not null || result.Inbox.EnvironmentFailed && result.Inbox.Failures.Any(f => f.Contains("No space left", StringComparison.Ordinal)) ? ExitCode.Environment
            : result.Inbox.Failures.Count > 0 ? ExitCode.Input
            : ExitCode.Done;
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

    private static Option<int?> Number(string name, string help, string description, int? otherwise, int least, int most = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = help,
        DefaultValueFactory = otherwise is null ? null : _ => otherwise,
        CustomParser = result =>
        {
            if (result.Tokens.Count == 0)
            {
                return otherwise;
            }

            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most)
            {
                return value;
            }

            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {result.Tokens[0].Value}: expected a number from {least}{(most == int.MaxValue ? "" : $" to {most}")}"));
            return otherwise;
        },
    };
}
