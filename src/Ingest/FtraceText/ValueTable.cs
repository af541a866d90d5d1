using System.Runtime.InteropServices;
using System.Text;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>Names that a kernel shows instead of values. A name that stands for several values stands for none.</summary>
internal sealed class ValueTable
{
    // The longest known name is shorter, and no text makes a table.
    private const int LongestName = 128;

    // At most half full, so that a search ends soon; it is for names of ours, whatever the text has.
    private Entry[] _places = new Entry[16];
    private int _count;

    public void Add(string name, ulong value)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(name);
        ref Entry place = ref Place(bytes);
        if (place.Name is not null)
        {
            place = place with { Value = place.Value == value ? value : null };
            return;
        }

        place = new Entry(bytes, value);
        if (++_count * 2 > _places.Length)
        {
            Entry[] all = _places;
            _places = new Entry[2 * all.Length];
            foreach (Entry entry in all)
            {
                if (entry.Name is { } known)
                {
                    Place(known) = entry;
                }
            }
        }
    }

    /// <returns>false if it is no such name; the value is null if it is not the only one.</returns>
    public bool TryGet(ReadOnlySpan<byte> name, out ulong? value)
    {
        value = null;
        if (name.Length > LongestName)
        {
            return false;
        }

        ref Entry place = ref Place(name);
        value = place.Value;
        return place.Name is not null;
    }

    /// <summary>Where the name stands, or the empty place where it would.</summary>
    private ref Entry Place(ReadOnlySpan<byte> name)
    {
        Entry[] places = _places;
        int mask = places.Length - 1;
        int at = (int)(Mix(name) >> 32) & mask;
        while (places[at].Name is { } other && !name.SequenceEqual(other))
        {
            at = (at + 1) & mask;
        }

        return ref places[at];
    }

    private static ulong Mix(ReadOnlySpan<byte> name)
    {
        ulong mixed = (uint)name.Length;
        ReadOnlySpan<byte> rest = name;
        for (; rest.Length >= sizeof(ulong); rest = rest[sizeof(ulong)..])
        {
            mixed = (mixed ^ MemoryMarshal.Read<ulong>(rest)) * 0x9E3779B97F4A7C15;
            mixed ^= mixed >> 29;
        }

        foreach (byte b in rest)
        {
            mixed = (mixed ^ b) * 0x9E3779B97F4A7C15;
        }

        return mixed;
    }

    /// <summary>Whether both have the same names for the same values.</summary>
    public bool IsSame(ValueTable other)
    {
        foreach (Entry entry in _places)
        {
            if (entry.Name is { } name && !(other.TryGet(name, out ulong? value) && value == entry.Value))
            {
                return false;
            }
        }

        return _count == other._count;
    }

    /// <summary>Whether another name begins with this one.</summary>
    public bool HasLonger(ReadOnlySpan<byte> name)
    {
        foreach (Entry entry in _places)
        {
            if (entry.Name is { } known && known.Length > name.Length && known.AsSpan().StartsWith(name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Names joined by <c>|</c>, and what is left over as a number.</summary>
    /// <returns>false if a part of the text is neither.</returns>
    public bool TryFlags(ReadOnlySpan<byte> text, out ulong? bits)
    {
        bits = 0;
        foreach (Range part in text.Split((byte)'|'))
        {
            ReadOnlySpan<byte> name = text[part];
            if (name.IsEmpty && text.IsEmpty)
            {
                return true;
            }

            if (!TryGet(name, out ulong? value))
            {
                if (AsciiText.Number(name, out ulong number) != name.Length || name.IsEmpty)
                {
                    return false;
                }

                value = number;
            }

            bits |= value;
        }

        return true;
    }

    private readonly record struct Entry(byte[]? Name, ulong? Value);
}
