namespace TraceReplay.Replay.State;

/// <summary>One gfn_to_pfn cache: a user address whose page the kernel keeps at hand.</summary>
public sealed class PfnCache(ulong uhva)
{
    public ulong Uhva { get; } = uhva;

    /// <summary>The sequence that the lookup began with.</summary>
    public ulong Snapshot { get; set; }

    public bool Valid { get; set; }

    /// <summary>A window over the address has begun since the lookup.</summary>
    public bool WindowSince { get; set; }
}

/// <summary>A VM's pfn caches and what the notifier does to them (spec 4.1): every start invalidates, whether or not a memslot matches.</summary>
public sealed class PfnCaches
{
    private readonly Dictionary<int, PfnCache> _byId = [];

    /// <summary>mn_active_invalidate_count.</summary>
    public int ActiveWindows { get; private set; }

    /// <summary>gpc_invalidate_seq (7.3): +1 at every end.</summary>
    public ulong Seq { get; private set; }

    public PfnCache? Find(int id) => _byId.GetValueOrDefault(id);

    public PfnCache Lookup(int id, ulong uhva, ulong snapshot) => _byId[id] = new PfnCache(uhva) { Snapshot = snapshot };

    public void WindowBegins(ulong start, ulong end)
    {
        ActiveWindows++;
        foreach (PfnCache cache in _byId.Values)
        {
            if (cache.Uhva >= start && cache.Uhva < end)
            {
                cache.Valid = false;
                cache.WindowSince = true;
            }
        }
    }

    public void WindowEnds()
    {
        Seq++;
        ActiveWindows = Math.Max(0, ActiveWindows - 1);
    }
}
