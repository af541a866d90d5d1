namespace TraceReplay.Replay.Oracle;

/// <summary>The retry protocol's state (spec 4.1).</summary>
public sealed class Invalidation
{
    public ulong Seq { get; private set; }

    public int InProgress { get; private set; }

    /// <summary>Hull of all outstanding invalidations, in gfns or hva bytes.</summary>
    public (ulong Start, ulong End)? Hull { get; private set; }

    public void Start()
    {
        if (InProgress == 0)
        {
            Hull = null;
        }

        InProgress++;
    }

    public void Add(ulong start, ulong end) =>
        Hull = Hull is { } hull ? (Math.Min(hull.Start, start), Math.Max(hull.End, end)) : (start, end);

    public void End()
    {
        Seq++;
        InProgress--;
    }

    public bool Covers(ulong x) => InProgress > 0 && Hull is { } hull && x >= hull.Start && x < hull.End;
}
