using System.Diagnostics;
using System.Globalization;
using System.Text;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// Inputs and situations made to break the program, each a reproducer with what must happen. Those that are shared lie beside the
/// checkout (`../shared/adversarial`, EXPECT.txt); the kinds are tested without them in tests/Ingest.Tests/CraftedTests.cs and below.
/// </summary>
public sealed class AdversarialTests
{
    private const long Heap = 512L << 20;
    private const int Seconds = 20;
    private static readonly string s_shared = Path.Combine(Tool.Repository, "..", "shared", "adversarial");
    private static readonly string s_sample = Path.Combine(Tool.Samples, "6.12-mmio.trace.dat");

    /// <summary>File, and the exit codes that `info`, `ingest` and a nightly over it and a good capture may end with.</summary>
    public static TheoryData<string, int[], int[]> Files => new()
    {
        { "warn300k.dat", [0, 3], [0, 3] },
        { "timeshift.dat", [0, 3], [0, 3] },
        { "twicename.dat", [0], [0] },
        { "longname.dat", [0, 3], [0, 3] },
        { "bomb-formats64.dat", [0, 3], [0, 3] },
        { "bomb-oneformat.dat", [0, 3], [0, 3] },
        { "bomb-kallsyms.dat", [0, 3], [0, 3] },
        { "cpus20000.dat", [0, 3], [0, 3] },
        { "dupfields20k.dat", [0, 3], [0, 3] },
        { "v7-options-offset-0.dat", [3], [3] },
        { "perf-unknown-record-types.data", [0, 3], [0, 3] },
        { "bomb1.5G.zst", [3], [0, 3] },
        { "terminal-esc-warning.dat", [0, 3], [0, 3] },
        { "terminal-c1-comm.dat", [0, 3], [0, 3] },
        { "sparse-sptes11k.dat", [0, 3], [0, 3] },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void A_crafted_capture_ends_within_bounds_and_stops_no_other(string name, int[] codes, int[] nightly)
    {
        string file = Shared(name);
        using var scratch = new Scratch();
        foreach (string[] command in new[] { new[] { "info", file }, ["ingest", file, s_sample, "-d", scratch["data"]] })
        {
            ToolResult result = Bounded(scratch, command);
            Assert.True(codes.Contains(result.Code), $"{string.Join(' ', command)}: exit code {result.Code}: {result.Error}");
            AssertPrintable(result);
            Assert.Empty(scratch.LeftBehind());
        }

        ToolResult rows = Bounded(scratch, ["query", "-d", scratch["data"], "--format", "table", "--sql", "from traces"]);
        Assert.Equal((0, ""), (rows.Code, rows.Error));
        AssertPrintable(rows);

        Directory.CreateDirectory(scratch["inbox/h1/2026-11-20"]);
        File.Copy(file, scratch["inbox/h1/2026-11-20/" + name]);
        File.Copy(s_sample, scratch["inbox/h1/2026-11-20/good.trace.dat"]);
        ToolResult night = Bounded(scratch, ["nightly", "--inbox", scratch["inbox"], "-d", scratch["night"], "--out", scratch["out"], "--settle", "0"]);
        Assert.True(nightly.Contains(night.Code), $"nightly: exit code {night.Code}: {night.Error}");
        AssertPrintable(night);
        Assert.Equal("1\n", Rows(scratch, "night", "SELECT count(*) FROM traces WHERE path LIKE '%good.trace.dat'"));
        Assert.Equal("1\n", Rows(scratch, "night", "SELECT count(DISTINCT trace_id) FROM faults WHERE trace_id IN (SELECT trace_id FROM traces WHERE path LIKE '%good.trace.dat')"));
        Assert.True(File.Exists(scratch["out/summary.json"]));
    }

    [Fact]
    public void Events_of_two_ids_and_one_name_are_all_kept()
    {
        string file = Shared("twicename.dat");
        using var scratch = new Scratch();
        Assert.Equal(0, Bounded(scratch, ["ingest", file, "-d", scratch["data"]]).Code);
        Assert.Equal("20\n", Rows(scratch, "data", "SELECT sum(records)::BIGINT FROM event_counts"));
        Assert.Equal("20\n", Rows(scratch, "data", "SELECT count(*) FROM kvm_page_fault"));
    }

    [Fact]
    public void Options_that_were_never_written_are_named_by_their_place()
    {
        string file = Shared("v7-options-offset-0.dat");
        using var scratch = new Scratch();
        Assert.StartsWith($"{file}: offset 0x1b: ", Assert.Single(Bounded(scratch, ["ingest", file, "-d", scratch["data"]]).ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Records_of_unknown_type_are_counted()
    {
        string file = Shared("perf-unknown-record-types.data");
        using var scratch = new Scratch();
        ToolResult info = Bounded(scratch, ["info", file]);
        Assert.Contains("2 records of unknown type 0x1234 were passed over", info.Output + info.Error, StringComparison.Ordinal);
        Assert.Equal(0, Bounded(scratch, ["ingest", file, "-d", scratch["data"]]).Code);
        Assert.Equal("false\n", Rows(scratch, "data", "SELECT complete FROM traces"));
    }

    [Theory]
    [InlineData("lookup-without-slot-a.txt")]
    [InlineData("lookup-without-slot-b.txt")]
    public void A_lookup_whose_memslot_is_not_known_is_replayed(string name)
    {
        string file = Shared(name);
        using var scratch = new Scratch();
        ToolResult result = Bounded(scratch, ["run", file, "--kernel", "6.12.95"]);
        Assert.True(result.Code == 0, result.Error);
    }

    [Fact]
    public void A_date_in_the_future_takes_no_history()
    {
        using var scratch = new Scratch();
        string[] days = [Day(-29), Day(-28)];
        foreach (string day in days)
        {
            Put(scratch, $"h1/{day}/a.dat", day);
        }

        Assert.Equal(0, Night(scratch).Code);
        Put(scratch, "h2/2099-01-01/b.dat", "");
        ToolResult later = Night(scratch, "--retention", "90");
        Assert.Contains("2099-01-01", later.Output, StringComparison.Ordinal);
        Assert.Equal("3\n", Rows(scratch, "data", "SELECT count(*) FROM traces"));

        // Today's capture is reported, whatever is dated later.
        Put(scratch, $"h1/{Day(0)}/c.dat", "today");
        Assert.Contains($"night: {Day(0)}", Night(scratch).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-5")]
    [InlineData("0")]
    [InlineData("36501")]
    [InlineData("ten")]
    public void Retention_is_a_positive_number_of_days(string days)
    {
        using var scratch = new Scratch();
        Put(scratch, $"h1/{Day(-5)}/a.dat", "");
        Assert.Equal(0, Night(scratch).Code);
        Put(scratch, $"h1/{Day(-5)}/b.dat", "b");
        ToolResult result = Night(scratch, "--retention", days);
        Assert.True(result.Code == 2, $"{days}: {result.Code} {result.Error}");
        Assert.Single(result.ErrorLines);
        Assert.Equal("1\n", Rows(scratch, "data", "SELECT count(*) FROM traces"));
    }

    [Fact]
    public void Retention_refuses_to_take_most_of_the_dataset_and_says_what_it_took()
    {
        using var scratch = new Scratch();
        foreach (int ago in (int[])[30, 20, 10, 0])
        {
            Put(scratch, $"h1/{Day(-ago)}/a.dat", $"{ago}");
        }

        ToolResult refused = Night(scratch, "--retention", "5");
        Assert.Equal(4, refused.Code);
        Assert.Contains("retention: refused to remove 3 of 4 days", refused.Output, StringComparison.Ordinal);
        Assert.Equal("4\n", Rows(scratch, "data", "SELECT count(*) FROM traces"));

        ToolResult half = Night(scratch, "--retention", "15");
        Assert.Equal(0, half.Code);
        Assert.Contains($"retention: 2 captures of 2 days removed ({Day(-30)} to {Day(-20)})", half.Output, StringComparison.Ordinal);
        Assert.Contains($"\"{Day(-30)}\"", File.ReadAllText(scratch["out/summary.json"]), StringComparison.Ordinal);
        Assert.Equal("2\n", Rows(scratch, "data", "SELECT count(*) FROM traces"));

        Put(scratch, $"h1/{Day(0)}/b.dat", "b");
        Assert.Equal(0, Night(scratch, "--retention", "1", "--retention-most").Code);
        Assert.Equal("2\n", Rows(scratch, "data", "SELECT count(*) FROM traces"));
    }

    [Fact]
    public void Retention_follows_no_link_out_of_the_dataset()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links");
        using var scratch = new Scratch();
        foreach (int ago in (int[])[30, 1, 0])
        {
            Put(scratch, $"h1/{Day(-ago)}/a.dat", $"{ago}");
        }

        Assert.Equal(0, Night(scratch).Code);
        Directory.CreateDirectory(scratch[$"outside/date={Day(-30)}/host=h1"]);
        File.WriteAllText(scratch[$"outside/date={Day(-30)}/host=h1/precious"], "x");
        Directory.CreateSymbolicLink(scratch["data/events/kvm.linked"], scratch["outside"]);
        Put(scratch, $"h1/{Day(0)}/b.dat", "b");
        ToolResult result = Night(scratch, "--retention", "5");
        Assert.Contains("is a link", result.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(scratch[$"outside/date={Day(-30)}/host=h1/precious"]));
    }

    [Fact]
    public void A_name_that_is_no_text_and_links_in_circles_stop_no_night()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs a Unix shell");
        using var scratch = new Scratch();
        Put(scratch, "h1/a.dat", "");
        using (Process shell = Process.Start(new ProcessStartInfo("bash", ["-c", $"cp '{s_sample}' \"$(printf '{scratch["inbox"]}/h1/inv\\377\\376.dat')\"; ln -s . '{scratch["inbox"]}/h1/l1'; ln -s . '{scratch["inbox"]}/h1/l2'; ln -s / '{scratch["inbox"]}/h1/root'; ln -s '{s_sample}' '{scratch["inbox"]}/h1/out.dat'"]))!)
        {
            shell.WaitForExit();
            Assert.Equal(0, shell.ExitCode);
        }

        ToolResult result = Night(scratch);
        Assert.True(result.Code is 0 or 3, $"{result.Code} {result.Error}");
        Assert.Contains("no UTF-8", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("4 links were not followed", result.Output, StringComparison.Ordinal);
        Assert.Equal("1\n", Rows(scratch, "data", "SELECT count(*) FROM traces"));

        // The library's own removal does not reach a name that is no text.
        using Process remove = Process.Start("rm", ["-rf", scratch["inbox"]]);
        remove.WaitForExit();
    }

    [Fact]
    public void A_night_that_waits_is_bounded_and_says_what_for()
    {
        using var scratch = new Scratch();
        Put(scratch, "h1/a.dat", "");
        Directory.CreateDirectory(scratch["data/nightly"]);
        using FileStream held = new(scratch["data/nightly/lock-all"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        ToolResult result = Night(scratch, "--wait", "1");
        Assert.Equal(4, result.Code);
        Assert.Contains("waiting for the nightly run", result.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains("waited 1 s", result.ErrorLines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void One_manifest_or_table_that_cannot_be_read_costs_its_own_capture()
    {
        using var scratch = new Scratch();
        string other = Path.Combine(Tool.Samples, "6.12-ttmsmall.trace.dat");
        Assert.Equal(0, scratch.Run("ingest", s_sample, other, "-d", scratch["data"]).Code);
        string victim = Directory.GetFiles(scratch["data/events/kvm.kvm_page_fault"], "*.parquet", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        byte[] whole = File.ReadAllBytes(victim);
        File.WriteAllBytes(victim, whole[..^100]);
        ToolResult rows = scratch.Run("query", "-d", scratch["data"], "--format", "csv", "--sql", "SELECT count(DISTINCT trace_id) AS n FROM kvm_page_fault");
        Assert.Equal((4, "n\n1\n"), (rows.Code, rows.Output));
        Assert.StartsWith(victim, Assert.Single(rows.ErrorLines), StringComparison.Ordinal);
        File.WriteAllBytes(victim, whole);

        string manifest = Directory.GetFiles(scratch["data/traces/manifests"], "*.json").Order(StringComparer.Ordinal).First();
        foreach (string content in (string[])["", "{", "{\"trace_id\": 7}", "null", File.ReadAllText(manifest).Replace("\"trace_id\": \"", "\"trace_id\": \"f", StringComparison.Ordinal)])
        {
            File.WriteAllText(manifest, content);
            ToolResult traces = scratch.Run("query", "-d", scratch["data"], "--format", "csv", "--sql", "SELECT count(*) AS n FROM traces");
            Assert.True((traces.Code, traces.Output) == (4, "n\n1\n"), $"'{content[..Math.Min(20, content.Length)]}': {traces.Code} {traces.Output} {traces.Error}");
            Assert.StartsWith(manifest, Assert.Single(traces.ErrorLines), StringComparison.Ordinal);
        }

        Assert.Equal(4, scratch.Run("replay", "-d", scratch["data"]).Code);
        Assert.Equal("1\n", Rows(scratch, "data", "SELECT count(DISTINCT trace_id) FROM faults", code: 4));
    }

    [Fact]
    public void A_dataset_says_its_format_and_a_later_one_is_refused_in_one_line()
    {
        using var scratch = new Scratch();
        Assert.Equal(0, scratch.Run("ingest", s_sample, "-d", scratch["data"]).Code);
        Assert.Contains("\"dataset_format\": 1", File.ReadAllText(Directory.GetFiles(scratch["data/traces/manifests"], "*.json")[0]), StringComparison.Ordinal);
        File.WriteAllText(scratch["data/dataset.json"], "{\"format\": 99, \"written_by\": \"tracereplay 9\"}");
        foreach (string[] command in new[] { new[] { "query", "-d", scratch["data"], "--sql", "from traces" }, ["replay", "-d", scratch["data"]], ["ingest", s_sample, "-d", scratch["data"]] })
        {
            ToolResult refused = scratch.Run(command);
            Assert.True(refused.Code == 3, $"{command[0]}: {refused.Code} {refused.Error}");
            Assert.Contains("format 99 (written by tracereplay 9)", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        }

        File.Delete(scratch["data/dataset.json"]);
        Assert.Equal(0, scratch.Run("query", "-d", scratch["data"], "--sql", "from traces").Code);
    }

    /// <summary>A dataset below names that SQL, globs and partitions give a meaning.</summary>
    [Theory]
    [InlineData("host=zz")]
    [InlineData("date=2026-01-01")]
    [InlineData("back\\slash")]
    [InlineData("quo'te\"s")]
    [InlineData("new\nline")]
    [InlineData("gl[o]b*?")]
    [InlineData("-d")]
    public void A_dataset_may_lie_anywhere(string folder)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "names that Windows has not");
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch[folder]);
        string data = Path.Combine(scratch[folder], "data");
        Assert.Equal(0, scratch.Run("ingest", s_sample, "-d", data).Code);
        Assert.Equal(0, scratch.Run("replay", "-d", data).Code);
        foreach (int round in (int[])[1, 2])
        {
            ToolResult rows = scratch.Run("query", "-d", data, "--format", "csv", "--sql", "SELECT (SELECT count(*) FROM traces) AS t, (SELECT count(*) FROM faults) AS f, (SELECT count(*) FROM kvm_page_fault) AS e, (SELECT any_value(host) FROM faults) = (SELECT host FROM traces) AS h");
            Assert.True((0, "t,f,e,h\n1,452,452,true\n") == (rows.Code, rows.Output), $"{round}: {rows.Output} {rows.Error}");
            AssertPrintable(rows);
            Assert.Equal(0, scratch.Run("compact", "-d", data).Code);
        }
    }

    /// <summary>The one name that an inbox can choose, in every output of every command.</summary>
    [Fact]
    public void No_name_steers_a_terminal_or_a_page()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "names that Windows has not");
        using var scratch = new Scratch();
        const string evil = "e\u001b[31mv\u009bil\u202e\u2066\n\u007f\u2028x";
        string folder = scratch[$"inbox/c{evil}/h{evil}/{Day(0)}"];
        Directory.CreateDirectory(folder);
        string capture = Path.Combine(folder, $"s{evil}.dat");
        File.Copy(s_sample, capture);
        File.WriteAllBytes(Path.Combine(folder, $"cut{evil}.dat"), File.ReadAllBytes(s_sample).AsSpan(0, 5000));
        AssertPrintable(Night(scratch));
        string page = scratch["page.html"];
        foreach (string[] command in new[]
        {
            new[] { "info", capture },
            ["info", capture, "--format", "csv"],
            ["info", folder],
            ["info", scratch[$"missing{evil}"]],
            ["ingest", capture, "-d", scratch["other"], "--host", $"h{evil}"],
            ["run", capture],
            ["run", folder, "-d", scratch["kept"], "--report", page],
            ["replay", "-d", scratch["other"]],
            ["query", "-d", scratch["other"], "--sql", "from traces"],
            ["query", "-d", scratch["other"], "--format", "table", "--sql", "SELECT *, 'x' AS \"a\u001bb\" from traces"],
            ["query", "-d", scratch["other"], "--format", "json", "--sql", "from traces"],
            ["query", "-d", scratch["other"], "--format", "csv", "-o", scratch["rows.csv"], "--sql", "from traces"],
            ["query", "-d", scratch["other"], "--sql", $"from no{evil}"],
            ["report", "-d", scratch["other"], "-o", page],
            ["cost", "-d", scratch["other"], "--repetitions", "0"],
            ["compact", "-d", scratch["other"]],
            [$"ru{evil}"],
            ["query", "-d", scratch[$"missing{evil}"], "--list"],
        })
        {
            AssertPrintable(scratch.Run(command));
        }

        foreach (string file in (string[])[page, scratch["rows.csv"], .. Directory.GetFiles(scratch["out"]), scratch["data/views.sql"], .. Directory.GetFiles(scratch["other/traces"], "*.json", SearchOption.AllDirectories)])
        {
            AssertPrintable(file, File.ReadAllText(file));
        }
    }

    internal static bool Steers(char c) => c is (< ' ' and not '\n') or (>= '\u007f' and <= '\u009f') or '\u061c' or '\u200e' or '\u200f' or '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    private static void AssertPrintable(ToolResult result)
    {
        AssertPrintable("standard output", result.Output);
        AssertPrintable("standard error", result.Error);
    }

    private static void AssertPrintable(string where, string text)
    {
        // Scripts and styles of ours may be indented with tabs.
        int at = text.ToList().FindIndex(c => Steers(c) && !(c is '\t' or '\r' && where.EndsWith(".html", StringComparison.Ordinal)));
        Assert.True(at < 0, at < 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{where}: U+{(int)text[at]:X4} in …{text[Math.Max(0, at - 60)..Math.Min(text.Length, at + 20)]}"));
    }

    private static string Shared(string name)
    {
        string file = Path.GetFullPath(Path.Combine(s_shared, name));
        Assert.SkipUnless(File.Exists(file), "the shared reproducers are not beside this checkout; their kinds are tested without them");
        return file;
    }

    /// <summary>With a heap and a processor time that any input must do with.</summary>
    private static ToolResult Bounded(Scratch scratch, string[] args)
    {
        Directory.CreateDirectory(scratch["tmp"]);
        var environment = new Dictionary<string, string> { ["TMPDIR"] = scratch["tmp"], ["DOTNET_GCHeapHardLimit"] = Heap.ToString("x", CultureInfo.InvariantCulture) };
        string[] through = OperatingSystem.IsWindows() ? [] : ["bash", "-c", $"ulimit -t {Seconds} && exec \"$@\"", "bounded"];
        using Process process = Tool.Start(args, scratch.Root, environment, through);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Close();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), string.Join(' ', args));
        return new ToolResult(process.ExitCode, output.Result, error.Result);
    }

    private static string Rows(Scratch scratch, string dataset, string sql, int code = 0)
    {
        ToolResult rows = scratch.Run("query", "-d", scratch[dataset], "--format", "csv", "--sql", sql);
        Assert.True(code == rows.Code, $"{sql}: {rows.Code} {rows.Error}");
        return rows.Output[(rows.Output.IndexOf('\n', StringComparison.Ordinal) + 1)..];
    }

    private static string Day(int from) => DateTime.UtcNow.AddDays(from).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>A capture of its own: what stands behind the data is read by nobody.</summary>
    private static void Put(Scratch scratch, string place, string own)
    {
        string path = scratch["inbox/" + place];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, [.. File.ReadAllBytes(s_sample), .. Encoding.UTF8.GetBytes(own)]);
    }

    private static ToolResult Night(Scratch scratch, params string[] more) =>
        scratch.Run(["nightly", "--inbox", scratch["inbox"], "-d", scratch["data"], "--out", scratch["out"], "--settle", "0", .. more]);
}
