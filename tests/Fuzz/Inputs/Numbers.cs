using System.Buffers.Binary;
using System.Globalization;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Numbers at which code breaks, and bytes with such numbers in them.</summary>
internal static class Numbers
{
    private static readonly ulong[] s_edges =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 4095, 4096, 4097, 65535, 65536, 1 << 20, (1 << 27) - 1, int.MaxValue, 1UL << 31, uint.MaxValue,
        1UL << 32, 1UL << 40, 1UL << 48, long.MaxValue, 1UL << 63, ulong.MaxValue - 7, ulong.MaxValue,
    ];

    public static ulong Edge(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.Next(300),
        1 => s_edges[random.Next(s_edges.Length)] + (ulong)random.Next(-2, 3),
        _ => s_edges[random.Next(s_edges.Length)],
    };

    public static string EdgeText(Random random) => random.Next(3) switch
    {
        0 => "0x" + Edge(random).ToString("x", CultureInfo.InvariantCulture),
        1 => ((long)Edge(random)).ToString(CultureInfo.InvariantCulture),
        _ => Edge(random).ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Writes a number over what is there: an edge, or what is there with a little added.</summary>
    public static void Strike(byte[] file, int at, Random random)
    {
        int size = 1 << random.Next(4);
        if (at < 0 || at + size > file.Length)
        {
            return;
        }

        Span<byte> eight = stackalloc byte[8];
        file.AsSpan(at, size).CopyTo(eight);
        ulong was = BinaryPrimitives.ReadUInt64LittleEndian(eight);
        ulong now = random.Next(3) == 0 ? was + (ulong)random.Next(-9, 10) : Edge(random);
        BinaryPrimitives.WriteUInt64LittleEndian(eight, now);
        if (random.Next(8) == 0)
        {
            eight[..size].Reverse();
        }

        eight[..size].CopyTo(file.AsSpan(at));
    }

    public static byte[] Bytes(Random random, int most)
    {
        byte[] bytes = new byte[random.Next(most + 1)];
        if (random.Next(3) > 0)
        {
            random.NextBytes(bytes);
        }

        return bytes;
    }

    public static T Of<T>(Random random, params ReadOnlySpan<T> values) => values[random.Next(values.Length)];
}
