using System.Diagnostics;
using TraceReplay.Ingest.Dataset;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// A replay that is killed while its results get their names leaves all of the old ones or all of the new ones to who reads next. The
/// states between are made here from a list of what is to be renamed, as a dead process leaves it.
/// </summary>
public sealed class PlacementTests(PlacementTests.Replayed replayed) : IClassFixture<PlacementTests.Replayed>, IDisposable
{
    private const string Content = """
        SELECT 'faults', count(*), sum(hash(f)) FROM faults f
        UNION ALL SELECT 'outcomes', count(*), sum(hash(o)) FROM outcomes o
        UNION ALL SELECT 'violations', count(*), sum(hash(v)) FROM violations v
        UNION ALL SELECT 'assumptions', count(*), sum(hash(a)) FROM assumptions a
        UNION ALL SELECT 'invariants', count(*), sum(hash(i)) FROM invariants i
        ORDER BY ALL
        """;

    private readonly Scratch _scratch = replayed.Copied();

    private string Id => replayed.Id;

    public void Dispose() => _scratch.Dispose();

    /// <summary>A capture, replayed with one model (data) and with all (new).</summary>
    public sealed class Replayed : IDisposable
    {
        private readonly Scratch _scratch = new();

        public Replayed()
        {
            Assert.Equal(0, _scratch.Run("ingest", Path.Combine(Tool.Samples, "6.12-mmio.trace.dat"), "-d", _scratch["data"]).Code);
            Id = Path.GetFileNameWithoutExtension(Directory.GetFiles(_scratch["data/traces/manifests"], "*.json").Single());
            Assert.Equal(0, _scratch.Run("replay", "-d", _scratch["data"]).Code);
            Copy(_scratch["data"], _scratch["new"]);
            Assert.Equal(0, _scratch.Run("replay", "-d", _scratch["data"], "--model", "v11").Code);
            (Before, After) = (Rows(_scratch, "data"), Rows(_scratch, "new"));
            Assert.NotEqual(Before, After);
        }

        internal string Id { get; }

        internal string[] Before { get; }

        internal string[] After { get; }

        internal Scratch Copied()
        {
            Scratch copy = new();
            Copy(_scratch["data"], copy["data"]);
            Copy(_scratch["new"], copy["new"]);
            return copy;
        }

        public void Dispose() => _scratch.Dispose();
    }

    [Fact]
    public void Half_renamed_results_are_whole_for_who_comes_next()
    {
        MakeHalfPlaced();
        Copy(_scratch["data"], _scratch["half"]);
        Assert.Equal(replayed.After, Rows(_scratch, "data"));
        Assert.Empty(Left("data"));

        // Whoever comes first: what folds, and what writes anew, must not take the half for the whole.
        foreach (string[] next in (string[][])[["compact", "-d", _scratch["next"]], ["replay", "-d", _scratch["next"]], ["report", "-d", _scratch["next"], "-o", _scratch["page.html"]]])
        {
            Copy(_scratch["half"], _scratch["next"]);
            ToolResult result = _scratch.Run(next);
            Assert.True(result.Code is 0 or 1, $"{next[0]}: {result.Code} {result.Error}");
            Assert.Equal(replayed.After, Rows(_scratch, "next"));
            Assert.Empty(Left("next"));
        }
    }

    [Fact]
    public void A_replay_that_dies_before_its_list_is_whole_changes_nothing()
    {
        MakeHalfPlaced(move: false);
        string list = _scratch[$"data/traces/placing/{Id}.txt"];
        File.Move(list, $"{list}.{Environment.MachineName}.{DeadProcess()}-1.tmp");
        Assert.Equal(replayed.Before, Rows(_scratch, "data"));
        Assert.Equal(0, _scratch.Run("replay", "-d", _scratch["data"]).Code);
        Assert.Equal(replayed.After, Rows(_scratch, "data"));
        Assert.Empty(Left("data"));
    }

    [Fact]
    public void Results_whose_writer_lives_are_left_to_it()
    {
        MakeHalfPlaced();
        using (DatasetLock.OfResults(_scratch["data"], Id, TestContext.Current.CancellationToken))
        {
            Placement.Settle(_scratch["data"]);
            Assert.NotEmpty(Left("data"));
        }

        Assert.Equal(replayed.After, Rows(_scratch, "data"));
    }

