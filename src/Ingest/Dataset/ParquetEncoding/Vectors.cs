using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>The loops over a block of numbers, four at a time where the processor can; both ways give the same.</summary>
internal static class Vectors
{
    private const int Lanes = 4;

    /// <summary>Smallest and largest of some numbers, there must be one.</summary>
    /// <typeparam name="T">long or ulong.</typeparam>
    public static (T Min, T Max) Range<T>(ReadOnlySpan<T> values, bool vectors = true)
        where T : unmanaged, IComparable<T>
    {
        T min = values[0];
        T max = min;
        int i = 0;
        if (vectors && Vector256.IsHardwareAccelerated && values.Length >= Lanes)
        {
            ref T start = ref MemoryMarshal.GetReference(values);
            Vector256<T> low = Vector256.LoadUnsafe(ref start);
            Vector256<T> high = low;
            for (i = Lanes; i + Lanes <= values.Length; i += Lanes)
            {
                Vector256<T> four = Vector256.LoadUnsafe(ref start, (nuint)i);
                low = Vector256.Min(low, four);
                high = Vector256.Max(high, four);
            }

            for (int lane = 0; lane < Lanes; lane++)
            {
                min = Least(min, low[lane]);
                max = Most(max, high[lane]);
            }
        }

        // Spelt out for the two types that there are: no comparison through CompareTo where no vectors are.
        if (typeof(T) == typeof(long))
        {
            (long low, long high) = Rest(MemoryMarshal.Cast<T, long>(values[i..]), Unsafe.BitCast<T, long>(min), Unsafe.BitCast<T, long>(max));
            return (Unsafe.BitCast<long, T>(low), Unsafe.BitCast<long, T>(high));
        }

        (ulong lowest, ulong highest) = Rest(MemoryMarshal.Cast<T, ulong>(values[i..]), Unsafe.BitCast<T, ulong>(min), Unsafe.BitCast<T, ulong>(max));
        return (Unsafe.BitCast<ulong, T>(lowest), Unsafe.BitCast<ulong, T>(highest));
    }

    private static (long Min, long Max) Rest(ReadOnlySpan<long> values, long min, long max)
    {
        foreach (long value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        return (min, max);
    }

    private static (ulong Min, ulong Max) Rest(ReadOnlySpan<ulong> values, ulong min, ulong max)
    {
        foreach (ulong value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        return (min, max);
    }

    public static (long Min, long Max) Range(Span<long> values, bool vectors) => Range<long>(values, vectors);

    /// <summary>Each number but the first, less the one before it.</summary>
    public static void Steps(ReadOnlySpan<long> values, Span<long> into, bool vectors = true)
    {
        int i = 0;
        int count = values.Length - 1;
        into = into[..count];
        if (vectors && Vector256.IsHardwareAccelerated)
        {
            ref long start = ref MemoryMarshal.GetReference(values);
            ref long to = ref MemoryMarshal.GetReference(into);
            for (; i + Lanes <= count; i += Lanes)
            {
                (Vector256.LoadUnsafe(ref start, (nuint)i + 1) - Vector256.LoadUnsafe(ref start, (nuint)i)).StoreUnsafe(ref to, (nuint)i);
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
        if (vectors && Vector256.IsHardwareAccelerated)
        {
            ref long start = ref MemoryMarshal.GetReference(values);
            ref ulong to = ref MemoryMarshal.GetReference(into);
            Vector256<long> least = Vector256.Create(min);
            Vector256<ulong> any = default;
            for (; i + Lanes <= values.Length; i += Lanes)
            {
                Vector256<ulong> above = (Vector256.LoadUnsafe(ref start, (nuint)i) - least).AsUInt64();
                above.StoreUnsafe(ref to, (nuint)i);
                any |= above;
            }

            all = any[0] | any[1] | any[2] | any[3];
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
        if (vectors && Vector256.IsHardwareAccelerated)
        {
            ref long start = ref MemoryMarshal.GetReference(values);
            ref int to = ref MemoryMarshal.GetReference(into);
            for (; i + (2 * Lanes) <= values.Length; i += 2 * Lanes)
            {
                Vector256.Narrow(Vector256.LoadUnsafe(ref start, (nuint)i), Vector256.LoadUnsafe(ref start, (nuint)(i + Lanes))).StoreUnsafe(ref to, (nuint)i);
            }
        }

        for (; i < values.Length; i++)
        {
            into[i] = (int)values[i];
        }
    }

    private static T Least<T>(T a, T b)
        where T : IComparable<T> => b.CompareTo(a) < 0 ? b : a;

    private static T Most<T>(T a, T b)
        where T : IComparable<T> => b.CompareTo(a) > 0 ? b : a;
}
