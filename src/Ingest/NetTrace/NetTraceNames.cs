namespace TraceReplay.Ingest.NetTrace;

/// <summary>Makes names of providers, events and fields, which may be any text, into names of tables and columns.</summary>
internal static class NetTraceNames
{
    // A table is a directory, and a file system takes 255 bytes.
    private const int Longest = 80;

    /// <summary>No dot: it ends the system in a table's name.</summary>
    public static string System(string name) => Clean(name, "unnamed", "-");

    public static string Event(string name) => Clean(name, "unnamed", "-.");

    public static string Field(string name) => Clean(name, "field", "");

    private static string Clean(string? name, string fallback, string also)
    {
        string clean = new([.. (name ?? "").Take(Longest).Select(c => char.IsAsciiLetterOrDigit(c) || also.Contains(c, StringComparison.Ordinal) ? c : '_')]);
        return clean.Trim('.', '_').Length == 0 ? fallback : clean;
    }
}
