namespace TraceReplay.Ingest.Capture;

/// <summary>
/// Work that the thread pool may do ahead of need; who needs the result does it himself if nobody has begun. A Task would be
/// waited for while it lies in the pool's queue behind long writes.
/// </summary>
internal sealed class ClaimableWork(Action work) : IThreadPoolWorkItem
{
    private readonly TaskCompletionSource _done = new();
    private int _claimed;
    private Exception? _failure;

    public void Start() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    void IThreadPoolWorkItem.Execute() => TryRun();

    /// <summary>Returns when the work is done; throws what it threw.</summary>
    public void Wait()
    {
        if (!TryRun())
        {
            _done.Task.Wait();
        }

        if (_failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
        }
    }

    /// <summary>Returns when nobody works on it, and nobody will.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _claimed, 1) != 0)
        {
            _done.Task.Wait();
        }
    }

    private bool TryRun()
    {
        if (Interlocked.Exchange(ref _claimed, 1) != 0)
        {
            return false;
        }

        try
        {
            work();
        }
        catch (Exception e)
        {
            _failure = e;
        }

        _done.SetResult();
        return true;
    }
}
