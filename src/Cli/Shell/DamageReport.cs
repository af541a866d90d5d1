using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Cli.Shell;

/// <summary>Says each file of a dataset that had to be left out, once, and lets the exit code tell that something is missing.</summary>
internal sealed class DamageReport : IDisposable
{
    private readonly Terminal _terminal;
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public DamageReport(Terminal terminal)
    {
        _terminal = terminal;
        DatasetDamage.LeftOut += Say;
    }

    /// <param name="code">What the command came to.</param>
    /// <param name="findingsFirst">Whether findings are told before everything else.</param>
    public int Worse(int code, bool findingsFirst) =>
        _said.Count == 0 || (findingsFirst && code == ExitCode.Findings) ? code : Math.Max(code, ExitCode.Environment);

    public void Dispose() => DatasetDamage.LeftOut -= Say;

    private void Say(string line)
    {
        lock (_lock)
        {
            if (_said.Add(line))
            {
                _terminal.Error(line);
            }
        }
    }
}
