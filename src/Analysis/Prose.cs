using System.Globalization;
using System.Text;

namespace TraceReplay.Analysis;

/// <summary>Numbers and sentences as a summary shows them.</summary>
internal static class Prose
{
    /// <summary>Columns of prose where nobody says how wide the reader's page is.</summary>
    public const int Width = 100;

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long value, string one, string many) => $"{Count(value)} {(value == 1 ? one : many)}";

    /// <summary>A share in per cent; rounds down so that 100 % means all.</summary>
    public static string Percent(long part, long whole) => whole == 0
        ? "-"
        : part == whole ? "100 %" : (Math.Floor(part * 10000.0 / whole) / 100).ToString("0.00", CultureInfo.InvariantCulture) + " %";

    /// <summary>A kernel's release without what a distribution adds: 6.12.95+deb12-amd64 is 6.12.95.</summary>
    public static string Release(string release) => release.Split('+', '-')[0];

    public static string Seconds(long nanoseconds) => (nanoseconds / 1e9).ToString("0.0", CultureInfo.InvariantCulture) + " s";

    /// <summary>The text with a capital and a full stop.</summary>
    public static string Sentence(string text) => Capital(text).TrimEnd('.') + ".";

    /// <summary>The text with a capital, where its first word is one: vCPU and v11 are names.</summary>
    public static string Capital(string text) => text.Length > 1 && !char.IsAsciiLetterUpper(text[1]) && !char.IsAsciiDigit(text[1]) ? char.ToUpperInvariant(text[0]) + text[1..] : text;

    /// <summary>A name that fits; its end is what a long one loses.</summary>
    public static string Shortened(string name, int width) => name.Length <= width ? name : string.Concat(name.AsSpan(0, width - 1), "…");

    /// <summary>Writes text after a label, broken at spaces, continued below its own first column.</summary>
    public static void Labelled(TextWriter output, string label, string text, int indent, int width = Width)
    {
        var line = new StringBuilder(label.PadRight(indent));
        bool empty = true;
        foreach (string word in Words(text))
        {
            if (!empty && line.Length + 1 + word.Length > width)
            {
                output.Write(line.Append('\n'));
                line.Clear().Append(' ', indent);
                empty = true;
            }

            line.Append(empty ? "" : " ").Append(word);
            empty = false;
        }

        output.Write(line.Append('\n'));
    }

    /// <summary>Words that a line may end behind: a number and its per cent sign are one.</summary>
    private static List<string> Words(string text)
    {
        List<string> words = [];
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word[0] == '%' && words is [.., [.., >= '0' and <= '9'] number])
            {
                words[^1] = $"{number} {word}";
            }
            else
            {
                words.Add(word);
            }
        }

        return words;
    }
}
