using System.Globalization;
using System.Text;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// One run at a time on a dataset, or shards of a night beside each other, each once: a shard shares the lock that a run over the whole
/// dataset has for itself, as that folds the files that a shard reads. The system frees the locks when a process dies.
/// </summary>
public sealed class NightlyLock : IDisposable
{
    /// <summary>Folder below the dataset for what nightly remembers.</summary>
    public const string Folder = "nightly";

    /// <summary>Name of the lock over the whole dataset.</summary>
    public const string All = "all";

    private readonly List<FileStream> _files;

    private NightlyLock(List<FileStream> files) => _files = files;

    /// <param name="name">What is locked: <see cref="All"/>, or a shard.</param>
    /// <param name="wait">How long to wait while somebody else holds it.</param>
    /// <param name="waiting">Gets one line once the wait has begun.</param>
    /// <exception cref="AnalysisException">Somebody else holds it, and goes on to for as long as that; or it cannot be written.</exception>
    public static NightlyLock Take(string dataset, string name, TimeSpan wait, Action<string>? waiting, CancellationToken ct)
    {
        try
        {
            return TakeOrWait(dataset, name, wait, waiting, ct);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{dataset}: {e.Message}", e);
        }
    }

    private static NightlyLock TakeOrWait(string dataset, string name, TimeSpan wait, Action<string>? waiting, CancellationToken ct)
    {
        string folder = Path.Combine(dataset, Folder);
        Directory.CreateDirectory(folder);
        DateTime began = DateTime.UtcNow;
        while (true)
        {
            List<FileStream> taken = [];
            string busy = name == All || TryShare(folder, taken) ? name : All;
            if (busy == name && TryTake(folder, name, taken))
            {
                string holder = string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName}\n");
                File.WriteAllText(Path.Combine(folder, $"lock-{name}.holder"), holder, new UTF8Encoding(false));
                return new NightlyLock(taken);
            }

            taken.ForEach(file => file.Dispose());
            // Beside the lock, as a locked file cannot be read everywhere.
            string who = Path.Combine(folder, $"lock-{busy}.holder");
            string by = File.Exists(who) ? File.ReadAllText(who).Trim() : "a shard";
            if (waiting is not null && wait > TimeSpan.Zero)
            {
                waiting($"{dataset}: waiting for the nightly run that holds it ({by})");
                waiting = null;
            }

            if (DateTime.UtcNow - began >= wait)
            {
                throw new AnalysisException(AnalysisFailure.Environment, $"{dataset}: a nightly run holds it ({by}), expected to be alone; {(wait > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"waited {wait.TotalSeconds:0} s") : "--wait waits for it")}");
            }

            if (ct.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(200)))
            {
                throw new OperationCanceledException(ct);
            }
        }
    }

    private static bool TryTake(string folder, string name, List<FileStream> taken) => TryOpen(Path.Combine(folder, $"lock-{name}"), FileAccess.ReadWrite, FileShare.None, taken);

    private static bool TryShare(string folder, List<FileStream> taken)
    {
        string path = Path.Combine(folder, $"lock-{All}");
        if (!File.Exists(path))
        {
            // Made without a lock: another shard may hold its share by now.
            using FileStream made = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        }

        return TryOpen(path, FileAccess.Read, FileShare.Read, taken);
    }

    private static bool TryOpen(string path, FileAccess access, FileShare share, List<FileStream> taken)
    {
        try
        {
            taken.Add(new FileStream(path, share == FileShare.None ? FileMode.OpenOrCreate : FileMode.Open, access, share));
            return true;
        }
        catch (IOException e) when (DatasetLock.IsHeld(e))
        {
            return false;
        }
    }

    // The file stays: removing it would let two runs lock two files of one name.
    public void Dispose() => _files.ForEach(file => file.Dispose());
}
