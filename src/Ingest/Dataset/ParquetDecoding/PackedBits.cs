using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>Numbers side by side in a few bits each, the first in the lowest bits, from any one of them on.</summary>
internal static class PackedBits
{
    /// <summary>Bytes behind the numbers that may be read, and mean nothing: a number is read as the eight bytes around it.</summary>
    public const int Slack = 16;

    /// <summary>The number <paramref name="index"/> of those that begin at <paramref name="start"/>, in 1 to 16 bits each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Small(ref byte start, int index, int width)
    {
        uint bit = (uint)index * (uint)width;
        return (int)(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, bit >> 3)) >> (int)(bit & 7)) & ((1 << width) - 1);
    }

    /// <summary>Adds the numbers up: each value is the one before and <paramref name="least"/> and its number.</summary>
    /// <param name="bytes">All that the numbers lie in, and <see cref="Slack"/>.</param>
    /// <param name="from">The first number's place among them.</param>
    /// <param name="width">Bits, 0 to 64.</param>
    public static long Accumulate(ReadOnlySpan<byte> bytes, int from, int width, long least, long last, Span<long> into)
    {
        if (width == 0)
        {
            foreach (ref long value in into)
            {
                value = last += least;
            }

            return last;
        }

        // Checked once: the loop reads without bounds.
        if (bytes.Length < ((((long)from + into.Length) * width) + 7) / 8 + Slack)
        {
            throw new ArgumentException("fewer bytes than numbers", nameof(bytes));
        }

        ref byte start = ref MemoryMarshal.GetReference(bytes);
        ulong mask = ulong.MaxValue >> (64 - width);
        int bit = from * width;
        if (width <= 57)
        {
            foreach (ref long value in into)
            {
                value = last += least + (long)(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, bit >> 3)) >> (bit & 7) & mask);
                bit += width;
            }

            return last;
        }

        foreach (ref long value in into)
        {
            ref byte at = ref Unsafe.Add(ref start, bit >> 3);
            int shift = bit & 7;
            ulong number = Unsafe.ReadUnaligned<ulong>(ref at) >> shift;
            number |= shift == 0 ? 0 : (ulong)Unsafe.Add(ref at, 8) << (64 - shift);
            value = last += least + (long)(number & mask);
            bit += width;
        }

        return last;
    }
}
