using TraceReplay.Ingest.TraceDat;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>The system's libzstd and the managed one unpack the same, and refuse the same.</summary>
public class NativeZstdTests
{
    private static readonly byte[] s_pages = [.. Enumerable.Range(0, 40_960).Select(i => (byte)(i % 4096 < 3000 ? i * i >> 7 : 0))];

    [Fact]
    public void Both_unpack_a_chunk_and_refuse_every_damaged_one_alike()
    {
        using NativeZstd? native = NativeZstd.Create();
        Assert.SkipWhen(native is null, "libzstd is not installed");
        using Compression managed = Compression.Managed();
        byte[] packed = [1, 2, 3, .. Pack(s_pages)];
        byte[] first = new byte[s_pages.Length];
        byte[] second = new byte[s_pages.Length];
        Assert.True(native.TryDecompress(packed, 3, packed.Length - 3, first));
        Assert.Equal(s_pages, first);
        Random random = new(7);
        int refused = 0;
        for (int n = 0; n < 400; n++)
        {
            byte[] damaged = [.. packed];
            damaged[3 + random.Next(damaged.Length - 3)] ^= (byte)(1 << random.Next(8));
            int length = random.Next(4) == 0 ? random.Next(damaged.Length - 3) : damaged.Length - 3;
            bool one = native.TryDecompress(damaged, 3, length, first);
            bool other = managed.TryDecompress(damaged, 3, length, second);
            Assert.Equal(other, one);
            if (one)
            {
                Assert.Equal(second, first);
            }

            refused += one ? 0 : 1;
        }

        Assert.InRange(refused, 50, 400);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void A_chunk_of_another_size_than_said_is_refused(int more)
    {
        using Compression zstd = Compression.Create("zstd")!;
        byte[] packed = Pack(s_pages);
        Assert.False(zstd.TryDecompress(packed, 0, packed.Length, new byte[s_pages.Length + more]));
    }

    private static byte[] Pack(byte[] plain)
    {
        using ZstdSharp.Compressor compressor = new();
        return compressor.Wrap(plain).ToArray();
    }
}
