using System.Text.Json;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

public class CommandTests
{
    private static readonly string s_sample = Path.Combine(Tool.Samples, "6.12-mmio.trace.dat");

    [Fact]
    public void Ingest_twice_is_ingest_once()
    {
        using var scratch = new Scratch();
        ToolResult first = scratch.Run("ingest", s_sample, "-d", scratch["data"]);
        Assert.Equal((0, ""), (first.Code, first.Error));
        Assert.EndsWith(",ingested\n", first.Output, StringComparison.Ordinal);
        string[] files = Files(scratch["data"]);
        ToolResult again = scratch.Run("ingest", s_sample, "-d", scratch["data"]);
        Assert.Equal(0, again.Code);
        Assert.EndsWith(",already present\n", again.Output, StringComparison.Ordinal);
        Assert.Equal(files, Files(scratch["data"]));
        Assert.Contains("views.sql", files);
    }

    /// <summary>The first tail page of the first buffer: what the kernel did between kvm_page_fault and -EFAULT.</summary>
    [Fact]
    public void Around_a_fault_are_its_own_steps_in_their_order()
    {
        using var scratch = new Scratch();
        Assert.Equal(0, scratch.Run("run", "-q", Path.Combine(Tool.Samples, "6.12-ttmsmall.trace.dat"), "-d", scratch["data"]).Code);
        ToolResult refused = scratch.Run("query", "-q", "-d", scratch["data"], "--format", "csv", "--sql", "SELECT min(fault_id) FROM faults WHERE observed_outcome = 'EFAULT'");
        ToolResult around = scratch.Run("around", "-d", scratch["data"], "--fault", refused.Output.Split('\n')[1], "--format", "csv");
        Assert.Equal((0, ""), (around.Code, around.Error));
        string[] steps = [.. around.Output.Split('\n').Select(line => line.Split(',')).Where(cells => cells.Length > 5 && cells[5] is "the fault" or "its step").Select(cells => cells[4])];
        Assert.Equal(["kvm_page_fault", "tdp_fault", "faultin", "hva_to_pfn", "follow_pfnmap", "follow_pfnmap_ret", "hva_to_pfn_ret", "faultin_ret", "tdp_fault_ret"], steps.Take(9));
        ToolResult none = scratch.Run("around", "-d", scratch["data"], "--fault", "100000");
        Assert.Equal(2, none.Code);
        Assert.Contains("has no fault 100000, expected ", Assert.Single(none.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Standard_input_a_copy_and_a_packed_copy_are_the_same_capture()
    {
        using var scratch = new Scratch();
        byte[] bytes = File.ReadAllBytes(s_sample);
        string id = Id(scratch.Run(["ingest", "-", "-d", scratch["data"], "--host", "h"], bytes));
        string packed = scratch["renamed.txt"];
        using (var gzip = new System.IO.Compression.GZipStream(File.Create(packed), System.IO.Compression.CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        ToolResult again = scratch.Run("ingest", packed, "-d", scratch["data"]);
        Assert.Equal(id, Id(again));
        Assert.EndsWith(",already present\n", again.Output, StringComparison.Ordinal);

        // A pipe that a shell names, as in <(zcat capture.gz).
        Assert.Equal(id, Id(scratch.Run(["ingest", "/dev/stdin", "-d", scratch["data"], "--host", "h"], bytes)));
        Assert.Empty(scratch.LeftBehind());
    }

    [Fact]
    public void A_directory_stands_for_the_captures_in_it_and_says_what_it_left_out()
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["in/deeper"]);
        File.Copy(s_sample, scratch["in/deeper/no-extension"]);
        scratch.Write("in/README.md", "# no capture"u8);
        scratch.Write("in/x.truth.txt", "slot n=1"u8);
        ToolResult result = scratch.Run("ingest", scratch["in"], "-d", scratch["data"]);
        string ignored = $"2 other files ignored\n  {scratch["in/README.md"]}: an unknown format\n  {scratch["in/x.truth.txt"]}: an unknown format\n";
        Assert.Equal((0, ignored), (result.Code, result.Error));
        Assert.Equal(2, result.Output.TrimEnd().Split('\n').Length);
        Assert.Equal("", scratch.Run("ingest", scratch["in"], "-d", scratch["data"], "--quiet").Error);
    }

    [Fact]
    public void A_glob_that_the_shell_did_not_expand_is_expanded()
    {
        using var scratch = new Scratch();
        File.Copy(s_sample, scratch["a.dat"]);
        Assert.Contains(scratch["a.dat"], scratch.Run("ingest", scratch["?.d*t"], "-d", scratch["data"]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_events_asked_for_are_taken_and_host_and_date_are_those_given()
    {
        using var scratch = new Scratch();
        scratch.Run("ingest", s_sample, "-d", scratch["data"], "--events", "kvm:kvm_exit", "--events", "kvm_ent*", "--host", "o'host 7", "--date", "2025-02-03");
        ToolResult result = scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT event, host, date FROM event_counts JOIN traces USING (trace_id) ORDER BY 1");
        Assert.Equal("event,host,date\nkvm_entry,o'host 7,2025-02-03\nkvm_exit,o'host 7,2025-02-03\n", result.Output);
        Assert.Equal("host\no'host 7\n", scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT DISTINCT host FROM kvm_exit").Output);
    }

    [Fact]
    public void A_query_takes_parameters_with_quotes_and_prints_every_format()
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["traces/manifests"]);
        string sql = scratch.Write("q.sql", "SELECT $a AS a, 18446744073709551615::UBIGINT AS u -- the end"u8);
        string[] query = ["query", "-d", scratch.Root, "--file", sql, "--param", "a=it's \"so\"; --", "--format"];
        Assert.Equal("a,u\n\"it's \"\"so\"\"; --\",18446744073709551615\n", scratch.Run([.. query, "csv"]).Output);
        using var json = JsonDocument.Parse(scratch.Run([.. query, "json"]).Output);
        Assert.Equal(ulong.MaxValue, json.RootElement[0].GetProperty("u").GetUInt64());
        Assert.Contains("it's \"so\"; --  18446744073709551615", scratch.Run([.. query, "table"]).Output, StringComparison.Ordinal);
        Assert.Equal((0, ""), Code(scratch.Run([.. query, "parquet", "-o", scratch["o.parquet"]])));
        Assert.Equal("u\n18446744073709551615\n", scratch.Run("query", "-d", scratch.Root, "--sql", $"SELECT u FROM '{scratch["o.parquet"]}'").Output);
    }

    [Fact]
    public void Run_leaves_nothing_behind_unless_asked_to_keep_the_data()
    {
        using var scratch = new Scratch();
        ToolResult result = scratch.Run("run", s_sample);
        Assert.Equal((0, ""), Code(result));
        Assert.Contains("6.12-mmio.trace.dat", result.Output, StringComparison.Ordinal);
        Assert.Empty(scratch.LeftBehind());
        Assert.Equal(0, scratch.Run("run", s_sample, "-d", scratch["data"]).Code);
        Assert.True(File.Exists(Path.Combine(scratch["data"], "views.sql")));
    }

    [Fact]
    public void A_capture_without_any_KVM_event_is_ingested_and_says_what_to_record()
    {
        using var scratch = new Scratch();
        string file = scratch.Write("plain.dat", MinimalTraceDat.WithoutKvm());
        ToolResult run = scratch.Run("run", file, "-d", scratch["data"]);
        Assert.Equal(0, run.Code);
        Assert.Contains("2 events, 0 faults, nothing lost", Flat(run.Output), StringComparison.Ordinal);
        Assert.Contains("nothing to compare: the capture shows no KVM fault", Flat(run.Output), StringComparison.Ordinal);
        Assert.Contains($"tracereplay info {file}", Flat(run.Output), StringComparison.Ordinal);
        Assert.Equal(
            "seq,ts_ns,cpu,pid,comm,value\n0,1000000,0,7,worker,18446744073709551615\n1,1000500,0,7,worker,2\n",
            scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT seq, ts_ns, cpu, pid, comm, value FROM sched_tick ORDER BY seq").Output);

        ToolResult info = scratch.Run("info", file);
        Assert.Equal((0, ""), Code(info));
        Assert.Contains("sched:sched_tick        2", info.Output, StringComparison.Ordinal);
        Assert.Contains("assumed   faults: address and access           nothing to replay without faults (record: event", info.Output, StringComparison.Ordinal);
        Assert.All(info.Output.Split('\n'), line => Assert.InRange(line.Length, 0, Math.Max(100, file.Length)));
        using var json = JsonDocument.Parse(scratch.Run("info", file, "--format", "json").Output);
        Assert.Contains(json.RootElement.EnumerateArray(), r => r.GetProperty("section").GetString() == "event" && r.GetProperty("value").GetString() == "2");
    }

    [Fact]
    public void A_terminal_gets_a_table_and_a_progress_bar_that_goes_away()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "needs script(1) to make a terminal");
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "/usr/bin/script", ["-qec", $"{Tool.ShellWords} run '{s_sample}' && {Tool.ShellWords} models", "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        shell.StandardInput.Close();
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
        Assert.Contains("events", output.Split("fidelity")[0], StringComparison.Ordinal);
        Assert.Contains("model    settings", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_only_dataset_can_be_queried()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix permissions");
            return;
        }

        using var scratch = new Scratch();
        scratch.Run("ingest", s_sample, "-d", scratch["data"]);
        File.SetUnixFileMode(scratch["data"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            Assert.Equal((0, "n\n1\n"), (scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT count(*) AS n FROM traces") is var r ? r.Code : -1, r.Output));
        }
        finally
        {
            File.SetUnixFileMode(scratch["data"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static string Flat(string text) => string.Join(' ', text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));

    private static (int Code, string Error) Code(ToolResult result) => (result.Code, result.Error);

    private static string Id(ToolResult result)
    {
        Assert.Equal(0, result.Code);
        return result.Output.Split('\n')[1].Split(',')[0];
    }

    private static string[] Files(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal)];
}
