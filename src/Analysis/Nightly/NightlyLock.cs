using System.Globalization;
using System.Text;

namespace TraceReplay.Analysis.Nightly;

/// <summary>One run at a time on a dataset, or on one shard of it; the system frees the lock when a process dies.</summary>
public sealed class NightlyLock : IDisposable
{
    /// <summary>Folder below the dataset for what nightly remembers.</summary>
    public const string Folder = "nightly";

    private readonly FileStream _file;

    private NightlyLock(FileStream file) => _file = file;

    /// <param name="name">What is locked: <c>all</c>, or a shard.</param>
    /// <exception cref="AnalysisException">Somebody else holds it, and <paramref name="wait"/> is false.</exception>
    public static NightlyLock Take(string dataset, string name, bool wait, CancellationToken ct)
    {
        string path = Path.Combine(dataset, Folder, $"lock-{name}");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                string holder = string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName}\n");
                File.WriteAllText(path + ".holder", holder, new UTF8Encoding(false));
                return new NightlyLock(file);
            }
            catch (IOException) when (File.Exists(path))
            {
                if (!wait)
                {
                    // Beside the lock, as a locked file cannot be read everywhere.
                    string by = File.Exists(path + ".holder") ? File.ReadAllText(path + ".holder").Trim() : "another process";
                    throw new AnalysisException(AnalysisFailure.Environment, $"{dataset}: a nightly run holds it ({by}), expected to be alone; --wait waits for it");
                }

                if (ct.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(200)))
                {
                    throw new OperationCanceledException(ct);
                }
            }
        }
    }

    // The file stays: removing it would let two runs lock two files of one name.
    public void Dispose() => _file.Dispose();
}
