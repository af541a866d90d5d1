using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Shadow;

/// <summary>
/// What shadow paging keeps besides the leaves by gfn (spec 6.3): SPTEs by the guest's own address, so that one gfn has many, and
/// the reverse map from gfn to them. Guest page tables, roles and unsync pages are not modelled: one guest address space.
/// </summary>
public sealed class ShadowSptes
{
    /// <summary>RMAP_RECYCLE_THRESHOLD: a gfn with more SPTEs loses all of them.</summary>
    private const int RecycleThreshold = 1000;

    private readonly RadixTable _byGva = new();

    // The gfn that a present SPTE maps, plus one.
    private readonly RadixTable _gfnOf = new();
    private readonly Dictionary<ulong, List<ulong>> _rmap = [];

    /// <summary>Reverse-map entries that were found to lead to an SPTE that is not the gfn's: a use after free in the kernel.</summary>
    public int StaleRmaps { get; private set; }

    public ulong At(ulong gva) => _byGva[gva >> 12];

    /// <summary>A leaf; another gfn's leaf in its place is dropped first, the guest has changed its page table.</summary>
    public void Map(ulong gva, ulong gfn, ulong spte)
    {
        Drop(gva);
        if (!_rmap.TryGetValue(gfn, out List<ulong>? gvas))
        {
            _rmap.Add(gfn, gvas = []);
        }
        else if (gvas.Count >= RecycleThreshold)
        {
            Zap(gfn, gfn + 1);
            _rmap.Add(gfn, gvas = []);
        }

        _byGva[gva >> 12] = spte;
        _gfnOf[gva >> 12] = gfn + 1;
        gvas.Add(gva);
    }

    /// <summary>An MMIO SPTE.</summary>
    /// <returns>False if it was written over a present SPTE, whose reverse-map entry stays behind.</returns>
    public bool MapMmio(ulong gva, ulong spte, bool zapFirst)
    {
        bool present = SpteLayout.IsPresent(At(gva));
        if (present && zapFirst)
        {
            Drop(gva);
        }

        _byGva[gva >> 12] = spte;
        return zapFirst || !present;
    }

    /// <summary>Zaps what the reverse map of gfns [from, end) leads to.</summary>
    public void Zap(ulong from, ulong end)
    {
        if (_rmap.Count == 0)
        {
            return;
        }

        if (end - from > (ulong)_rmap.Count)
        {
            foreach (ulong gfn in _rmap.Keys.Where(gfn => gfn >= from && gfn < end).ToArray())
            {
                ZapGfn(gfn);
            }

            return;
        }

        for (ulong gfn = from; gfn < end; gfn++)
        {
            ZapGfn(gfn);
        }
    }

    public void Clear()
    {
        _byGva.Clear();
        _gfnOf.Clear();
        _rmap.Clear();
    }

    private void ZapGfn(ulong gfn)
    {
        if (!_rmap.Remove(gfn, out List<ulong>? gvas))
        {
            return;
        }

        foreach (ulong gva in gvas)
        {
            if (SpteLayout.IsPresent(At(gva)))
            {
                _byGva[gva >> 12] = 0;
            }
            else
            {
                StaleRmaps++;
            }
        }
    }

    private void Drop(ulong gva)
    {
        ulong old = At(gva);
        if (!SpteLayout.IsPresent(old))
        {
            return;
        }

        ulong gfn = _gfnOf[gva >> 12] - 1;
        if (_rmap.TryGetValue(gfn, out List<ulong>? gvas) && gvas.Remove(gva) && gvas.Count == 0)
        {
            _rmap.Remove(gfn);
        }

        _byGva[gva >> 12] = 0;
    }
}
