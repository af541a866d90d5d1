using System.Globalization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// Keeps two nights of one dataset apart. The system frees it when a process dies, so a killed run leaves nothing to clean up.
/// Shards of one night run beside each other; what works on the whole dataset waits for all of them.
/// </summary>
public sealed class NightLock : IDisposable
{
    private readonly List<FileStream> _held;
    private readonly string? _holder;

    private NightLock(List<FileStream> held, string? holder) => (_held, _holder) = (held, holder);

    /// <summary>The lock over the whole dataset: no other night, no shard, no compaction.</summary>
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="wait">Waits until it is free, instead of failing.</param>
    /// <param name="ct">Ends the waiting.</param>
    /// <exception cref="AnalysisException">Another run has it.</exception>
    public static NightLock Take(string dataset, bool wait, CancellationToken ct) => Take(dataset, null, wait, ct);

    /// <summary>The lock of one shard.</summary>
    public static NightLock TakeShard(string dataset, (int Index, int Count) shard, bool wait, CancellationToken ct) =>
        Take(dataset, string.Create(CultureInfo.InvariantCulture, $"shard-{shard.Index}-of-{shard.Count}"), wait, ct);

    public void Dispose()
    {
        if (_holder is not null)
        {
            File.Delete(_holder);
        }

        _held.ForEach(file => file.Dispose());
    }

    private static NightLock Take(string dataset, string? shard, bool wait, CancellationToken ct)
    {
        string folder = NightFiles.Folder(dataset);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Environment, e.Message, e);
        }

        while (true)
        {
            List<FileStream> held = [];
            string? busy = TryTake(folder, shard, held);
            if (busy is null)
            {
                string holder = Path.Combine(folder, (shard ?? "night") + ".holder");
                File.WriteAllText(holder, string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName}"));
                return new NightLock(held, holder);
            }

            held.ForEach(file => file.Dispose());
            if (!wait)
            {
                string who = Path.Combine(folder, busy + ".holder");
                string holder = File.Exists(who) ? File.ReadAllText(who) : "another process";
                throw new AnalysisException(AnalysisFailure.Environment, $"{dataset}: {holder} is at work on it ({busy}), --wait waits for it");
            }

            if (ct.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(200)))
            {
                throw new OperationCanceledException(ct);
            }
        }
    }

    /// <returns>null, or what is taken.</returns>
    private static string? TryTake(string folder, string? shard, List<FileStream> held)
    {
        // A shard shares the whole dataset's lock with other shards; who wants it whole takes it alone.
        if (!TryOpen(Path.Combine(folder, "night.lock"), shared: shard is not null, held))
        {
            return "night";
        }

        return shard is null || TryOpen(Path.Combine(folder, shard + ".lock"), shared: false, held) ? null : shard;
    }

    private static bool TryOpen(string path, bool shared, List<FileStream> held)
    {
        try
        {
            if (shared && !File.Exists(path))
            {
                using FileStream made = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
            }

            // flock: shared for readers that let others read, else exclusive.
            held.Add(shared
                ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read)
                : new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }
}
