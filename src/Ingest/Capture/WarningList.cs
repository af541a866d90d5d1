using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;

namespace TraceReplay.Ingest.Capture;

/// <summary>
/// What is to be said of a capture, bounded whatever the capture holds: warnings of one kind, which differ in numbers and in what
/// they quote only, are counted after the first few.
/// </summary>
public sealed partial class WarningList : IReadOnlyList<string>
{
    /// <summary>Warnings of one kind that are kept word for word.</summary>
    public const int MostOfAKind = 8;

    /// <summary>Warnings of all kinds that are kept.</summary>
    public const int Most = 200;

    /// <summary>Characters of one warning.</summary>
    public const int Longest = 600;

    private const int KindLength = 120;

    private readonly List<string> _kept = [];
    private readonly Dictionary<string, long> _kinds = new(StringComparer.Ordinal);
    private long _others;

    public int Count => _kept.Count + Summaries().Count();

    public string this[int index] => index < _kept.Count ? _kept[index] : Summaries().ElementAt(index - _kept.Count);

    public void Add(string warning) => Insert(_kept.Count, warning);

    public void AddRange(IEnumerable<string> warnings)
    {
        foreach (string warning in warnings)
        {
            Add(warning);
        }
    }

    public void Insert(int index, string warning)
    {
        string kind = KindOf(warning);
        long before = _kinds.GetValueOrDefault(kind);
        if ((before == 0 && _kinds.Count >= Most) || _kept.Count >= Most)
        {
            _others++;
            return;
        }

        _kinds[kind] = before + 1;
        if (before < MostOfAKind)
        {
            _kept.Insert(index, warning.Length <= Longest ? warning : string.Concat(warning.AsSpan(0, Longest), "…"));
        }
    }

    public void InsertRange(int index, IEnumerable<string> warnings)
    {
        foreach (string warning in warnings)
        {
            int before = _kept.Count;
            Insert(index, warning);
            index += _kept.Count - before;
        }
    }

    public void Clear()
    {
        _kept.Clear();
        _kinds.Clear();
        _others = 0;
    }

    public IEnumerator<string> GetEnumerator() => _kept.Concat(Summaries()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private IEnumerable<string> Summaries()
    {
        foreach ((string kind, long count) in _kinds)
        {
            if (count > MostOfAKind)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"and {count - MostOfAKind} more of the kind \"{kind}\"");
            }
        }

        if (_others > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"and {_others} more warnings");
        }
    }

    // What a message says of a thing stands before the colon; what it quotes of the capture, behind it.
    private static string KindOf(string warning)
    {
        int colon = warning.IndexOf(": ", StringComparison.Ordinal);
        string head = colon < 0 ? warning : warning[..(colon + 1)];
        return Number().Replace(head.Length <= KindLength ? head : head[..KindLength], "#");
    }

    [GeneratedRegex("(0x)?[0-9][0-9a-fA-F]*")]
    private static partial Regex Number();
}
