using System.Runtime.InteropServices;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// What some byte strings were last found to be: few repeat on most lines, and of them this costs one comparison. Each string has one
/// place, where it follows another that has the same, so strings made to collide cost little more than if there were no such table.
/// </summary>
internal sealed class NearTable<T>
    where T : class
{
    private const int Bits = 7;

    // Longer ones are none of a kernel's names.
    private const int Longest = 64;

    // Of all entries, so that one follows another without a new object.
    private readonly byte[] _names = new byte[Longest << Bits];
    private readonly Entry[] _entries = new Entry[1 << Bits];

    public T? Find(ReadOnlySpan<byte> name)
    {
        int place = Place(name);
        ref readonly Entry entry = ref _entries[place];
        return entry.Value is { } value && name.SequenceEqual(_names.AsSpan(place * Longest, entry.Length)) ? value : null;
    }

    public void Put(ReadOnlySpan<byte> name, T value)
    {
        if (name.Length <= Longest)
        {
            int place = Place(name);
            name.CopyTo(_names.AsSpan(place * Longest));
            _entries[place] = new Entry(name.Length, value);
        }
    }

    /// <summary>By length, first and last bytes.</summary>
    private static int Place(ReadOnlySpan<byte> name)
    {
        ulong mixed = (uint)name.Length;
        if (name.Length >= sizeof(ulong))
        {
            mixed ^= MemoryMarshal.Read<ulong>(name) ^ ulong.RotateLeft(MemoryMarshal.Read<ulong>(name[^sizeof(ulong)..]), 29);
        }
        else if (name.Length >= sizeof(uint))
        {
            mixed ^= MemoryMarshal.Read<uint>(name) | (ulong)MemoryMarshal.Read<uint>(name[^sizeof(uint)..]) << 32;
        }
        else
        {
            foreach (byte b in name)
            {
                mixed = (mixed << 8) | b;
            }
        }

        return (int)((mixed * 0x9E3779B97F4A7C15) >> (64 - Bits));
    }

    private readonly record struct Entry(int Length, T Value);
}
