using CsCheck;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using Xunit;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

/// <summary>What is written does not depend on what the processor can: the ways with and without vectors give the same.</summary>
public sealed class VectorPathTests
{
    private static readonly long[] s_extremes = [long.MinValue, long.MaxValue, 0, -1, int.MinValue, uint.MaxValue];

    private static readonly Gen<long> s_number = Gen.OneOf(Gen.Long, Gen.Long[-300, 300], Gen.Int.Select(i => (long)i), Gen.Int[0, s_extremes.Length - 1].Select(i => s_extremes[i]));

    [Fact]
    public void Bits_are_packed_the_same_and_where_the_format_wants_them()
    {
        Gen.Select(Gen.Int[1, 64], Gen.ULong.Array[32]).Sample(
            (width, numbers) =>
            {
                ulong[] values = [.. numbers.Select(n => width == 64 ? n : n & ((1UL << width) - 1))];
                byte[] vectors = new byte[(4 * width) + 8];
                byte[] scalar = new byte[(4 * width) + 8];
                BitPacking.Pack32((ulong[])values.Clone(), width, vectors, vectors: true);
                BitPacking.Pack32((ulong[])values.Clone(), width, scalar, vectors: false);
                Assert.Equal(scalar, vectors);
                for (int bit = 0; bit < 32 * width; bit++)
                {
                    Assert.Equal((int)(values[bit / width] >> (bit % width)) & 1, scalar[bit / 8] >> (bit % 8) & 1);
                }
            },
            iter: 300);
    }

    [Fact]
    public void Groups_of_eight_are_packed_the_same_and_where_the_format_wants_them()
    {
        Gen.Select(Gen.Int[1, 16], Gen.UShort.Array[8]).Sample(
            (width, numbers) =>
            {
                ushort[] values = [.. numbers.Select(n => (ushort)(n & ((1 << width) - 1)))];
                byte[] vectors = new byte[16];
                byte[] scalar = new byte[16];
                BitPacking.Pack8(values, width, vectors, vectors: true);
                BitPacking.Pack8(values, width, scalar, vectors: false);
                Assert.Equal(scalar[..width], vectors[..width]);
                for (int bit = 0; bit < 8 * width; bit++)
                {
                    Assert.Equal(values[bit / width] >> (bit % width) & 1, scalar[bit / 8] >> (bit % 8) & 1);
                }
            },
            iter: 300);
    }

    [Fact]
    public void Smallest_largest_steps_and_distances_are_the_same()
    {
        s_number.Array[1, 70].Sample(
            values =>
            {
                Assert.Equal((values.Min(), values.Max()), Vectors.Range((ReadOnlySpan<long>)values, vectors: true));
                Assert.Equal((values.Min(), values.Max()), Vectors.Range((ReadOnlySpan<long>)values, vectors: false));
                ulong[] unsigned = [.. values.Select(v => (ulong)v)];
                Assert.Equal((unsigned.Min(), unsigned.Max()), Vectors.Range((ReadOnlySpan<ulong>)unsigned, vectors: true));
                Assert.Equal((unsigned.Min(), unsigned.Max()), Vectors.Range((ReadOnlySpan<ulong>)unsigned, vectors: false));
                foreach (bool vectors in (bool[])[true, false])
                {
                    long[] steps = new long[values.Length];
                    Vectors.Steps(values, steps, vectors);
                    Assert.Equal(values.Zip(values.Skip(1), (a, b) => unchecked(b - a)), steps[..^1]);
                    ulong[] above = new ulong[values.Length];
                    ulong any = Vectors.Above(values, values[0], above, vectors);
                    Assert.Equal(values.Select(v => unchecked((ulong)(v - values[0]))), above);
                    Assert.Equal(above.Aggregate(0UL, (a, b) => a | b), any);
                    int[] narrow = new int[values.Length];
                    Vectors.Narrow(values, narrow, vectors);
                    Assert.Equal(values.Select(v => unchecked((int)v)), narrow);
                }
            },
            iter: 300);
    }

    [Fact]
    public void Pages_of_steps_and_of_runs_are_the_same()
    {
        Gen.Select(s_number.Array[1, 3000], Gen.Bool, Gen.Int[1, 16]).Sample(
            (values, narrow, width) =>
            {
                long[] column = narrow ? [.. values.Select(v => (long)(int)v)] : values;
                ushort[] indexes = [.. values.Select(v => (ushort)(v & ((1 << width) - 1) & (v >> 20)))];
                byte[][] pages = [.. ((bool[])[true, false]).Select(vectors => Page(column, narrow, vectors))];
                Assert.Equal(pages[1], pages[0]);
                byte[][] runs = [.. ((bool[])[true, false]).Select(vectors => Runs(indexes, width, vectors))];
                Assert.Equal(runs[1], runs[0]);
            },
            iter: 100);

        static byte[] Page(long[] values, bool narrow, bool vectors)
        {
            DeltaEncoder encoder = new(vectors);
            encoder.Begin(narrow);
            foreach (long[] block in values.Chunk(ColumnChunk.BlockRows))
            {
                encoder.Add(block);
            }

            ByteBuffer page = new(16);
            encoder.End(page);
            return page.Written.ToArray();
        }

        static byte[] Runs(ushort[] values, int width, bool vectors)
        {
            ByteBuffer page = new(16);
            RunLength.Encode(values, width, page, vectors);
            return page.Written.ToArray();
        }
    }
}
