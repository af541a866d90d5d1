using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TraceReplay.FleetMaker;
using TraceReplay.Ingest.Capture;

Option<DirectoryInfo> output = new("--out") { Description = "The inbox to write: CLASS/HOST/DATE/SCENARIO.NUMBER.trace.dat; planted.json goes beside it.", Required = true };
Option<DirectoryInfo> from = new("--samples") { Description = "The real captures that the made ones are varied from.", DefaultValueFactory = _ => new DirectoryInfo("sample-traces") };
Option<int> captures = new("--captures") { Description = "For each night.", DefaultValueFactory = _ => 1000 };
Option<int> nights = new("--nights") { DefaultValueFactory = _ => 1 };
Option<int> hosts = new("--hosts") { DefaultValueFactory = _ => 40 };
Option<int> classes = new("--classes") { DefaultValueFactory = _ => 2 };
Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1 };
Option<int> events = new("--events") { Description = "Of a sample, about; the cut is where no fault is open.", DefaultValueFactory = _ => 2000 };
Option<int> firstNight = new("--first-night") { Description = "Number of the first night to make; night N is dated N days after --first-date." };
Option<DateOnly> first = new("--first-date") { DefaultValueFactory = _ => new DateOnly(2026, 1, 1), CustomParser = r => DateOnly.ParseExact(r.Tokens[0].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture) };
Option<double> plant = new("--plant") { Description = "Share of the groups that get a regression on the last night." };
Option<bool> wholeClass = new("--plant-class") { Description = "Plants by (class, scenario, kernel), not by (host, scenario, kernel)." };
Option<double> factor = new("--factor") { Description = "Of a latency regression.", DefaultValueFactory = _ => 1.5 };
Option<string> kinds = new("--kinds") { Description = "Of regressions, in turn: latency, outcome, lost.", DefaultValueFactory = _ => "latency,outcome,lost" };

RootCommand root = new("Makes the nights of a fleet from real captures: latencies vary by host, night, capture and fault; some groups get a known regression.")
{
    output, from, captures, nights, firstNight, hosts, classes, seed, events, first, plant, wholeClass, factor, kinds,
};
root.SetAction(parsed =>
{
    Stopwatch clock = Stopwatch.StartNew();
    int cut = parsed.GetValue(events);
    Sample[] samples;
    try
    {
        samples = [.. Directory.EnumerateFiles(parsed.GetValue(from)!.FullName, "*.trace.dat").Order(StringComparer.Ordinal).Select(p => Sample.Read(p, cut))];
    }
    catch (CaptureException e)
    {
        Console.Error.WriteLine(e.Message);
        return 3;
    }

    FleetPlan plan = new(
        parsed.GetValue(output)!.FullName, parsed.GetValue(captures), parsed.GetValue(nights), parsed.GetValue(firstNight), parsed.GetValue(hosts), parsed.GetValue(classes),
        parsed.GetValue(seed), parsed.GetValue(first), parsed.GetValue(plant), parsed.GetValue(factor), parsed.GetValue(kinds)!.Split(','), parsed.GetValue(wholeClass));
    int planted = new Fleet(plan, samples).Make().Count;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{plan.Nights} nights of {plan.Captures} captures, {planted} groups with a regression, {clock.Elapsed.TotalSeconds:0.0} s"));
    return 0;
});

Option<FileInfo> plantedFile = new("--planted") { Description = "planted.json of the night; without it nothing was planted." };
Option<FileInfo> summary = new("--summary") { Description = "summary.json of the night.", Required = true };
Command judge = new("judge", "Counts the planted groups that a night reported, all planted ones, and reported ones with nothing planted.") { plantedFile, summary };
judge.SetAction(parsed => Judge.Print(parsed.GetValue(plantedFile)?.FullName, parsed.GetValue(summary)!.FullName));
root.Add(judge);
return root.Parse(args).Invoke();
