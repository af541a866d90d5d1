namespace TraceReplay.Replay.State;

/// <summary>
/// A VM's side of the retry protocol (spec 4.1): the sequence count, the windows in progress and the hull of what they
/// cover. The hull is in gfns (6.8 and later) or in hva bytes (6.1).
/// </summary>
public sealed class InvalidateState
{
    private ulong _hullStart;
    private ulong _hullEnd;

    /// <summary>mmu_invalidate_seq: +1 at each end of a window that matched a slot.</summary>
    public ulong Seq { get; private set; }

    /// <summary>mmu_invalidate_in_progress: windows that matched a slot and have not ended.</summary>
    public int InProgress { get; private set; }

    /// <summary>The hull covers something.</summary>
    public bool HasHull => _hullStart < _hullEnd;

    /// <summary>Begins and ends so far; two equal readings mean that nothing came between.</summary>
    public long Boundaries { get; private set; }

    /// <summary>A window that matched a slot begins; call <see cref="Widen"/> for each range it covers.</summary>
    public void Begin()
    {
        if (InProgress++ == 0)
        {
            _hullStart = ulong.MaxValue;
            _hullEnd = 0;
        }

        Boundaries++;
    }

    /// <summary>Adds [start, end) to the hull.</summary>
    public void Widen(ulong start, ulong end)
    {
        _hullStart = Math.Min(_hullStart, start);
        _hullEnd = Math.Max(_hullEnd, end);
    }

    /// <summary>The window ends: the sequence moves now, not at its begin.</summary>
    public void End()
    {
        Seq++;
        Boundaries++;
        if (InProgress > 0)
        {
            InProgress--;
        }
    }

    /// <summary>Takes over the counts that a probe recorded before the end that is under way; what was lost before is made good.</summary>
    public void Observe(ulong seq, int inProgress)
    {
        Seq = seq;
        InProgress = inProgress > 0 ? inProgress : InProgress;
    }

    /// <summary>A snapshot that is ahead shows that ends were not recorded (lost events).</summary>
    public void CatchUp(ulong snapshot) => Seq = Math.Max(Seq, snapshot);

    /// <summary>The range half of the check: some window is open and the hull holds <paramref name="x"/>.</summary>
    public bool Covers(ulong x) => InProgress > 0 && x >= _hullStart && x < _hullEnd;

    /// <summary>The check under mmu_lock: retry if a window covers <paramref name="x"/> or one has ended since the snapshot.</summary>
    public bool IsStale(ulong snapshot, ulong x) => Covers(x) || Seq != snapshot;
}
