using System.Text;

namespace TraceReplay.Analysis.Probes.Btf;

/// <summary>Functions of a running kernel, as /proc/kallsyms lists them; only those that are asked for are kept.</summary>
internal sealed class KernelSymbols
{
    private const int LongestLine = 1024;

    private readonly Dictionary<string, int> _times = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _variants = new(StringComparer.Ordinal);

    /// <param name="path">A list of symbols: address, type, name, and a module in brackets.</param>
    /// <param name="wanted">Names of interest.</param>
    /// <exception cref="AnalysisException">It cannot be read, or lists no function.</exception>
    public static KernelSymbols Read(string path, IEnumerable<string> wanted)
    {
        try
        {
            using StreamReader lines = new(path, Encoding.UTF8);
            return Read(lines, path, wanted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{path}: {e.Message}", e);
        }
    }

    /// <inheritdoc cref="Read(string, IEnumerable{string})"/>
    public static KernelSymbols Read(TextReader lines, string path, IEnumerable<string> wanted)
    {
        HashSet<string> names = [.. wanted];
        KernelSymbols symbols = new();
        long functions = 0;
        Span<Range> words = stackalloc Range[4];
        char[] line = new char[LongestLine];
        for (int length; (length = ReadLine(lines, line)) >= 0;)
        {
            ReadOnlySpan<char> text = line.AsSpan(0, length);
            int count = text.SplitAny(words, " \t", StringSplitOptions.RemoveEmptyEntries);
            if (count < 3 || text[words[1]] is not ['t' or 'T' or 'w' or 'W'])
            {
                continue;
            }

            functions++;
            string name = text[words[2]].ToString();
            int dot = name.IndexOf('.', StringComparison.Ordinal);
            if (names.Contains(name))
            {
                symbols._times[name] = symbols._times.GetValueOrDefault(name) + 1;
            }
            else if (dot > 0 && names.Contains(name[..dot]))
            {
                symbols._variants.TryAdd(name[..dot], name);
            }
        }

        return functions > 0 ? symbols : throw new AnalysisException(AnalysisFailure.Input, $"{path}: lists no function, expected a kernel's symbols as /proc/kallsyms has them");
    }

    /// <summary>How often a function is there: a name that several have is refused by the kernel.</summary>
    public int Times(string function) => _times.GetValueOrDefault(function);

    /// <summary>What the compiler made of a function that is not there under its own name; null if nothing.</summary>
    public string? Variant(string function) => _variants.GetValueOrDefault(function);

    // A line that is longer than the buffer is no symbol's: its rest is passed over.
    private static int ReadLine(TextReader lines, char[] line)
    {
        int length = 0;
        int next = lines.Read();
        if (next < 0)
        {
            return -1;
        }

        for (; next is not (< 0 or '\n'); next = lines.Read())
        {
            if (length < line.Length)
            {
                line[length++] = (char)next;
            }
        }

        return length;
    }
}
