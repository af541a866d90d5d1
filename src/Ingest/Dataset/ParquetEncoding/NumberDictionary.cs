namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>The distinct numbers of a column chunk, at most 256, in the order met.</summary>
internal sealed class NumberDictionary
{
    public const int Most = 256;

    // Four slots for each number: hardly any look-up meets a foreign one.
    private const int SlotBits = 10;

    private readonly ushort[] _slots = new ushort[1 << SlotBits];
    private readonly long[] _numbers = new long[Most];

    public int Count { get; private set; }

    public ReadOnlySpan<long> Numbers => _numbers.AsSpan(0, Count);

    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
    }

    /// <summary>Gives each number its index.</summary>
    /// <returns>false if there would be more than <see cref="Most"/>; then none of these numbers was added.</returns>
    public bool TryIndex(ReadOnlySpan<long> values, Span<ushort> indexes)
    {
        int before = Count;
        indexes = indexes[..values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int index = Index(values[i]);
            if (index < 0)
            {
                Truncate(before);
                return false;
            }

            indexes[i] = (ushort)index;
        }

        return true;
    }

    private int Index(long value)
    {
        uint slot = (uint)(((ulong)value * 0x9E3779B97F4A7C15) >> (64 - SlotBits));
        while (true)
        {
            int found = _slots[slot] - 1;
            if (found < 0)
            {
                break;
            }

            if (_numbers[found] == value)
            {
                return found;
            }

            slot = (slot + 1) & ((1 << SlotBits) - 1);
        }

        if (Count == Most)
        {
            return -1;
        }

        _numbers[Count] = value;
        _slots[slot] = (ushort)++Count;
        return Count - 1;
    }

    private void Truncate(int count)
    {
        Count = count;
        foreach (ref ushort slot in _slots.AsSpan())
        {
            slot = slot > count ? (ushort)0 : slot;
        }
    }
}