    [Theory]
    [InlineData("../../outside.tmp\tresults/faults/date=2026-11-20/host=h/ID.parquet\nend\n")]
    [InlineData("x.tmp\tresults/../../ID.parquet\nend\n")]
    [InlineData("x.tmp\tevents/kvm.kvm_exit/date=2026-11-20/host=h/ID.parquet\nend\n")]
    [InlineData("x.tmp\tresults/faults/date=2026-11-20/host=h/other.parquet\nend\n")]
    [InlineData("x.tmp\tresults/faults")]
    [InlineData("")]
    public void A_list_that_no_replay_wrote_renames_nothing(string text)
    {
        string list = _scratch[$"data/traces/placing/{Id}.txt"];
        Directory.CreateDirectory(Path.GetDirectoryName(list)!);
        File.WriteAllText(_scratch["outside.tmp"], "mine");
        File.WriteAllText(list, text.Replace("ID", Id, StringComparison.Ordinal));
        string[] before = Directory.GetFiles(_scratch["data/results"], "*", SearchOption.AllDirectories);
        using LeftOutLines said = new(_scratch["data"]);
        Assert.Empty(Placement.Settle(_scratch["data"]));
        Assert.Contains(said.Lines, line => line.StartsWith(list, StringComparison.Ordinal));
        Assert.False(File.Exists(list));
        Assert.True(File.Exists(_scratch["outside.tmp"]));
        Assert.Equal(before, Directory.GetFiles(_scratch["data/results"], "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void On_a_read_only_file_system_the_capture_is_left_out_and_said()
    {
        MakeHalfPlaced();

        // A mount in a namespace of its own, where that is allowed: elsewhere nothing can be made read-only for root.
        string script = $"mount --bind '{_scratch["data"]}' '{_scratch["data"]}' && mount -o remount,ro,bind '{_scratch["data"]}' && exec {Tool.ShellWords} query -d '{_scratch["data"]}' --format csv --sql 'SELECT count(*) FROM outcomes'";
        Assert.SkipUnless(OperatingSystem.IsLinux() && Shell("true").Code == 0, "no namespaces for mounts");
        (int code, string output, string error) = Shell(script);
        Assert.Equal(4, code);
        Assert.Contains("died while its results got their names", error, StringComparison.Ordinal);
        Assert.Equal("0", output.Trim().Split('\n')[^1]);
        Assert.Equal(replayed.After, Rows(_scratch, "data"));
    }

    private static (int Code, string Output, string Error) Shell(string script)
    {
        using Process process = Process.Start(new ProcessStartInfo("unshare") { ArgumentList = { "-rm", "sh", "-c", script }, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>What a replay leaves that was killed between two renames: every second file has its name.</summary>
    private void MakeHalfPlaced(bool move = true)
    {
        string ending = $".{Environment.MachineName}.{DeadProcess()}-1.tmp";
        List<string> list = [];
        foreach (string whole in Directory.GetFiles(_scratch["new/results"], "*.parquet", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string path = Path.GetRelativePath(_scratch["new"], whole);
            File.Copy(whole, Path.Combine(_scratch["data"], path + ending));
            list.Add(Path.GetFileName(path) + ending + "\t" + path);
        }

        Assert.True(list.Count > 4);
        Directory.CreateDirectory(_scratch["data/traces/placing"]);
        File.WriteAllText(_scratch[$"data/traces/placing/{Id}.txt"], string.Join('\n', list.Append("end")) + "\n");
        for (int i = 0; move && i < list.Count; i += 2)
        {
            string path = Path.Combine(_scratch["data"], list[i].Split('\t')[1]);
            File.Move(path + ending, path, overwrite: true);
        }
    }

    private static int DeadProcess()
    {
        using Process process = Process.Start("true");
        process.WaitForExit();
        return process.Id;
    }

    private IEnumerable<string> Left(string dataset) => Directory.EnumerateFiles(_scratch[dataset], "*", SearchOption.AllDirectories)
        .Where(f => f.EndsWith(".tmp", StringComparison.Ordinal) || f.Contains("placing", StringComparison.Ordinal));

    private static void Copy(string from, string to)
    {
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }

        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private static string[] Rows(Scratch scratch, string dataset)
    {
        ToolResult result = scratch.Run("query", "-d", scratch[dataset], "--format", "csv", "--sql", Content);
        Assert.True((result.Code, result.Error) == (0, ""), $"{result.Code} {result.Error}");
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
