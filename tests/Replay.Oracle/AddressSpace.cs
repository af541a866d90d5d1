using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <summary>The VMM's memory as the operations tell it.</summary>
public sealed class AddressSpace
{
    private readonly Dictionary<ulong, HostLeaf> _leaves = [];
    private List<Mapping> _mappings = [];

    public HostLeaf? LeafAt(ulong hva) => _leaves.GetValueOrDefault(hva / 4096);

    public Mapping? MappingAt(ulong hva) => _mappings.Find(mapping => hva >= mapping.Start && hva < mapping.End);

    public void Know(ulong hva, HostLeaf? leaf)
    {
        _leaves.Remove(hva / 4096);
        if (leaf is not null)
        {
            _leaves.Add(hva / 4096, leaf);
        }
    }

    /// <summary>A notifier window begins: leaves of [start, end) are not known to be there any more.</summary>
    public void Invalidate(ulong start, ulong end)
    {
        foreach (ulong page in _leaves.Keys.Where(page => (page * 4096) + 4095 >= start && page * 4096 < end).ToList())
        {
            _leaves.Remove(page);
        }
    }

    public void Unmap(ulong start, ulong end) => _mappings = [.. _mappings.SelectMany(mapping => Outside(mapping, start, end))];

    public void Map(Mapping mapping)
    {
        if (mapping.Start < mapping.End)
        {
            Unmap(mapping.Start, mapping.End);
            _mappings.Add(mapping);
        }
    }

    public void Protect(ulong start, ulong end, VmaFlags access)
    {
        const VmaFlags permissions = VmaFlags.Read | VmaFlags.Write | VmaFlags.Exec;
        List<Mapping> inside = [.. _mappings.Where(mapping => mapping.Start < end && start < mapping.End)];
        foreach (Mapping mapping in inside)
        {
            Map(mapping with
            {
                Start = Math.Max(mapping.Start, start),
                End = Math.Min(mapping.End, end),
                Flags = (mapping.Flags & ~permissions) | access,
            });
        }
    }

    private static IEnumerable<Mapping> Outside(Mapping mapping, ulong start, ulong end)
    {
        if (mapping.End <= start || mapping.Start >= end)
        {
            yield return mapping;
            yield break;
        }

        if (mapping.Start < start)
        {
            yield return mapping with { End = start };
        }

        if (mapping.End > end)
        {
            yield return mapping with { Start = end };
        }
    }
}
