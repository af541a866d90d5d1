using System.Globalization;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Where inputs begin: files made from the specifications, as small as can be, and small recordings.</summary>
internal sealed class Seeds
{
    private const int LongestFile = 256 << 10;
    private const int LongestSeed = 4 << 10;

    private readonly Dictionary<string, List<byte[]>> _files = new(StringComparer.Ordinal)
    {
        ["trace.dat"] =
        [
            CraftedTraceDat.Seed(6, "none"), CraftedTraceDat.Seed(7, "none"), CraftedTraceDat.Seed(7, "zstd"), CraftedTraceDat.Seed(7, "zlib"),
            CraftedTraceDat.Seed(7, "none", bigEndian: true), CraftedTraceDat.Seed(6, "none", longSize: 4),
        ],
        ["perf.data"] =
        [
            CraftedPerfData.Seed(pipe: false), CraftedPerfData.Seed(pipe: true), CraftedPerfData.Seed(pipe: false, 81), CraftedPerfData.Seed(pipe: true, 83),
            CraftedPerfData.Seed(pipe: false, bigEndian: true),
        ],
        ["nettrace"] = [CraftedNetTrace.Seed(6), CraftedNetTrace.Seed(4)],
        ["text"] = [],
    };

    /// <param name="folders">Recordings are looked for below them; packed ones are unpacked.</param>
    public Seeds(IEnumerable<string> folders)
    {
        foreach (string path in folders.Where(Directory.Exists).SelectMany(f => Directory.EnumerateFiles(f, "*", SearchOption.AllDirectories)).Where(IsSource).Order(StringComparer.Ordinal))
        {
            if (Unpacked(path) is { Length: > 0 } bytes && KindOf(bytes) is { } kind)
            {
                _files[kind].Add(bytes);
            }
        }
    }

    /// <summary>Of <c>trace.dat</c>, <c>perf.data</c>, <c>nettrace</c> or <c>text</c>.</summary>
    public IReadOnlyList<byte[]> Of(string kind) => _files[kind];

    public IReadOnlyList<byte[]> All => [.. _files.Values.SelectMany(f => f)];

    /// <summary>Writes the seeds of a target for a coverage-guided run: short ones, of which each change is worth more.</summary>
    public void Write(string target, string folder)
    {
        Directory.CreateDirectory(folder);
        IEnumerable<byte[]> seeds = target switch
        {
            "any" => All.Where(s => s.Length <= 16 << 10),
            "replay" => Of("text").SelectMany(Pieces),
            "text" => Of("text").SelectMany(Pieces),
            _ => Of(target).Where(s => s.Length <= 24 << 10),
        };
        int n = 0;
        foreach (byte[] seed in seeds)
        {
            File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"seed-{n++:000}")), seed);
        }
    }

    /// <summary>The head of a text, and a few of its lines from the middle.</summary>
    private static IEnumerable<byte[]> Pieces(byte[] text)
    {
        if (text.Length <= LongestSeed)
        {
            yield return text;
            yield break;
        }

        string[] lines = System.Text.Encoding.Latin1.GetString(text).Split('\n');
        string[] head = [.. lines.TakeWhile(l => l.StartsWith('#'))];
        foreach (int part in (int[])[0, 2, 5])
        {
            List<string> piece = [.. head];
            int length = piece.Sum(l => l.Length);
            foreach (string line in lines.Skip(head.Length + ((lines.Length - head.Length) * part / 8)))
            {
                if ((length += line.Length + 1) > LongestSeed)
                {
                    break;
                }

                piece.Add(line);
            }

            yield return System.Text.Encoding.Latin1.GetBytes(string.Join('\n', piece) + "\n");
        }
    }

    private static bool IsSource(string path)
    {
        string[] parts = path.Split(Path.DirectorySeparatorChar);
        return !parts.Contains("bin") && !parts.Contains("obj") && new FileInfo(path).Length is > 0 and <= LongestFile
            && Path.GetExtension(path) is ".zst" or ".txt" or ".dat" or ".data" or ".nettrace" or "";
    }

    private static byte[]? Unpacked(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (!path.EndsWith(".zst", StringComparison.Ordinal))
        {
            return bytes;
        }

        using ZstdSharp.DecompressionStream zstd = new(new MemoryStream(bytes));
        byte[] plain = new byte[LongestFile + 1];
        int length = zstd.ReadAtLeast(plain, plain.Length, throwOnEndOfStream: false);

        // What is longer is cut: a text has many lines, of the rest there are smaller ones.
        return length <= LongestFile || KindOf(plain) == "text" ? plain[..length] : null;
    }

    private static string? KindOf(byte[] bytes) =>
        bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x17, 0x08, 0x44]) ? "trace.dat"
        : bytes.AsSpan().StartsWith("PERF"u8) || bytes.AsSpan().StartsWith("2ELIFREP"u8) ? "perf.data"
        : bytes.AsSpan().StartsWith("Nettrace"u8) ? "nettrace"
        : bytes.AsSpan().Contains((byte)0) ? null
        : bytes.AsSpan().IndexOf("]"u8) > 0 && bytes.AsSpan().IndexOf(": "u8) > 0 ? "text" : null;
}
