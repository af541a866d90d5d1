using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Numbers side by side in as few bits as the largest needs, the first in the lowest bits.</summary>
internal static class BitPacking
{
    /// <summary>Numbers of a miniblock.</summary>
    public const int Miniblock = 32;

    /// <param name="values">32 numbers below 2^<paramref name="width"/>; used as room.</param>
    /// <param name="width">Bits, 1 to 64.</param>
    /// <param name="into">Gets 4 bytes for each bit of width.</param>
    /// <param name="vectors">false: without vectors; the bytes are the same.</param>
    public static void Pack32(Span<ulong> values, int width, Span<byte> into, bool vectors)
    {
        int count = Miniblock;
        // Neighbours are merged into one number of twice the width while they fit, so that few are left for the serial loop.
        for (; width <= 32 && count > 1; width *= 2, count /= 2)
        {
            MergePairs(values[..count], width, vectors);
        }

        ulong pending = 0;
        int bits = 0;
        int at = 0;
        foreach (ulong value in values[..count])
        {
            pending |= value << bits;
            bits += width;
            if (bits >= 64)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(into[at..], pending);
                at += 8;
                bits -= 64;
                pending = bits == 0 ? 0 : value >> (width - bits);
            }
        }

        for (; bits > 0; bits -= 8)
        {
            into[at++] = (byte)pending;
            pending >>= 8;
        }
    }

    /// <param name="values">8 numbers below 2^<paramref name="width"/>.</param>
    /// <param name="width">Bits, 1 to 16.</param>
    /// <param name="into">Has room for 16 bytes; the first <paramref name="width"/> are what counts.</param>
    public static void Pack8(ReadOnlySpan<ushort> values, int width, Span<byte> into, bool vectors)
    {
        ulong low;
        ulong high;
        if (vectors && Bmi2.X64.IsSupported)
        {
            ReadOnlySpan<ulong> four = MemoryMarshal.Cast<ushort, ulong>(values);
            ulong mask = 0x0001_0001_0001_0001 * ((1UL << width) - 1);
            low = Bmi2.X64.ParallelBitExtract(four[0], mask);
            high = Bmi2.X64.ParallelBitExtract(four[1], mask);
        }
        else
        {
            low = Four(values, width);
            high = Four(values[4..], width);
        }

        int bits = 4 * width;
        BinaryPrimitives.WriteUInt64LittleEndian(into, bits == 64 ? low : low | (high << bits));
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], high >> (64 - bits));
    }

    private static ulong Four(ReadOnlySpan<ushort> values, int width) =>
        values[0] | ((ulong)values[1] << width) | ((ulong)values[2] << (2 * width)) | ((ulong)values[3] << (3 * width));

    private static void MergePairs(Span<ulong> values, int width, bool vectors)
    {
        int i = 0;
        if (vectors && Avx2.IsSupported)
        {
            ref ulong start = ref MemoryMarshal.GetReference(values);
            Vector128<ulong> shift = Vector128.CreateScalar((ulong)width);
            for (; i + 8 <= values.Length; i += 8)
            {
                // Unpacking takes every second number of both in turn; the permutation puts them in order.
                Vector256<ulong> first = Vector256.LoadUnsafe(ref start, (nuint)i);
                Vector256<ulong> second = Vector256.LoadUnsafe(ref start, (nuint)i + 4);
                Vector256<ulong> even = Avx2.UnpackLow(first, second);
                Vector256<ulong> odd = Avx2.ShiftLeftLogical(Avx2.UnpackHigh(first, second), shift);
                Avx2.Permute4x64(Avx2.Or(even, odd), 0b11_01_10_00).StoreUnsafe(ref start, (nuint)i / 2);
            }
        }

        for (; i < values.Length; i += 2)
        {
            values[i / 2] = values[i] | (values[i + 1] << width);
        }
    }
}
