using System.Security.Cryptography;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Finds out who a capture is (SHA-256, contract section 2) and takes its place in the dataset, beside the decoding: hashing
/// reads every byte once more, and until it is done tables have another text where the id belongs (<see cref="ParquetEncoding.StandIn"/>).
/// </summary>
internal sealed class CaptureClaim : IDisposable
{
    /// <summary>Characters of a trace's id.</summary>
    public const int IdLength = 16;

    private readonly CancellationTokenSource _stop;
    private readonly Task<Claimed> _task;

    private sealed record Claimed(string Sha256, DatasetLock? Exclusive);

    public CaptureClaim(CaptureFile file, string dataset, Action<string>? waiting, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _task = Task.Run(() => Claim(file, dataset, waiting, cancellation), cancellation);
    }

    /// <summary>Ends the decoding when the dataset turns out to have the capture already.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Done when the capture may be written, or must not be.</summary>
    public Task Decided => _task;

    /// <summary>Whether the dataset has the capture. Waits, as all below do.</summary>
    public bool AlreadyPresent => _task.GetAwaiter().GetResult().Exclusive is null;

    public string Sha256 => _task.GetAwaiter().GetResult().Sha256;

    public string TraceId => TraceIdOf(Sha256);

    /// <summary>Waits for the hash, as the file must stay open for it, and gives the place free.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _task.ContinueWith(static t => t.IsCompletedSuccessfully ? t.Result.Exclusive : null, TaskScheduler.Default).Result?.Dispose();
        _stop.Dispose();
    }

    private static string TraceIdOf(string sha256) => sha256[..IdLength];

    private Claimed Claim(CaptureFile file, string dataset, Action<string>? waiting, CancellationToken cancellation)
    {
        string sha256 = Hash(file, cancellation);
        string traceId = TraceIdOf(sha256);
        if (!Manifests.Contains(dataset, traceId))
        {
            DatasetLock exclusive = DatasetLock.Take(DatasetLayout.Manifest(dataset, traceId), cancellation, waiting);
            if (!Manifests.Contains(dataset, traceId))
            {
                return new Claimed(sha256, exclusive);
            }

            exclusive.Dispose();
        }

        _stop.Cancel();
        return new Claimed(sha256, null);
    }

    private static string Hash(CaptureFile file, CancellationToken cancellation)
    {
        // SHA256.HashData of a stream reads 4 KiB at a time, and the system calls would cost as much as the hashing.
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[256 << 10];
        long at = 0;
        while (file.ReadBeside(at, buffer) is > 0 and int read)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            at += read;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
