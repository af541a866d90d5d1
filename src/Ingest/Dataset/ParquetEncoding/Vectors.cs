using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>
/// The loops over a block of numbers, four at a time where the processor can; both ways give the same. AVX2 is named, and not asked for
/// through vectors of any processor: native code asks when it runs for what is named, and decides the other when it is compiled.
/// </summary>
internal static class Vectors
{
    private const int Lanes = 4;

    /// <summary>Smallest and largest of some numbers, there must be one.</summary>
    public static (long Min, long Max) Range(ReadOnlySpan<long> values, bool vectors = true) => Range(values, 0, vectors);

    /// <summary>Smallest and largest of some numbers without a sign, there must be one.</summary>
    public static (ulong Min, ulong Max) Range(ReadOnlySpan<ulong> values, bool vectors = true)
    {
        // With the top bit turned over, signed numbers have the order of unsigned ones.
        (long min, long max) = Range(MemoryMarshal.Cast<ulong, long>(values), long.MinValue, vectors);
        return ((ulong)(min ^ long.MinValue), (ulong)(max ^ long.MinValue));
    }

    /// <returns>Smallest and largest of the numbers with <paramref name="turned"/> bits turned over.</returns>
    private static (long Min, long Max) Range(ReadOnlySpan<long> values, long turned, bool vectors)
    {
        long min = values[0] ^ turned;
        long max = min;
        int i = 0;
        if (vectors && Avx2.IsSupported && values.Length >= 2 * Lanes)
        {
            // Two pairs, as each comparison waits for the one before it of its own pair only.
            ref long start = ref MemoryMarshal.GetReference(values);
            Vector256<long> turn = Vector256.Create(turned);
            Vector256<long> low = Avx2.Xor(Vector256.LoadUnsafe(ref start), turn);
            Vector256<long> high = low;
            Vector256<long> low2 = Avx2.Xor(Vector256.LoadUnsafe(ref start, Lanes), turn);
            Vector256<long> high2 = low2;
            for (i = 2 * Lanes; i + (2 * Lanes) <= values.Length; i += 2 * Lanes)
            {
                Vector256<long> four = Avx2.Xor(Vector256.LoadUnsafe(ref start, (nuint)i), turn);
                Vector256<long> next = Avx2.Xor(Vector256.LoadUnsafe(ref start, (nuint)(i + Lanes)), turn);
                low = Avx2.BlendVariable(low, four, Avx2.CompareGreaterThan(low, four));
                high = Avx2.BlendVariable(high, four, Avx2.CompareGreaterThan(four, high));
                low2 = Avx2.BlendVariable(low2, next, Avx2.CompareGreaterThan(low2, next));
                high2 = Avx2.BlendVariable(high2, next, Avx2.CompareGreaterThan(next, high2));
            }

            low = Avx2.BlendVariable(low, low2, Avx2.CompareGreaterThan(low, low2));
            high = Avx2.BlendVariable(high, high2, Avx2.CompareGreaterThan(high2, high));
            for (int lane = 0; lane < Lanes; lane++)
            {
                min = Math.Min(min, low.GetElement(lane));
                max = Math.Max(max, high.GetElement(lane));
            }
        }

        for (; i < values.Length; i++)
        {
            min = Math.Min(min, values[i] ^ turned);
            max = Math.Max(max, values[i] ^ turned);
        }

        return (min, max);
    }

    /// <summary>Each number but the first, less the one before it.</summary>
    public static void Steps(ReadOnlySpan<long> values, Span<long> into, bool vectors = true)
    {
        int i = 0;
        int count = values.Length - 1;
        into = into[..count];
        if (vectors && Avx2.IsSupported)
        {
            ref long start = ref MemoryMarshal.GetReference(values);
            ref long to = ref MemoryMarshal.GetReference(into);
            for (; i + Lanes <= count; i += Lanes)
            {
                Avx2.Subtract(Vector256.LoadUnsafe(ref start, (nuint)i + 1), Vector256.LoadUnsafe(ref start, (nuint)i)).StoreUnsafe(ref to, (nuint)i);
            }
        }

        for (; i < count; i++)
        {
            into[i] = values[i + 1] - values[i];
        }
    }

    /// <summary>How far each number lies above the smallest.</summary>
    /// <returns>All of them, or-ed.</returns>
    public static ulong Above(ReadOnlySpan<long> values, long min, Span<ulong> into, bool vectors = true)
    {
        ulong all = 0;
        int i = 0;
        into = into[..values.Length];
        if (vectors && Avx2.IsSupported)
        {
            ref long start = ref MemoryMarshal.GetReference(values);
            ref ulong to = ref MemoryMarshal.GetReference(into);
            Vector256<long> least = Vector256.Create(min);
            Vector256<ulong> any = default;
            for (; i + Lanes <= values.Length; i += Lanes)
            {
                Vector256<ulong> above = Avx2.Subtract(Vector256.LoadUnsafe(ref start, (nuint)i), least).AsUInt64();
                above.StoreUnsafe(ref to, (nuint)i);
                any = Avx2.Or(any, above);
            }

            all = any.GetElement(0) | any.GetElement(1) | any.GetElement(2) | any.GetElement(3);
        }

        for (; i < values.Length; i++)
        {
            into[i] = (ulong)(values[i] - min);
            all |= into[i];
        }

        return all;
    }

    /// <summary>The low 32 bits of each number.</summary>
    public static void Narrow(ReadOnlySpan<long> values, Span<int> into, bool vectors = true)
    {
        int i = 0;
        into = into[..values.Length];
        if (vectors && Avx2.IsSupported)
        {
            ref long start = ref MemoryMarshal.GetReference(values);
            ref int to = ref MemoryMarshal.GetReference(into);
            Vector256<int> lower = Vector256.Create(0, 2, 4, 6, 0, 2, 4, 6);
            for (; i + (2 * Lanes) <= values.Length; i += 2 * Lanes)
            {
                Vector256<int> first = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref start, (nuint)i).AsInt32(), lower);
                Vector256<int> second = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref start, (nuint)(i + Lanes)).AsInt32(), lower);
                Avx2.Permute2x128(first, second, 0x20).StoreUnsafe(ref to, (nuint)i);
            }
        }

        for (; i < values.Length; i++)
        {
            into[i] = (int)values[i];
        }
    }
}
