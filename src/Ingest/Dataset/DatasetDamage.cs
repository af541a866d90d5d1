namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Tells that a part of a dataset cannot be read and was left out: it costs the captures that it belongs to, never the others, and
/// nobody may take what is left for the whole.
/// </summary>
public static class DatasetDamage
{
    /// <summary>Gets one line for each file that is left out, from any thread.</summary>
    public static event Action<string>? LeftOut;

    internal static void Report(string line) => LeftOut?.Invoke(line);

    /// <param name="path">The file.</param>
    /// <param name="found">What is wrong with it.</param>
    /// <param name="costs">What is left out with it.</param>
    public static void Report(string path, string found, string costs) => Report($"{path}: {found}, {costs} left out");
}
