using System.Globalization;

namespace TraceReplay.Replay.Scripts;

/// <summary>The words of one line, taken from the left.</summary>
internal sealed class LineWords(string file, int line, string text)
{
    private readonly string[] _words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    private const int MaxShown = 40;

    private int _next;

    public bool AtEnd => _next == _words.Length;

    /// <summary>The next word as a message may show it.</summary>
    public string Peek => AtEnd
        ? "the end of the line"
        : $"'{string.Concat(_words[_next].Take(MaxShown).Select(c => char.IsControl(c) ? '?' : c))}{(_words[_next].Length > MaxShown ? "…" : "")}'";

    /// <summary>Takes the word if it is the next one.</summary>
    public bool Take(string word)
    {
        bool taken = !AtEnd && _words[_next] == word;
        _next += taken ? 1 : 0;
        return taken;
    }

    /// <summary>Takes all of the words, or none.</summary>
    public bool Take(ReadOnlySpan<string> words)
    {
        bool taken = words.SequenceEqual(_words.AsSpan(_next, Math.Min(words.Length, _words.Length - _next)));
        _next += taken ? words.Length : 0;
        return taken;
    }

    /// <summary>A number, decimal or 0x; no larger than <paramref name="max"/>.</summary>
    public ulong Number(string what, ulong max)
    {
        string word = AtEnd ? "" : _words[_next];
        bool hex = word.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (!ulong.TryParse(hex ? word.AsSpan(2) : word, hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
        {
            throw Complaint($"{Peek}, expected a number for {what}");
        }

        if (value > max)
        {
            throw Complaint($"{what} {Peek}, expected at most {(hex ? $"0x{max:x}" : max.ToString(CultureInfo.InvariantCulture))}");
        }

        _next++;
        return value;
    }

    public ScriptException Complaint(string complaint) => new(file, line, complaint);
}
