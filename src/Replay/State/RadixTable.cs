using System.Diagnostics.CodeAnalysis;

namespace TraceReplay.Replay.State;

/// <summary>
/// Sparse array of u64 with page-table shape: leaves of 512 entries, found by index &gt;&gt; 9. Zero is "nothing there".
/// Memory grows with the touched 512-entry blocks only.
/// </summary>
public sealed class RadixTable
{
    private const int Shift = 9;
    private const int Mask = (1 << Shift) - 1;

    private readonly Dictionary<ulong, ulong[]> _leaves = [];

    // Neighbouring faults hit the same leaf: one compare saves the hash lookup.
    private ulong _lastKey = ulong.MaxValue;
    private ulong[]? _lastLeaf;

    public ulong this[ulong index]
    {
        get => TryLeaf(index >> Shift, out ulong[]? leaf) ? leaf[(int)index & Mask] : 0;
        set
        {
            if (!TryLeaf(index >> Shift, out ulong[]? leaf))
            {
                if (value == 0)
                {
                    return;
                }

                leaf = new ulong[Mask + 1];
                _leaves.Add(index >> Shift, leaf);
                _lastKey = index >> Shift;
                _lastLeaf = leaf;
            }

            leaf[(int)index & Mask] = value;
        }
    }

    /// <summary>Visits the non-zero entries of [from, end) in ascending order; the visitor may change the entry it sees.</summary>
    public void ForEach<TVisitor>(ulong from, ulong end, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor
    {
        if (from >= end || _leaves.Count == 0)
        {
            return;
        }

        ulong firstKey = from >> Shift;
        ulong lastKey = (end - 1) >> Shift;

        // A range wider than the table: walk the leaves that exist instead of the range.
        if (lastKey - firstKey >= (ulong)_leaves.Count)
        {
            foreach (ulong key in _leaves.Keys.Where(key => key >= firstKey && key <= lastKey).Order().ToArray())
            {
                Visit(key, _leaves[key], from, end, ref visitor);
            }

            return;
        }

        for (ulong key = firstKey; key <= lastKey; key++)
        {
            if (TryLeaf(key, out ulong[]? leaf))
            {
                Visit(key, leaf, from, end, ref visitor);
            }
        }
    }

    public void Clear()
    {
        _leaves.Clear();
        _lastKey = ulong.MaxValue;
        _lastLeaf = null;
    }

    private static void Visit<TVisitor>(ulong key, ulong[] leaf, ulong from, ulong end, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor
    {
        ulong start = Math.Max(key << Shift, from);
        ulong last = Math.Min((key << Shift) + Mask, end - 1);
        for (ulong index = start; index <= last; index++)
        {
            ref ulong entry = ref leaf[(int)index & Mask];
            if (entry != 0)
            {
                visitor.Visit(index, ref entry);
            }
        }
    }

    private bool TryLeaf(ulong key, [NotNullWhen(true)] out ulong[]? leaf)
    {
        if (key == _lastKey)
        {
            leaf = _lastLeaf!;
            return true;
        }

        if (_leaves.TryGetValue(key, out leaf))
        {
            _lastKey = key;
            _lastLeaf = leaf;
            return true;
        }

        return false;
    }
}

/// <summary>What <see cref="RadixTable.ForEach"/> calls; a struct, so that the call is direct.</summary>
public interface IEntryVisitor
{
    void Visit(ulong index, ref ulong entry);
}
