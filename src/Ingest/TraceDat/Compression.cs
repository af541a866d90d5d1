using System.IO.Compression;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Decompresses the blocks of a v7 file. One instance for each thread.</summary>
internal abstract class Compression : IDisposable
{
    /// <returns>null for an algorithm that this reader does not know.</returns>
    public static Compression? Create(string name) => name switch
    {
        "zstd" => NativeZstd.Create() ?? Managed(),
        "zlib" => new Zlib(),
        _ => null,
    };

    /// <summary>zstd without the system's library.</summary>
    public static Compression Managed() => new Zstd();

    /// <summary>A block as a stream, of which no more is unpacked than is read.</summary>
    /// <returns>null for an algorithm that this reader does not know.</returns>
    public static Stream? Open(string name, Stream packed) => name switch
    {
        "zstd" => new ZstdSharp.DecompressionStream(packed, leaveOpen: false),
        "zlib" => new ZLibStream(packed, CompressionMode.Decompress),
        _ => null,
    };

    /// <summary>Whether what a stream of <see cref="Open"/> threw is the fault of its bytes.</summary>
    public static bool IsDamage(Exception e) => e is InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException || IsZlib(e);

    /// <summary>What .NET throws for a dictionary that data ask for: an <see cref="IOException"/>, as if a disk had failed, of a type that it keeps to itself.</summary>
    public static bool IsZlib(Exception e) => e is IOException && e.GetType().Namespace == typeof(ZLibStream).Namespace;

    /// <returns>Whether the block decompressed to exactly the size of <paramref name="output"/>.</returns>
    public abstract bool TryDecompress(byte[] input, int offset, int count, Span<byte> output);

    public abstract void Dispose();

    private sealed class Zstd : Compression
    {
        private readonly ZstdSharp.Decompressor _decompressor = new();

        public override bool TryDecompress(byte[] input, int offset, int count, Span<byte> output)
        {
            try
            {
                return _decompressor.TryUnwrap(input.AsSpan(offset, count), output, out int written) && written == output.Length;
            }
            catch (ZstdSharp.ZstdException)
            {
                return false;
            }
        }

        public override void Dispose() => _decompressor.Dispose();
    }

    private sealed class Zlib : Compression
    {
        public override bool TryDecompress(byte[] input, int offset, int count, Span<byte> output)
        {
            try
            {
                using ZLibStream z = new(new MemoryStream(input, offset, count, writable: false), CompressionMode.Decompress);
                return z.ReadAtLeast(output, output.Length, throwOnEndOfStream: false) == output.Length && z.ReadByte() < 0;
            }
            catch (Exception e) when (IsDamage(e))
            {
                return false;
            }
        }

        public override void Dispose()
        {
        }
    }
}
