using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// Kills at random moments over all commands that write, in every second case beside another process on the same dataset: what can be
/// read is always what an undisturbed run leaves, or nothing. `TRACEREPLAY_KILLS=1000` makes a campaign of it, `TRACEREPLAY_KILLS_SEED`
/// says where it begins.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
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
        int killed = 0, beside = 0, folding = 0, finished = 0;
        for (int n = 0; n < kills; n++)
        {
            if (n % 10 == 0)
            {
                Finish(scratch, reference, n);
                Directory.Delete(scratch["data"], recursive: true);
            }

            string[][] commands = Commands(scratch);
            string[] victim = commands[random.Next(commands.Length)];
            string[]? other = random.Next(2) == 0 ? null : commands[random.Next(commands.Length)];
            Process? second = other is null ? null : Tool.Start(other, scratch.Root);
            using Process first = Tool.Start(victim, scratch.Root);
            if (!first.WaitForExit(random.Next(50, 4000)))
            {
                first.Kill();
                first.WaitForExit();
                killed++;
                beside += second is null ? 0 : 1;
                folding += victim[0] is "compact" or "nightly" ? 1 : 0;
            }
            else
            {
                finished++;
            }

            if (second is not null)
            {
                (int code, string error) = Ended(second);

                // A night that is in the way, or a dataset that is not there yet, is said.
                bool said = error.Contains("holds it", StringComparison.Ordinal) || error.Contains("found no", StringComparison.Ordinal);
                Assert.True(code == 0 || (code is 3 or 4 && said), $"seed {seed}, {n}: {string.Join(' ', other!)} beside a killed {victim[0]}: {code} {error}");
                second.Dispose();
            }

            Check(scratch, reference, $"seed {seed}, {n}: killed {string.Join(' ', victim)} beside {other?[0] ?? "nothing"}");
        }

        Finish(scratch, reference, kills);
        output.WriteLine($"{killed} kills ({beside} beside another process, {folding} of runs that fold or remove files), {finished} ended before");
    }

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

    private static string[] Query(Scratch scratch, string dataset, string sql)
    {
        ToolResult result = scratch.Run("query", "-d", scratch[dataset], "--format", "csv", "--sql", sql);
        Assert.True((result.Code, result.Error) == (0, ""), $"{result.Code} {result.Error}");
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)];
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
