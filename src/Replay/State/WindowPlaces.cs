namespace TraceReplay.Replay.State;

/// <summary>What a retry check finds over all orders of events that the records allow.</summary>
public enum RetryVerdict : byte
{
    /// <summary>In none of them does it say retry.</summary>
    No = 0,

    /// <summary>In some of them.</summary>
    Maybe,

    /// <summary>In all of them.</summary>
    Yes,
}

/// <summary>Where a fault took its snapshot of mmu_invalidate_seq, and where one of its retry checks lies.</summary>
/// <param name="SnapshotAfter">Place after which the snapshot was taken.</param>
/// <param name="SnapshotBefore">Place before which it was.</param>
/// <param name="SnapshotPlusOne">Its recorded value + 1: it counts the ends before it exactly; 0 if not recorded.</param>
/// <param name="CheckAfter">Place after which the check lies.</param>
/// <param name="CheckBefore">Place before which it lies.</param>
/// <param name="Fault">Place of the fault among the open ones: a window that its own lookup opened lies between its snapshot and the checks behind the lookup.</param>
/// <param name="BeforeLookup">The check is the one before the lookup.</param>
/// <param name="PassedAfter">Place after which an earlier check lies that is known to have let the fault go on; <see cref="long.MinValue"/> if none is.</param>
public readonly record struct CheckPlaces(
    long SnapshotAfter, long SnapshotBefore, ulong SnapshotPlusOne, long CheckAfter, long CheckBefore, int Fault, bool BeforeLookup, long PassedAfter = long.MinValue)
{
    /// <summary>Place after which the fault began.</summary>
    public long BeganAfter { get; } = SnapshotAfter;
}

/// <summary>
/// The notifier windows of a VM that matched a memslot, each with the places between which it began and ended. A window's begin
/// and end are moments inside mmu_lock that no record marks exactly; two things of which one certainly comes first have places that
/// do not overlap (spec 4.1, 15.3).
/// </summary>
public sealed class WindowPlaces
{
    private const long Open = long.MaxValue;
    private const int Crowded = 64;

    private Window[] _windows = new Window[8];
    private int _count;

    /// <summary>Windows that are remembered: those that have not ended, and those that an open fault may have met.</summary>
    public int Count => _count;

    /// <summary>A window that may have begun.</summary>
    /// <param name="id">Its number; negative for one that is known by its range only.</param>
    /// <param name="start">First hva byte.</param>
    /// <param name="end">Behind the last hva byte.</param>
    /// <param name="first">What it adds to the hull, in the unit of the hull (gfns, or hva bytes): first.</param>
    /// <param name="last">Behind the last.</param>
    /// <param name="after">Place after which it begins.</param>
    /// <param name="before">Place before which it has begun.</param>
    /// <param name="fault">The open fault whose lookup opened it; -1 if none did.</param>
    public void Add(long id, ulong start, ulong end, ulong first, ulong last, long after, long before, int fault)
    {
        if (_count == _windows.Length)
        {
            Array.Resize(ref _windows, 2 * _count);
        }

        _windows[_count++] = new Window { Id = id, Start = start, End = end, First = first, Last = last, BeginAfter = after, BeginBefore = before, EndAfter = Open, EndBefore = Open, Fault = fault };
    }

    /// <summary>The window may have ended from this place on.</summary>
    public void MayEnd(long id, long after)
    {
        if (IndexOf(id, 0, 0) is >= 0 and var index)
        {
            _windows[index].EndAfter = after;
        }
    }

    /// <summary>The window has ended.</summary>
    /// <param name="id">Its number; negative: the newest open one over [start, end).</param>
    /// <param name="start">First hva byte.</param>
    /// <param name="end">Behind the last hva byte.</param>
    /// <param name="after">Place after which it ended.</param>
    /// <param name="before">Place before which it had.</param>
    /// <param name="seqPlusOne">mmu_invalidate_seq after its end; 0 if not recorded.</param>
    /// <returns>Whether there was such a window.</returns>
    public bool End(long id, ulong start, ulong end, long after, long before, ulong seqPlusOne)
    {
        int index = IndexOf(id, start, end);
        if (index < 0)
        {
            return false;
        }

        ref Window window = ref _windows[index];
        window.EndAfter = after;
        window.EndBefore = before;
        window.SeqAfter = seqPlusOne;
        return true;
    }

