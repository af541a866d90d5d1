using TraceReplay.Ingest.Dataset;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// What <see cref="DatasetDamage"/> tells of files below one directory: the event is the whole process's, in which other tests damage datasets
/// of their own.
/// </summary>
internal sealed class LeftOutLines : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private readonly string _root;

    public LeftOutLines(string root)
    {
        _root = root;
        DatasetDamage.LeftOut += Add;
    }

    public string[] Lines
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    public void Dispose() => DatasetDamage.LeftOut -= Add;

    private void Add(string line)
    {
        if (line.Contains(_root, StringComparison.Ordinal))
        {
            lock (_lock)
            {
                _lines.Add(line);
            }
        }
    }
}
