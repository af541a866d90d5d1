using System.Diagnostics;
using System.Globalization;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// Kills at random moments over all commands that write, in every second case beside another process on the same dataset: what can be
/// read is always what an undisturbed run leaves, or nothing. `TRACEREPLAY_KILLS=1000` makes a campaign of it, `TRACEREPLAY_KILLS_SEED`
/// says where it begins.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    /// <summary>Tries on one dataset, which is then finished, compared and begun anew.</summary>
    private const int Together = 10;

    private const string Night = "2026-11-20";
    private const string Old = "2026-10-01";
    private static readonly string[] s_samples = ["6.12-mmio", "6.12-ttmsmall"];

    private const string Content = """
        SELECT 'events', trace_id, count(*), sum(hash(e)) FROM kvm_page_fault e GROUP BY ALL
        UNION ALL SELECT 'exits', trace_id, count(*), sum(hash(e)) FROM kvm_exit e GROUP BY ALL
        UNION ALL SELECT 'faults', trace_id, count(*), sum(hash(f)) FROM faults f GROUP BY ALL
        UNION ALL SELECT 'outcomes', trace_id, count(*), sum(hash(o)) FROM outcomes o GROUP BY ALL
        UNION ALL SELECT 'windows', trace_id, count(*), sum(hash(w)) FROM windows w GROUP BY ALL
        UNION ALL SELECT 'violations', trace_id, count(*), sum(hash(v)) FROM violations v GROUP BY ALL
        UNION ALL SELECT 'costs', trace_id, count(*), sum(hash(c)) FROM cost_counts c GROUP BY ALL
        ORDER BY ALL
        """;

    [Fact]
    public void Whatever_is_killed_what_can_be_read_is_what_an_undisturbed_run_leaves()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SIGKILL");
        int kills = Setting("TRACEREPLAY_KILLS", 6);
        int seed = Setting("TRACEREPLAY_KILLS_SEED", 1);
        Random random = new(seed);
        using var scratch = new Scratch();
        Fill(scratch);
        foreach (string[] command in new[] { Ingest(scratch, Night, "ref"), Ingest(scratch, Old, "ref"), ["replay", "-d", scratch["ref"]], ["cost", "-d", scratch["ref"], "--repetitions", "0"] })
        {
            Assert.Equal(0, scratch.Run(command).Code);
        }

        HashSet<string> reference = [.. Rows(scratch, "ref")];
        Assert.True(reference.Count >= 20, string.Join('\n', reference));
        Dictionary<string, TimeSpan> lengths = new(StringComparer.Ordinal);
        SortedDictionary<string, (int Killed, int Beside)> killed = new(StringComparer.Ordinal);
        int dead = 0, ended = 0;
        Stopwatch clock = Stopwatch.StartNew();
        for (int n = 0; dead < kills; n++)
        {
            if (n % Together == 0)
            {
                Finish(scratch, reference, n);
                Directory.Delete(scratch["data"], recursive: true);
            }

            string[][] commands = Commands(scratch);
            string[] victim = commands[random.Next(commands.Length)];
            string[]? other = random.Next(2) == 0 ? null : commands[random.Next(commands.Length)];
            Process? second = other is null ? null : Tool.Start(other, scratch.Root);
            Stopwatch life = Stopwatch.StartNew();
            using Process first = Tool.Start(victim, scratch.Root);

            // A moment of the command's own life, behind the start of the runtime, in which nothing is written; what waits for another lives longer.
            TimeSpan length = lengths.GetValueOrDefault(Name(victim), TimeSpan.FromSeconds(2));
            if (!first.WaitForExit(length * (0.15 + (random.NextDouble() * (second is null ? 0.9 : 1.6)))))
            {
                first.Kill();
                first.WaitForExit();
                dead++;
                (int all, int beside) = killed.GetValueOrDefault(Name(victim));
                killed[Name(victim)] = (all + 1, beside + (second is null ? 0 : 1));
            }
            else
            {
                ended++;
                lengths[Name(victim)] = (length + life.Elapsed) / 2;
            }

            if (second is not null)
            {
                (int code, string error) = Ended(second);

                // A night that is in the way, or a dataset that is not there yet, is said.
                bool said = error.Contains("holds it", StringComparison.Ordinal) || error.Contains("found no", StringComparison.Ordinal);
                Assert.True(code == 0 || (code is 3 or 4 && said), $"seed {seed}, {n}: {string.Join(' ', other!)} beside a killed {Name(victim)}: {code} {error}");
                second.Dispose();
            }

            Check(scratch, reference, $"seed {seed}, {n}: killed {string.Join(' ', victim)} beside {other?[0] ?? "nothing"}");
            if (dead > 0 && dead % 100 == 0)
            {
                output.WriteLine($"{dead} kills in {clock.Elapsed.TotalSeconds:0} s");
            }
        }

        Finish(scratch, reference, kills);
        output.WriteLine($"{dead} kills from seed {seed} in {clock.Elapsed.TotalSeconds:0} s, {killed.Values.Sum(k => k.Beside)} beside another process: {string.Join(", ", killed.Select(k => $"{k.Key} {k.Value.Killed}"))}; {ended} ended before");
    }

    private static string Name(string[] command) => command[0] + (command.Contains("--retention") ? " with retention" : "");

    private static (int Code, string Error) Ended(Process process)
    {
        Task<string> error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), "a command does not end beside a killed one");
        return (process.ExitCode, error.Result);
    }

    private static string[][] Commands(Scratch scratch) =>
    [
        Ingest(scratch, Night, "data"),
        Ingest(scratch, Old, "data"),
        ["replay", "-d", scratch["data"]],
        ["cost", "-d", scratch["data"], "--repetitions", "0"],
        ["compact", "-d", scratch["data"]],
        ["nightly", "--inbox", scratch["inbox"], "-d", scratch["data"], "--out", scratch["out"], "--settle", "0"],
        ["nightly", "--inbox", scratch["inbox"], "-d", scratch["data"], "--out", scratch["out"], "--settle", "0", "--retention", "5", "--retention-most"],
    ];

    private static string[] Ingest(Scratch scratch, string date, string dataset) =>
        ["ingest", scratch[$"inbox/h1/{date}"], "-d", scratch[dataset], "--host", "h1", "--date", date];

    private static void Fill(Scratch scratch)
    {
        foreach (string date in (string[])[Night, Old])
        {
            Directory.CreateDirectory(scratch[$"inbox/h1/{date}"]);
            foreach (string sample in s_samples)
            {
                // What stands behind the data makes it a capture of its own.
                File.WriteAllBytes(scratch[$"inbox/h1/{date}/{sample}.dat"], [.. File.ReadAllBytes(Path.Combine(Tool.Samples, sample + ".trace.dat")), .. System.Text.Encoding.ASCII.GetBytes(date)]);
            }
        }
    }

    /// <summary>Each trace that is there has all its events; each table has a trace's rows as the reference has them, or none.</summary>
    private static void Check(Scratch scratch, HashSet<string> reference, string what)
    {
        if (!Directory.Exists(scratch["data/traces/manifests"]))
        {
            return;
        }

        string[] rows = Rows(scratch, "data");
        Assert.True(rows.All(reference.Contains), $"{what}:\n{string.Join('\n', rows.Where(r => !reference.Contains(r)))}");
        string[] traces = Query(scratch, "data", "SELECT trace_id FROM traces ORDER BY 1");
        Assert.True(traces.SequenceEqual(rows.Where(r => r.StartsWith("events,", StringComparison.Ordinal)).Select(r => r.Split(',')[1]).Order(StringComparer.Ordinal)), $"{what}: a trace without its events");
    }

    /// <summary>What was begun is finished by running it again.</summary>
    private static void Finish(Scratch scratch, HashSet<string> reference, int n)
    {
        foreach (string[] command in new[] { Ingest(scratch, Night, "data"), Ingest(scratch, Old, "data"), ["replay", "-d", scratch["data"]], ["cost", "-d", scratch["data"], "--repetitions", "0"], ["compact", "-d", scratch["data"]] })
        {
            ToolResult result = scratch.Run(command);
            Assert.True(result.Code == 0, $"{n}: {command[0]}: {result.Code} {result.Error}");
        }

        Assert.Equal(reference.Order(StringComparer.Ordinal), Rows(scratch, "data").Order(StringComparer.Ordinal));
        Assert.DoesNotContain(Directory.EnumerateFiles(scratch["data"], "*.tmp", SearchOption.AllDirectories), f => f.Contains("manifests", StringComparison.Ordinal));
    }

    private static string[] Rows(Scratch scratch, string dataset) => Query(scratch, dataset, Content);

    /// <summary>In this process, as starting another takes longer than the answer; a file that is left out is a failure.</summary>
    private static string[] Query(Scratch scratch, string dataset, string sql)
    {
        using LeftOutLines said = new(scratch[dataset]);
        using DatasetSession session = DatasetSession.Open(scratch[dataset]);
        string[] rows = [.. session.Select(sql, row => string.Join(',', Enumerable.Range(0, row.FieldCount).Select(i => Convert.ToString(row.GetValue(i), CultureInfo.InvariantCulture))))];
        Assert.Empty(said.Lines);
        return rows;
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
