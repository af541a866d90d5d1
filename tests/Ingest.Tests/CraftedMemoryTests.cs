using TraceReplay.Ingest.Dataset;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>What is allocated is counted for the whole process, so nothing else runs beside these.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>How much memory a crafted capture may take.</summary>
[Collection(nameof(Alone))]
public sealed class CraftedMemoryTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    /// <summary>Sections that unpack to a thousand times what a kernel writes are read as far as they are of use.</summary>
    [Theory]
    [InlineData("zstd")]
    [InlineData("zlib")]
    public void A_bomb_of_symbols_threads_or_formats_takes_bounded_memory(string compression)
    {
        string symbols = "ffffffff81000100 T probed_function\n" + new string('a', 100 << 20);
        TraceDatBuilder b = new() { Compression = compression, Kallsyms = symbols, Cmdlines = new string('\n', 60 << 20) };
        b.Formats.Add(("test", TraceDatBuilder.Format("plain", 301)));
        b.Formats.Add(("test", "name: huge\nID: 302\nformat:\n" + new string(' ', 60 << 20)));
        b.Buffers.Add(("", [(0, [b.Page(1, 0, b.Record(1, b.Payload(301, 1)))])]));
        byte[] file = b.Build();
        string path = Path.Combine(_work, "crafted.dat");
        File.WriteAllBytes(path, file);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        TraceManifest manifest = Ingestor.Ingest(path, Path.Combine(_work, "dataset"), new IngestOptions(), TestContext.Current.CancellationToken).Manifest;
        Assert.Equal(1, manifest.Events);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 400L << 20);
        Assert.Contains(manifest.Warnings, w => w.Contains("bytes of names of threads", StringComparison.Ordinal));
        Assert.Contains(manifest.Warnings, w => w.Contains("is not usable", StringComparison.Ordinal));
    }
}
