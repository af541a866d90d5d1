using System.CommandLine;
using System.Globalization;
using TraceReplay.Analysis.Nightly;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay nightly`.</summary>
internal static class NightlyCommand
{
    private static readonly Dictionary<string, Func<NightSummary, long>> s_findings = new()
    {
        ["regression"] = night => night.Comparisons.Count(c => c.IsRegression),
        ["violation"] = night => night.Violations,
        ["divergence"] = night => night.Divergences,
        ["infidelity"] = night => night.Infidelities,
        ["lost"] = night => night.Lost,
    };

    public static (Command Command, string[] Examples) Create()
    {
        var inbox = new Option<string>("--inbox") { Description = "Directory to which captures are uploaded, as [CLASS/]HOST/[YYYY-MM-DD/]SCENARIO[.anything]", HelpName = "DIR", Required = true };
        Option<string> dataset = CommonOptions.Dataset();
        var output = new Option<string>("--out") { Description = "Directory for report.html, junit.xml, summary.json and metrics.prom", HelpName = "DIR", Required = true };
        Option<int> jobs = CommonOptions.Jobs();
        jobs.Description = "Captures at work at once (default: one for each processor)";
        Option<int> memory = CommonOptions.Memory();
        Option<string?> date = CommonOptions.Date("The night to report (default: the newest in the dataset)");
        var shard = new Option<string?>("--shard") { Description = "Only the I-th of N parts of the inbox: ingest and replay, no comparison and no reports", HelpName = "I/N" };
        shard.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && Shard(result.Tokens[0].Value) is null)
            {
                result.AddError($"--shard {result.Tokens[0].Value}: expected I/N with I from 1 to N");
            }
        });
        Option<int> settle = Number("--settle", "Seconds for which a file must not have been written, else it is left for the next run", "SECONDS", 60, 0);
        Option<int> baseline = Number("--baseline-nights", "Earlier nights to compare with, at most", "N", 14, 1);
        var retention = new Option<int?>("--retention") { Description = "Days that the dataset keeps (default: all)", HelpName = "DAYS" };
        var failOn = new Option<string[]>("--fail-on") { Description = "Exit with 1 if there are findings of these kinds, separated by commas: " + string.Join(", ", s_findings.Keys), HelpName = "KIND,…", DefaultValueFactory = _ => ["regression"] };
        failOn.Validators.Add(Names.Validator(failOn, [.. s_findings.Keys], "kind of finding"));
        failOn.CompletionSources.Add([.. s_findings.Keys]);
        var wait = new Option<bool>("--wait") { Description = "Wait while another run is at work on the dataset, instead of failing" };
        var command = new Command("nightly", "The scheduled job: what is new in the inbox is ingested, replayed, compared with earlier nights, and reported")
        {
            inbox, dataset, output, jobs, memory, date, shard, settle, baseline, retention, failOn, wait,
        };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            var options = new NightOptions
            {
                Inbox = parse.GetValue(inbox)!,
                Dataset = parse.GetValue(dataset)!,
                Out = parse.GetValue(output)!,
                Jobs = parse.GetValue(jobs) is > 0 and int asked ? asked : Environment.ProcessorCount,
                MemoryBytes = (parse.GetValue(memory) is > 0 and int mib ? mib : 2048L) << 20,
                Date = parse.GetValue(date) is { } day ? DateOnly.ParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture) : null,
                Shard = parse.GetValue(shard) is { } part ? Shard(part) : null,
                Settle = TimeSpan.FromSeconds(parse.GetValue(settle)),
                BaselineNights = parse.GetValue(baseline),
                RetentionDays = parse.GetValue(retention),
            };
            using NightLock exclusive = options.Shard is { } mine
                ? NightLock.TakeShard(options.Dataset, mine, parse.GetValue(wait), ct)
                : NightLock.Take(options.Dataset, parse.GetValue(wait), ct);
            NightResult result = Watched(options, terminal, ct);
            Tell(result, options, terminal);
            return Code(result, Names.Split(parse.GetValue(failOn)), terminal);
        }));
        return (command,
        [
            "tracereplay nightly --inbox /srv/inbox -d /srv/fleet --out /srv/www/night",
            "tracereplay nightly --inbox /srv/inbox -d /srv/fleet --out /srv/www/night --retention 90 --jobs 8 --memory 8192",
            "tracereplay nightly --inbox /srv/inbox -d /srv/fleet --out /srv/www/night --shard 3/16",
        ]);
    }

    private static NightResult Watched(NightOptions options, Terminal terminal, CancellationToken ct)
    {
        NightResult? result = null;
        var watcher = new Watcher(terminal);
        using (terminal.HoldMessages())
        {
            result = NightRunner.Run(options, watcher, ct);
        }

        return result;
    }

    private static void Tell(NightResult result, NightOptions options, Terminal terminal)
    {
        IngestedNight done = result.Ingested;
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{done.Done} captures new, {done.Refused.Count} refused, {done.Known} known, {done.Waiting} still being written"));
        if (result.Summary is not { } night)
        {
            return;
        }

        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"night {night.Date:yyyy-MM-dd}: {night.Captures} captures of {night.Hosts} hosts, {night.Faults} faults, fidelity {Share(night.Fidelity)}, {night.Lost} records lost, {night.Refusals.Count} captures refused"));
        List<NightComparison> regressions = [.. night.Comparisons.Where(c => c.IsRegression)];
        terminal.Out.WriteLine(night.BaselineNights.Count == 0
            ? "no earlier night to compare with"
            : string.Create(CultureInfo.InvariantCulture, $"{regressions.Count} regressions in {night.Tests} tests against {night.BaselineNights.Count} earlier nights"));
        foreach (NightComparison c in regressions.Take(20))
        {
            terminal.Out.WriteLine($"  {c.Class} {c.Kernel} {c.Scenario}: {c.Sentence}");
        }

        if (regressions.Count > 20)
        {
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and {regressions.Count - 20} more, in {Path.Combine(options.Out, "summary.json")}"));
        }

        terminal.Flush();
        terminal.Next("query", "-d", options.Dataset, "fidelity");
    }

    private static string Share(double? share) => share is { } s ? string.Create(CultureInfo.InvariantCulture, $"{s * 100:0.##} %") : "unknown";

    /// <summary>The worst code wins: a capture that cannot be read outweighs a regression, a defect of ours both.</summary>
    private static int Code(NightResult result, IReadOnlyList<string> failOn, Terminal terminal)
    {
        int code = ExitCode.Done;
        foreach (string kind in failOn.Where(kind => result.Summary is { } night && s_findings[kind](night) > 0))
        {
            terminal.Error(string.Create(CultureInfo.InvariantCulture, $"--fail-on {kind}: {s_findings[kind](result.Summary!)} found"));
            code = ExitCode.Findings;
        }

        return result.Ingested.Defects > 0 ? ExitCode.Defect : result.Ingested.Refused.Count > 0 ? ExitCode.Input : code;
    }

    private static (int Index, int Count)? Shard(string text)
    {
        string[] parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int index) && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int count) && index >= 1 && index <= count
            ? (index, count)
            : null;
    }

    private static Option<int> Number(string name, string description, string help, int value, int least)
    {
        var option = new Option<int>(name) { Description = string.Create(CultureInfo.InvariantCulture, $"{description} (default: {value})"), HelpName = help, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < least))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {result.Tokens[0].Value}: expected a number from {least}"));
            }
        });
        return option;
    }

    private sealed class Watcher(Terminal terminal) : INightObserver
    {
        private int _all;
        private int _done;

        public void Begin(int captures) => _all = captures;

        public void Done(string name)
        {
            int done = Interlocked.Increment(ref _done);
            if (terminal.ShowsProgress && (done % 10 == 0 || done == _all))
            {
                Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{done} of {_all} captures{(done == _all ? "\n" : "")}"));
            }
        }

        public void Refused(string why)
        {
            lock (this)
            {
                terminal.Error(why);
            }
        }
    }
}
