using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.FtraceText;
using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>
/// Texts damaged at random, as mail programs, terminals, logs and people damage them: what is still read is what the undamaged text
/// says, or NULL. <c>TRACEREPLAY_GARBLES</c> says how many damages are tried, <c>TRACEREPLAY_GARBLE_SEED</c> with which seed (0: one that no run had), <c>TRACEREPLAY_GARBLE_ONLY</c> which one alone.
/// </summary>
public sealed partial class GarbledTextTests(ITestOutputHelper output)
{
    private const int ShortRun = 1_500;

    // A run of the tests says of a change whether it broke something; new damages are looked for in long runs.
    private const int Seed = 472956447;
    private const int MostShown = 25;
    private const int MostPrinted = 12;

    private static readonly string[] s_texts =
    [
        "FtraceText/6.12-ttmsmall.trace.txt.zst", "FtraceText/clock-x86-tsc.default.txt.zst", "FtraceText/instance-and-top.default.txt.zst",
        "FtraceText/noirqinfo.trace.txt.zst", "FtraceText/tgid.trace.txt.zst", "FtraceText/trace_pipe.trace.txt.zst", "FtraceText/v6-7.2.default.txt.zst",
        "PerfScript/6.12-ttmsmall.script.txt.zst",
    ];

    private static readonly string[] s_prefixes =
    [
        "Nov 29 16:06:01 host1 trace[812]: ", "Nov  9 06:06:01 host1 kernel: ", "2026-11-29T16:06:01+0000 host1 trace[812]: ", "2026-11-29T16:06:01.123456+00:00 host1 kernel: ",
        "[  123.456789] ", "<6>[  123.456789] ", "[  123.456789][ T1234] ", "| ", "2026-11-29T16:06:01.123456789Z ",
    ];

    private static readonly string[] s_blanks = ["\u00a0", "\ufffd", "\u2003", "\u202f", "  ", "\t", " \u00a0"];

    private static readonly string[] s_words = ["<---- here", "this one?", "and then it hung.", "[1]", "XXX", "// look", "the vCPU"];

    private enum Kind
    {
        SoftWrap,
        HardWrap,
        Quote,
        Prefix,
        QuotedWrap,
        PrefixedHardWrap,
        Blanks,
        Dropped,
        WrappedAndDropped,
        Words,
        Notes,
    }

    [Fact]
    public void No_row_of_a_damaged_text_disagrees_with_the_undamaged_one()
    {
        int count = int.Parse(Environment.GetEnvironmentVariable("TRACEREPLAY_GARBLES") ?? ShortRun.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        int seed = int.TryParse(Environment.GetEnvironmentVariable("TRACEREPLAY_GARBLE_SEED"), CultureInfo.InvariantCulture, out int told) ? told : Seed;
        seed = seed == 0 ? Random.Shared.Next(1, int.MaxValue) : seed;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {count} damages"));
        string[][] texts = [.. s_texts.Select(Lines)];
        List<string> wrong = [];
        long[] events = new long[Enum.GetValues<Kind>().Length];
        long[] read = new long[events.Length];
        int? only = int.TryParse(Environment.GetEnvironmentVariable("TRACEREPLAY_GARBLE_ONLY"), CultureInfo.InvariantCulture, out int one) ? one : null;
        for (int i = only ?? 0; i < (only + 1 ?? count); i++)
        {
            Random random = new(unchecked((seed * 1_000_003) ^ (i * 7919)) & int.MaxValue);
            int which = random.Next(texts.Length);
            string[] text = texts[which];
            int length = random.Next(4, 40);
            int start = random.Next(text.Length - length);
            string[] lines = text[start..(start + length)];
            Kind kind = (Kind)random.Next(events.Length);
            string damaged = Damage(lines, kind, random, s_texts[which].StartsWith("Perf", StringComparison.Ordinal));
            List<CapturedRows.Row> whole = Read(string.Join('\n', lines) + "\n");
            List<CapturedRows.Row> rest = Read(damaged);
            events[(int)kind] += whole.Count;
            read[(int)kind] += rest.Count;
            foreach (string difference in Disagreements(whole, rest, kind).Take(1))
            {
                if (wrong.Count < MostPrinted)
                {
                    output.WriteLine($"damage {i}, {string.Join(" | ", Texts.Read(damaged).Info.Warnings)}:\n{damaged}");
                }

                wrong.Add($"damage {i} ({kind}, {s_texts[which]}, line {start}): {difference}");
            }
        }

        foreach (Kind kind in Enum.GetValues<Kind>())
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind,-18} {read[(int)kind],8} of {events[(int)kind],8} events read ({(double)read[(int)kind] / Math.Max(1, events[(int)kind]):P1})"));
        }

