using System.Text.Json;
using TraceReplay.EndToEnd.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(SampleDataset))]

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The sample captures, ingested and replayed once by the program for all tests that ask about them.</summary>
public sealed class SampleDataset : IDisposable
{
    private readonly Scratch _scratch = new();

    public SampleDataset() => Result = _scratch.Run("run", Tool.Samples, "-d", Root);

    public string Root => _scratch["data"];

    internal ToolResult Result { get; }

    /// <summary>The rows of a SELECT, by way of the program and its JSON.</summary>
    internal List<JsonElement> Query(string sql, params string[] parameters)
    {
        ToolResult result = _scratch.Run(["query", "-d", Root, "--format", "json", "--sql", sql, .. parameters.SelectMany(p => new[] { "--param", p })]);
        return result.Code == 0
            ? [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()]
            : throw new InvalidOperationException(result.Error);
    }

    internal ToolResult Run(params string[] args) => _scratch.Run(args);

    /// <summary>A copy of its own for a test that writes: others read this one at the same time.</summary>
    internal Scratch Copy()
    {
        Scratch copy = new();
        foreach (string file in Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories))
        {
            string place = Path.Combine(copy["data"], Path.GetRelativePath(Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            File.Copy(file, place);
        }

        return copy;
    }

    public void Dispose() => _scratch.Dispose();
}
