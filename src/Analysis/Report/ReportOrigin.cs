namespace TraceReplay.Analysis.Report;

/// <summary>Where a report comes from, told at its head.</summary>
/// <param name="Dataset">The dataset's directory as it was named; null if it is not kept.</param>
/// <param name="Command">The command that makes it, whatever the file was called: two reports of one dataset are equal to the byte.</param>
public sealed record ReportOrigin(string? Dataset, string Command)
{
    /// <summary>A directory as a shell takes it.</summary>
    internal string Directory => Dataset is null ? "DATASET" : ShellWord.Of(Dataset);
}
