using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace TraceReplay.Replay.State;

/// <summary>
/// Sparse array of u64 with page-table shape: leaves of 512 entries, found by index &gt;&gt; 9, each of blocks of 32. Zero is "nothing there".
/// Memory grows with the touched blocks only: a guest whose addresses lie far apart costs about 450 bytes each.
/// </summary>
public sealed class RadixTable
{
    private const int Shift = 9;
    private const int BlockShift = 5;
    private const int BlockMask = (1 << BlockShift) - 1;
    private const int BlocksMask = (1 << (Shift - BlockShift)) - 1;

    private readonly Dictionary<ulong, ulong[]?[]> _leaves = [];

    // Neighbouring faults hit the same block: one compare saves the hash lookup.
    private ulong _lastKey = ulong.MaxValue;
    private ulong[]? _lastBlock;

    public ulong this[ulong index]
    {
        get => TryBlock(index >> BlockShift, out ulong[]? block) ? block[(int)index & BlockMask] : 0;
        set
        {
            ulong key = index >> BlockShift;
            if (!TryBlock(key, out ulong[]? block))
            {
                if (value == 0)
                {
                    return;
                }

                block = Add(key);
            }

            block[(int)index & BlockMask] = value;
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
            if (_leaves.TryGetValue(key, out ulong[]?[]? leaf))
            {
                Visit(key, leaf, from, end, ref visitor);
            }
        }
    }

    public void Clear()
    {
        _leaves.Clear();
        _lastKey = ulong.MaxValue;
        _lastBlock = null;
    }

    private static void Visit<TVisitor>(ulong key, ulong[]?[] leaf, ulong from, ulong end, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor
    {
        ulong start = Math.Max(key << Shift, from);
        ulong last = Math.Min((key << Shift) + (1 << Shift) - 1, end - 1);
        for (ulong index = start; index <= last; index = (index | BlockMask) + 1)
        {
            if (leaf[(int)(index >> BlockShift) & BlocksMask] is { } block)
            {
                Visit(block, index, Math.Min(index | BlockMask, last), ref visitor);
            }

            // The last block of all: its successor is 0.
            if ((index | BlockMask) == ulong.MaxValue)
            {
                return;
            }
        }
    }

    private static void Visit<TVisitor>(ulong[] block, ulong index, ulong last, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor
    {
        for (int at = (int)index & BlockMask; at <= ((int)last & BlockMask); at++)
        {
            ref ulong entry = ref block[at];
            if (entry != 0)
            {
                visitor.Visit((index & ~(ulong)BlockMask) + (ulong)at, ref entry);
            }
        }
    }

    private ulong[] Add(ulong key)
    {
        ref ulong[]?[]? leaf = ref CollectionsMarshal.GetValueRefOrAddDefault(_leaves, key >> (Shift - BlockShift), out _);
        leaf ??= new ulong[]?[BlocksMask + 1];
        _lastKey = key;
        return _lastBlock = leaf[(int)key & BlocksMask] = new ulong[BlockMask + 1];
    }

    private bool TryBlock(ulong key, [NotNullWhen(true)] out ulong[]? block)
    {
        if (key == _lastKey)
        {
            block = _lastBlock!;
            return true;
        }

        block = _leaves.TryGetValue(key >> (Shift - BlockShift), out ulong[]?[]? leaf) ? leaf[(int)key & BlocksMask] : null;
        if (block is null)
        {
            return false;
        }

        _lastKey = key;
        _lastBlock = block;
        return true;
    }
}

/// <summary>What <see cref="RadixTable.ForEach"/> calls; a struct, so that the call is direct.</summary>
public interface IEntryVisitor
{
    void Visit(ulong index, ref ulong entry);
}