        Assert.True(wrong.Count == 0, $"seed {seed}: {wrong.Count} disagreements\n{string.Join('\n', wrong.Take(MostShown))}");
        if (only is not null)
        {
            return; // the shares say nothing then
        }

        foreach (Kind kind in (Kind[])[Kind.SoftWrap, Kind.HardWrap, Kind.Quote, Kind.Prefix, Kind.QuotedWrap, Kind.PrefixedHardWrap])
        {
            double share = (double)read[(int)kind] / Math.Max(1, events[(int)kind]);
            Assert.True(share is >= 0.95 and <= 1, $"seed {seed}: {kind}: {share:P1} of the events are read");
        }
    }

    private static string[] Lines(string name)
    {
        using CaptureFile file = CaptureFormats.OpenFile(Path.Combine(AppContext.BaseDirectory, Path.Combine(name.Split('/'))));
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(0, bytes, "the text");
        bool perf = name.StartsWith("Perf", StringComparison.Ordinal);
        TextDialect dialect = perf ? new Ingest.PerfScript.PerfScriptDialect() : new FtraceDialect();
        return [.. Encoding.UTF8.GetString(bytes).Split('\n').Where(line => dialect.Classify(Encoding.UTF8.GetBytes(line), out _) == LineKind.Event)];
    }

    private static List<CapturedRows.Row> Read(string text)
    {
        try
        {
            return Texts.Read(text).Rows;
        }
        catch (CaptureException)
        {
            return [];
        }
    }

    private static string Damage(string[] lines, Kind kind, Random random, bool perf)
    {
        string quote = random.Next(3) switch { 0 => "> ", 1 => ">> ", _ => "> > " };
        string prefix = s_prefixes[random.Next(s_prefixes.Length)];
        int width = random.Next(perf ? 72 : 48, 133);
        switch (kind)
        {
            case Kind.SoftWrap:
                return Join(lines.SelectMany(line => Soft(line, width)));
            case Kind.HardWrap:
                return Join(lines.SelectMany(line => Hard(line, width)));
            case Kind.Quote:
                return Join(lines.Select(line => quote + line));
            case Kind.Prefix:
                return Join(lines.Select(line => prefix + line));
            case Kind.QuotedWrap:
                return Join(lines.SelectMany(line => Soft(line, width)).Select(line => quote + line));
            case Kind.PrefixedHardWrap:
                return Join(lines.Select(line => prefix + line).SelectMany(line => Hard(line, width)));
            case Kind.Blanks:
                string blank = s_blanks[random.Next(s_blanks.Length)];
                return Join(lines.Select(line => Blank().Replace(line, m => random.Next(4) == 0 && m.Index > 0 && line[m.Index - 1] != ' ' ? blank : m.Value)));
            case Kind.Dropped:
                return Join(lines.Where(_ => random.Next(4) > 0));
            case Kind.WrappedAndDropped:
                bool soft = random.Next(2) == 0;

                // What is left of a broken line is its begin: else halves of two events may make a whole valid one.
                string[][] pieces = [.. lines.Select(line => (string[])[.. soft ? Soft(line, width) : Hard(line, width)])];
                string[][] kept = [.. pieces.Select(line => (string[])[.. line.TakeWhile((_, n) => random.Next(8) > (n == 0 ? 0 : 2))])];

                // One that nothing shows to be broken may be a whole valid text: a line that ends within its last number says another one.
                int broken = Array.FindIndex(pieces, line => line.Length > 1);
                if (broken >= 0 && !kept.Any(line => line.Length > 1))
                {
                    kept[broken] = pieces[broken];
                }

                return Join(kept.SelectMany(line => line));
            case Kind.Words:
                // A line behind what user space printed may be its second one.
                return Join(lines.SelectMany(line => random.Next(5) == 0 && !IsPrinted(line) ? [line, s_words[random.Next(s_words.Length)]] : (string[])[line]));
            default:
                // What user space printed has no form: a word in it is a part of it.
                return Join(lines.Select(line => random.Next(5) == 0 && !IsPrinted(line) ? Noted(line, random) : line));
        }
    }

    private static bool IsPrinted(string line) => line.Contains("print:", StringComparison.Ordinal) || line.Contains("mark_write:", StringComparison.Ordinal);

    private static string Join(IEnumerable<string> lines) => string.Join('\n', lines) + "\n";

    /// <summary>A note behind the line, or within its payload.</summary>
    private static string Noted(string line, Random random)
    {
        string word = s_words[random.Next(s_words.Length)];
        int payload = line.IndexOf(": ", StringComparison.Ordinal);
        payload = payload < 0 ? -1 : line.IndexOf(": ", payload + 1, StringComparison.Ordinal);
        int[] blanks = [.. Enumerable.Range(0, line.Length).Where(i => i > payload + 2 && line[i] == ' ')];
        return random.Next(2) == 0 || payload < 0 || blanks.Length == 0 ? $"{line}   {word}" : line.Insert(blanks[random.Next(blanks.Length)], $" {word}");
    }

    /// <summary>Breaks at the last blank that fits, as a mail program does.</summary>
    private static IEnumerable<string> Soft(string line, int width)
    {
        while (line.Length > width)
        {
            int blank = line.LastIndexOf(' ', width);
            if (blank <= 0 || string.IsNullOrWhiteSpace(line[..blank]))
            {
                break;
            }

            yield return line[..blank];
            line = line[(blank + 1)..];
        }

        yield return line;
    }

    private static IEnumerable<string> Hard(string line, int width)
    {
        for (; line.Length > width; line = line[width..])
        {
            yield return line[..width];
        }

        yield return line;
    }

    /// <summary>What a damaged text says otherwise than the undamaged one.</summary>
    private static IEnumerable<string> Disagreements(List<CapturedRows.Row> whole, List<CapturedRows.Row> rest, Kind kind)
    {
        ILookup<long, CapturedRows.Row> byTime = whole.ToLookup(row => row.Timestamp);
        foreach (CapturedRows.Row row in rest)
        {
            string? nearest = null;
            foreach (CapturedRows.Row candidate in byTime[row.Timestamp])
            {
                string? difference = Difference(candidate, row, kind);
                if (difference is null)
                {
                    nearest = null;
                    break;
                }

                nearest = nearest is null || candidate.Format.Name == row.Format.Name ? difference : nearest;
            }

            if (nearest is not null)
            {
                yield return nearest;
            }
            else if (!byTime.Contains(row.Timestamp))
            {
                yield return $"{row.Format.FullName} at {row.Timestamp} is in no line";
            }
        }
    }

    private static string? Difference(CapturedRows.Row whole, CapturedRows.Row row, Kind kind)
    {
        if (row.Format.Name == "line")
        {
            return null; // no event was recognised, and none is said to be one
        }

        if (whole.Format.FullName != row.Format.FullName || (row.Pid != -1 && whole.Pid != row.Pid) || (row.Cpu != -1 && whole.Cpu != row.Cpu) || (row.Comm is not null && row.Comm != whole.Comm))
        {
            return $"{row.Format.FullName} of {row.Comm}-{row.Pid} on {row.Cpu}, expected {whole.Format.FullName} of {whole.Comm}-{whole.Pid} on {whole.Cpu}";
        }

        for (int i = 0; i < row.Format.Fields.Count; i++)
        {
            string name = row.Format.Fields[i].Name;
            if (row.Value(i) is { } value && GoldenTextTests.Value(whole, name) is { } expected && !Same(value, expected, row.Format.Fields[i].IsString, kind))
            {
                return $"{row.Format.FullName} at {row.Timestamp}: {name} is {value}, expected {expected}";
            }
        }

        return null;
    }

    // Blanks of a text that is kept as such are not told apart; a free text of which lines were dropped is a whole valid one.
    private static bool Same(string value, string expected, bool isText, Kind kind) => value == expected
        || Blank().Replace(value, "") == Blank().Replace(expected, "")
        || (isText && kind is Kind.WrappedAndDropped && Blank().Replace(expected, "").StartsWith(Blank().Replace(value, ""), StringComparison.Ordinal));

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
