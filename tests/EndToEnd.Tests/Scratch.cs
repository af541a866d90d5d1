namespace TraceReplay.EndToEnd.Tests;

/// <summary>A directory of a test's own, also the program's TMPDIR, so that what is left behind is seen.</summary>
internal sealed class Scratch : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("tracereplay-e2e-").FullName;

    public string this[string name] => Path.Combine(Root, name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public ToolResult Run(params string[] args) => Run(args, input: null);

    public ToolResult Run(string[] args, byte[]? input)
    {
        Directory.CreateDirectory(this["tmp"]);
        return Tool.Run(args, input, Root, new Dictionary<string, string> { ["TMPDIR"] = this["tmp"] });
    }

    /// <summary>Temporary files that the program did not take away.</summary>
    public IEnumerable<string> LeftBehind() => Directory.Exists(this["tmp"])
        ? Directory.EnumerateFileSystemEntries(this["tmp"]).Select(Path.GetFileName).OfType<string>().Where(n => n.StartsWith("tracereplay", StringComparison.Ordinal))
        : [];

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