    /// <summary>How many windows are in progress at a place: at least, and at most.</summary>
    public (int Fewest, int Most) InProgress(long place)
    {
        int fewest = 0;
        int most = 0;
        for (int i = 0; i < _count; i++)
        {
            ref Window window = ref _windows[i];
            fewest += window.BeginBefore <= place && window.EndAfter >= place ? 1 : 0;
            most += window.BeginAfter <= place && window.EndBefore >= place ? 1 : 0;
        }

        return (fewest, most);
    }

    /// <summary>
    /// Whether some window may end behind a snapshot and begin before a check; where none does, <see cref="Check"/> says no, which asks the
    /// same of places that are narrower still.
    /// </summary>
    /// <param name="snapshotAfter">Place after which the snapshot was taken.</param>
    /// <param name="snapshotPlusOne">Its recorded value + 1; 0 if not recorded.</param>
    /// <param name="checkBefore">Place before which the check lies.</param>
    public bool MayMeet(long snapshotAfter, ulong snapshotPlusOne, long checkBefore)
    {
        foreach (ref readonly Window window in _windows.AsSpan(0, _count))
        {
            if (window.BeginAfter < checkBefore && window.MayEndBehind(snapshotAfter, snapshotPlusOne))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The retry check (spec 4.1): a window over <paramref name="x"/> is in progress, or one has ended since the snapshot.
    /// </summary>
    /// <param name="looked">Where the fault looked.</param>
    /// <param name="x">The page in the unit of the hull.</param>
    /// <param name="anyRange">The check knows no range (arm64).</param>
    /// <param name="isOpen">A window over it may be in progress; otherwise it is the sequence that moved.</param>
    public RetryVerdict Check(in CheckPlaces looked, ulong x, bool anyRange, out bool isOpen)
    {
        CheckPlaces places = Narrow(in looked);
        RetryVerdict verdict = RetryVerdict.No;
        isOpen = false;
        for (int i = 0; i < _count; i++)
        {
            ref Window window = ref _windows[i];
            bool counted = places.SnapshotPlusOne != 0 && window.SeqAfter != 0;
            if (!window.MayEndBehind(places.SnapshotAfter, places.SnapshotPlusOne) || window.BeginAfter >= places.CheckBefore)
            {
                continue;
            }

            if (window.IsOf(in places))
            {
                verdict = places.BeforeLookup ? verdict : RetryVerdict.Yes;
                continue;
            }

            // What would have made the earlier check say retry had ended before the snapshot, since it did not.
            if (window.EndBefore <= places.PassedAfter
                || (window.BeginBefore <= places.PassedAfter && (anyRange || IsCovered(i, x, places with { CheckAfter = places.PassedAfter }, certain: true))))
            {
                continue;
            }

            bool endsAfterSnapshot = counted || window.EndAfter >= places.SnapshotBefore;
            bool mayHaveEnded = window.EndAfter < places.CheckBefore;
            bool hasEnded = window.EndBefore <= places.CheckAfter;
            bool covers = anyRange || IsCovered(i, x, in places, certain: false);
            if (!covers && !mayHaveEnded)
            {
                continue;
            }

            isOpen |= covers && window.EndBefore > places.CheckAfter;
            bool certainlyOver = covers && window.BeginBefore <= places.CheckAfter && (anyRange || IsCovered(i, x, in places, certain: true));
            bool certain = verdict == RetryVerdict.Yes || (endsAfterSnapshot && (hasEnded || certainlyOver));
            verdict = certain ? RetryVerdict.Yes : RetryVerdict.Maybe;
        }

        return verdict;
    }

    /// <summary>
    /// What the windows tell of the fault's own places: a recorded snapshot lies behind the ends that it counts and before the others, and a
    /// window that the fault's lookup opened lies between its two lock-free checks.
    /// </summary>
    private CheckPlaces Narrow(in CheckPlaces looked)
    {
        (long snapshotAfter, long snapshotBefore) = (looked.SnapshotAfter, looked.SnapshotBefore);
        (long checkAfter, long checkBefore, long passedAfter) = (looked.CheckAfter, looked.CheckBefore, looked.PassedAfter);
        for (int i = 0; i < _count; i++)
        {
            ref Window window = ref _windows[i];
            if (looked.SnapshotPlusOne != 0 && window.SeqAfter != 0)
            {
                if (window.SeqAfter < looked.SnapshotPlusOne)
                {
                    snapshotAfter = Math.Max(snapshotAfter, window.EndAfter);
                }
                else
                {
                    snapshotBefore = Math.Min(snapshotBefore, window.EndBefore);
                }
            }

            if (window.IsOf(in looked))
            {
                snapshotBefore = Math.Min(snapshotBefore, window.BeginBefore);
                checkBefore = looked.BeforeLookup ? Math.Min(checkBefore, window.BeginBefore) : checkBefore;
                checkAfter = looked.BeforeLookup || window.EndAfter == Open ? checkAfter : Math.Max(checkAfter, window.EndAfter);
            }
        }

        return looked with
        {
            SnapshotAfter = snapshotAfter,
            SnapshotBefore = snapshotBefore,
            CheckAfter = Math.Max(checkAfter, snapshotAfter),
            CheckBefore = checkBefore,
            PassedAfter = passedAfter == long.MinValue ? passedAfter : Math.Max(passedAfter, snapshotAfter),
        };
    }

    /// <summary>
    /// Forgets windows that ended before any fault that is still open began, and before any window began that is still remembered: what
    /// they have added to the hull counts as long as one that they overlapped does.
    /// </summary>
    /// <param name="oldest">Place of the oldest open fault's snapshot; <see cref="long.MaxValue"/> if none is open.</param>
    public void Forget(long oldest)
    {
        bool grew = _count <= Crowded;
        while (grew)
        {
            grew = false;
            for (int i = 0; i < _count; i++)
            {
                ref Window window = ref _windows[i];
                if (window.BeginAfter < oldest && (window.EndBefore == Open || window.EndBefore > oldest))
                {
                    oldest = window.BeginAfter;
                    grew = true;
                }
            }
        }

        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (_windows[i].EndBefore == Open || _windows[i].EndBefore > oldest)
            {
                _windows[kept++] = _windows[i];
            }
        }

        _count = kept;
    }

    /// <summary>
    /// Windows in progress at one time share one hull, which is reset only when none is left. Those that certainly follow each other
    /// without a gap certainly share it.
    /// </summary>
    private bool IsCovered(int index, ulong x, in CheckPlaces places, bool certain)
    {
        ref Window own = ref _windows[index];
        if (x >= own.First && x < own.Last)
        {
            return true;
        }

        if (_count == 1)
        {
            return false;
        }

        ulong first = own.First;
        ulong last = own.Last;
        long from = certain ? own.BeginBefore : own.BeginAfter;

        // If it has ended by the check, the sequence has moved: the hull is asked for where it has not.
        long to = certain ? Math.Max(own.EndAfter, places.CheckAfter) : own.EndBefore;
        bool grew = true;
        while (grew)
        {
            grew = false;
            for (int i = 0; i < _count; i++)
            {
                ref Window other = ref _windows[i];
                if (places.BeforeLookup && other.IsOf(in places))
                {
                    continue;
                }

                long otherFrom = certain ? other.BeginBefore : other.BeginAfter;
                long otherTo = certain ? other.EndAfter : other.EndBefore;
                if (otherFrom > to || otherTo < from || otherFrom > otherTo || (certain ? otherFrom > places.CheckAfter : otherFrom >= places.CheckBefore)
                    || (other.First >= first && other.Last <= last && otherFrom >= from && otherTo <= to))
                {
                    continue;
                }

                first = Math.Min(first, other.First);
                last = Math.Max(last, other.Last);
                from = Math.Min(from, otherFrom);
                to = Math.Max(to, otherTo);
                grew = true;
            }
        }

        return x >= first && x < last;
    }

    private int IndexOf(long id, ulong start, ulong end)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            ref Window window = ref _windows[i];
            if (id >= 0 ? window.Id == id : window.EndBefore == Open && window.Start == start && window.End == end)
            {
                return i;
            }
        }

        return -1;
    }

    private struct Window
    {
        public long Id;
        public ulong Start;
        public ulong End;
        public ulong First;
        public ulong Last;
        public long BeginAfter;
        public long BeginBefore;
        public long EndAfter;
        public long EndBefore;
        public ulong SeqAfter;
        public int Fault;

        /// <summary>It may end behind a snapshot; that both are counted is exact.</summary>
        public readonly bool MayEndBehind(long snapshotAfter, ulong snapshotPlusOne) =>
            snapshotPlusOne != 0 && SeqAfter != 0 ? SeqAfter > snapshotPlusOne - 1 : EndBefore > snapshotAfter;

        /// <summary>The fault's own lookup opened it.</summary>
        public readonly bool IsOf(in CheckPlaces fault) => Fault >= 0 && Fault == fault.Fault && BeginAfter > fault.BeganAfter;
    }
}
