namespace TraceReplay.Replay.State;

/// <summary>
/// Intervals [start, end) of a line of addresses, which may overlap, in the order of their starts and then of their ids.
/// A treap whose nodes know the last end below them: a change costs the logarithm of what is held, and so does each
/// interval that a query finds.
/// </summary>
public sealed class IntervalTree<T>
    where T : class
{
    private Node? _root;

    // Priorities need no secret, only to be unlike the order of the keys; the same calls make the same tree.
    private uint _dice = 0x9E37_79B9;

    public int Count { get; private set; }

    /// <summary>Adds an interval; one with this start and id must not be there yet.</summary>
    public void Add(ulong start, ulong end, int id, T item)
    {
        _dice ^= _dice << 13;
        _dice ^= _dice >> 17;
        _dice ^= _dice << 5;
        (Node? before, Node? behind) = Split(_root, new Key(start, id));
        _root = Merge(Merge(before, new Node(new Key(start, id), end, item, _dice)), behind);
        Count++;
    }

    public void Remove(ulong start, int id) => _root = Remove(_root, new Key(start, id));

    /// <summary>The interval with the highest start that is not above <paramref name="address"/>, and its bounds.</summary>
    public T? Floor(ulong address, out ulong start, out ulong end)
    {
        Node? best = null;
        for (Node? node = _root; node is not null;)
        {
            bool starts = node.Key.Start <= address;
            best = starts ? node : best;
            node = starts ? node.Right : node.Left;
        }

        (start, end) = best is null ? (0, 0) : (best.Key.Start, best.End);
        return best?.Item;
    }

    /// <summary>The intervals that share an address with [start, end), in order.</summary>
    public Overlaps Overlapping(ulong start, ulong end) => new(this, start, end);

    private static Node? First(Node? node, ulong start, in Key? after)
    {
        if (node is null || node.LastEnd <= start)
        {
            return null;
        }

        if (after is { } key && node.Key.CompareTo(key) <= 0)
        {
            return First(node.Right, start, in after);
        }

        return First(node.Left, start, in after) ?? (node.End > start ? node : First(node.Right, start, in after));
    }

    private Node? Remove(Node? node, Key key)
    {
        if (node is null)
        {
            return null;
        }

        int order = key.CompareTo(node.Key);
        if (order == 0)
        {
            Count--;
            return Merge(node.Left, node.Right);
        }

        if (order < 0)
        {
            node.Left = Remove(node.Left, key);
        }
        else
        {
            node.Right = Remove(node.Right, key);
        }

        node.Update();
        return node;
    }

    private static (Node? Before, Node? Behind) Split(Node? node, Key key)
    {
        if (node is null)
        {
            return default;
        }

        Node? before = node;
        Node? behind = node;
        if (node.Key.CompareTo(key) < 0)
        {
            (node.Right, behind) = Split(node.Right, key);
        }
        else
        {
            (before, node.Left) = Split(node.Left, key);
        }

        node.Update();
        return (before, behind);
    }

    private static Node? Merge(Node? before, Node? behind)
    {
        if (before is null || behind is null)
        {
            return before ?? behind;
        }

        Node top = before.Priority > behind.Priority ? before : behind;
        if (top == before)
        {
            top.Right = Merge(before.Right, behind);
        }
        else
        {
            top.Left = Merge(before, behind.Left);
        }

        top.Update();
        return top;
    }

    private readonly record struct Key(ulong Start, int Id)
    {
        public int CompareTo(Key other) => Start != other.Start ? Start.CompareTo(other.Start) : Id.CompareTo(other.Id);
    }

    private sealed class Node(Key key, ulong end, T item, uint priority)
    {
        public readonly Key Key = key;
        public readonly ulong End = end;
        public readonly T Item = item;
        public readonly uint Priority = priority;
        public ulong LastEnd = end;
        public Node? Left;
        public Node? Right;

        public void Update() => LastEnd = Math.Max(End, Math.Max(Left?.LastEnd ?? 0, Right?.LastEnd ?? 0));
    }

    /// <summary>What a query finds. Each step starts from the key of the last: the tree may change in between.</summary>
    public struct Overlaps
    {
        private readonly IntervalTree<T> _tree;
        private readonly ulong _start;
        private readonly ulong _end;
        private Key? _last;

        internal Overlaps(IntervalTree<T> tree, ulong start, ulong end)
        {
            _tree = tree;
            _start = start;
            _end = end;
            Current = null!;
        }

        public T Current { get; private set; }

        public readonly Overlaps GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_start >= _end || First(_tree._root, _start, in _last) is not { } node || node.Key.Start >= _end)
            {
                return false;
            }

            (_last, Current) = (node.Key, node.Item);
            return true;
        }
    }
}
