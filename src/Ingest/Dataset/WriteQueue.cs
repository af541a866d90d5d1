namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Batches on their way into files: those of one table in order, different tables at once, on the thread pool. A producer that
/// is too far ahead writes a batch itself instead of waiting, so that no processor idles.
/// </summary>
internal sealed class WriteQueue
{
    // Until the capture's id is known batches only gather, up to this size: tables get their names at once then, and the processors have
    // enough to do with decoding and hashing.
    public const long EarlyLimit = 40 << 20;

    private readonly object _lock = new();
    private readonly Queue<EventTable> _ready = [];
    private Exception? _failure;
    private readonly int _jobs;
    private readonly Task _begin;
    private readonly long _earlyLimit;
    private int _unwritten;
    private long _early;

    /// <param name="begin">When writing begins, if not before.</param>
    /// <param name="earlyLimit">Bytes of batches with which it begins before.</param>
    public WriteQueue(int jobs, Task begin, long earlyLimit = EarlyLimit)
    {
        (_jobs, _begin, _earlyLimit) = (jobs, begin, earlyLimit);
        begin.ContinueWith(_ => Wake(), TaskScheduler.Default);
    }

    /// <summary>Queues a batch. Returns at once unless more than <c>jobs</c> batches wait.</summary>
    public void Submit(EventTable table, RowBatch batch, long bytes)
    {
        lock (_lock)
        {
            _unwritten++;
            table.Queued.Enqueue(batch);
            if (!table.Busy)
            {
                table.Busy = true;
                _ready.Enqueue(table);
            }
        }

        if (!_begin.IsCompleted && (_early += bytes) < _earlyLimit)
        {
            return;
        }

        if (_jobs > 1)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static q => q.TryWriteOne(), this, preferLocal: false);
        }

        Help(_jobs > 1 ? _jobs : 0);
    }

    /// <summary>Returns when all is written; throws what went wrong.</summary>
    public void Drain() => Help(0);

    /// <summary>Drops what nobody has begun and returns when nobody writes any more.</summary>
    public void Abandon()
    {
        _failure ??= new OperationCanceledException();
        HelpDown(0);
    }

    /// <summary>Puts the other workers to what has gathered.</summary>
    private void Wake()
    {
        for (int i = 1; i < _jobs; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static q =>
                {
                    while (q.TryWriteOne())
                    {
                    }
                },
                this,
                preferLocal: false);
        }
    }

    private void Help(int leave)
    {
        HelpDown(leave);
        if (_failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
        }
    }

    private void HelpDown(int leave)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_unwritten <= leave)
                {
                    return;
                }

                if (_ready.Count == 0)
                {
                    // All that is left is in other hands, and each of them pulses when done.
                    Monitor.Wait(_lock);
                    continue;
                }
            }

            TryWriteOne();
        }
    }

    private bool TryWriteOne()
    {
        EventTable table;
        RowBatch batch;
        lock (_lock)
        {
            if (!_ready.TryDequeue(out table!))
            {
                return false;
            }

            batch = table.Queued.Dequeue();
        }

        try
        {
            if (_failure is null)
            {
                table.Write(batch);
            }
        }
        catch (Exception e)
        {
            _failure ??= e;
        }

        lock (_lock)
        {
            _unwritten--;
            table.Busy = table.Queued.Count > 0;
            if (table.Busy)
            {
                _ready.Enqueue(table);
            }

            Monitor.PulseAll(_lock);
        }

        return true;
    }
}
