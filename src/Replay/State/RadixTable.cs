using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TraceReplay.Replay.State;

/// <summary>
/// Sparse array with page-table shape: leaves of 512 entries, found by index &gt;&gt; 9, each of blocks of 32. An entry of zeros is "nothing there".
/// Memory grows with the touched blocks only: of u64, a guest whose addresses lie far apart costs about 450 bytes each.
/// </summary>
public class RadixTable<T>
    where T : unmanaged, IEquatable<T>
{
    private protected const int Shift = 9;
    private protected const int BlockShift = 5;
    private protected const int BlockMask = (1 << BlockShift) - 1;
    private protected const int BlocksMask = (1 << (Shift - BlockShift)) - 1;

    // Stands for every block that is not there; read only.
    private static readonly T[] s_nothing = new T[BlockMask + 1];

    // Neighbouring faults hit the same block, or none: one compare saves the hash lookup. More than one of them costs more than it saves.
    private ulong _lastKey = ulong.MaxValue;
    private T[] _lastBlock = s_nothing;

    private protected Dictionary<ulong, T[]?[]> Leaves { get; } = [];

    // Inlined by order: native code has no profile that shows that these are called more often than anything else.
    public T this[ulong index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            ulong key = index >> BlockShift;
            return Entry(key == _lastKey ? _lastBlock : Find(key), index);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set
        {
            ulong key = index >> BlockShift;
            T[] block = key == _lastKey ? _lastBlock : Find(key);
            if (block == s_nothing)
            {
                if (value.Equals(default))
                {
                    return;
                }

                block = Add(key);
            }

            Entry(block, index) = value;
        }
    }

    /// <summary>The entry, to be changed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T At(ulong index)
    {
        ulong key = index >> BlockShift;
        T[] block = key == _lastKey ? _lastBlock : Find(key);
        return ref Entry(block == s_nothing ? Add(key) : block, index);
    }

    public void Clear()
    {
        Leaves.Clear();
        _lastKey = ulong.MaxValue;
        _lastBlock = s_nothing;
    }

    // No block has other than 32 entries: the check of bounds, a load and a branch, would be made 20 times for each fault.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref T Entry(T[] block, ulong index) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(block), (nint)(index & BlockMask));

    // Not inlined, as Add is not: seldom called, and what is seldom called would make the readers too large to be inlined themselves.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T[] Add(ulong key)
    {
        ref T[]?[]? leaf = ref CollectionsMarshal.GetValueRefOrAddDefault(Leaves, key >> (Shift - BlockShift), out _);
        leaf ??= new T[]?[BlocksMask + 1];
        _lastKey = key;
        return _lastBlock = leaf[(int)key & BlocksMask] = new T[BlockMask + 1];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T[] Find(ulong key)
    {
        T[]? block = Leaves.TryGetValue(key >> (Shift - BlockShift), out T[]?[]? leaf) ? leaf[(int)key & BlocksMask] : null;
        _lastKey = key;
        return _lastBlock = block ?? s_nothing;
    }
}

/// <summary>Of u64, which can be visited by range.</summary>
public sealed class RadixTable : RadixTable<ulong>
{
    /// <summary>Visits the non-zero entries of [from, end) in ascending order; the visitor may change the entry it sees.</summary>
    public void ForEach<TVisitor>(ulong from, ulong end, ref TVisitor visitor)
        where TVisitor : struct, IEntryVisitor
    {
        if (from >= end || Leaves.Count == 0)
        {
            return;
        }

        ulong firstKey = from >> Shift;
        ulong lastKey = (end - 1) >> Shift;

        // A range wider than the table: walk the leaves that exist instead of the range.
        if (lastKey - firstKey >= (ulong)Leaves.Count)
        {
            foreach (ulong key in Keys(firstKey, lastKey))
            {
                Visit(key, Leaves[key], from, end, ref visitor);
            }

            return;
        }

        for (ulong key = firstKey; key <= lastKey; key++)
        {
            if (Leaves.TryGetValue(key, out ulong[]?[]? leaf))
            {
                Visit(key, leaf, from, end, ref visitor);
            }
        }
    }

    // Apart from who calls it, which would make the closure's object in every call.
    private ulong[] Keys(ulong first, ulong last) => [.. Leaves.Keys.Where(key => key >= first && key <= last).Order()];

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
}

/// <summary>What <see cref="RadixTable.ForEach"/> calls; a struct, so that the call is direct.</summary>
public interface IEntryVisitor
{
    void Visit(ulong index, ref ulong entry);
}
