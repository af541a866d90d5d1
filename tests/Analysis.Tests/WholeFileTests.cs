using System.Diagnostics;
using Xunit;

namespace TraceReplay.Analysis.Tests;

/// <summary>Files that are whole or not there, and what kills leave of them.</summary>
public sealed class WholeFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_a_killed_process_left_goes_with_the_next_write_and_what_a_living_one_writes_stays()
    {
        using Process ended = Process.Start("true");
        ended.WaitForExit();
        using Process living = Process.Start("sleep", "60");
        try
        {
            string path = Path.Combine(_folder, "report [1]*.html");
            string[] others = [.. new[] { $"report [1]*.html.{Environment.MachineName}.{living.Id}.tmp", $"report [1]*.html.elsewhere.{ended.Id}.tmp", $"other.{Environment.MachineName}.{ended.Id}.tmp" }.Select(n => Path.Combine(_folder, n))];
            string left = $"{path}.{Environment.MachineName}.{ended.Id}.tmp";
            Array.ForEach([left, .. others], f => File.WriteAllText(f, "half"));
            WholeFile.Write(path, output => output.Write("whole"u8));
            Assert.Equal("whole", File.ReadAllText(path));
            Assert.Equal(others.Append(path).Order(StringComparer.Ordinal), Directory.GetFiles(_folder).Order(StringComparer.Ordinal));
        }
        finally
        {
            living.Kill();
        }
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_file_and_nothing_else()
    {
        string path = Path.Combine(_folder, "views.sql");
        File.WriteAllText(path, "old");
        Assert.Throws<InvalidOperationException>(() => WholeFile.Write(path, output =>
        {
            output.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
        Assert.ThrowsAny<IOException>(() => WholeFile.Write(Path.Combine(_folder, "nowhere", "x"), _ => { }));
    }
}
