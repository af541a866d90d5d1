namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>
/// What stands before the thread's name on the lines of one text, in whatever form a log has: told by what the lines have in common,
/// numbers aside, and by what cannot be a part of a name.
/// </summary>
internal sealed class LearnedPrefix
{
    // The kernel and perf pad a name to this, and no thread has a longer one than it less one.
    private const int Column = 16;
    private const int LongestName = Column - 1;
    private const int MostLines = 2_000;

    // A log's prefix ends with one of these and a blank.
    private static readonly System.Buffers.SearchValues<byte> s_ends = System.Buffers.SearchValues.Create("]:|>}"u8);
    private static readonly System.Buffers.SearchValues<byte> s_marks = System.Buffers.SearchValues.Create("+-;%*:|$\"`"u8);

    private readonly List<byte[]> _lines = [];
    private byte[] _shape = [];
    private byte _mark;

    /// <summary>Something stands before the names, and where they begin is not known.</summary>
    public bool IsAmbiguous { get; private set; }

    /// <summary>An event's line, up to where its thread's name ends.</summary>
    public void Learn(ReadOnlySpan<byte> before)
    {
        if (_lines.Count < MostLines)
        {
            _lines.Add(before.ToArray());
        }
    }

    /// <summary>Decides, after all lines.</summary>
    public void Settle()
    {
        if (_lines.Count > 1 && s_marks.Contains(FirstByte(_lines[0])) && _lines.All(line => FirstByte(line) == FirstByte(_lines[0])))
        {
            _mark = FirstByte(_lines[0]);
        }

        // Of one name alone it is not known whether it has such an end itself.
        bool ends = _lines.Any(line => HasEnd(Name(line))) && _lines.DistinctBy(line => Convert.ToHexString(Name(line))).Skip(1).Any();
        if (!ends && !_lines.Any(line => Name(line).Length - (_mark != 0 ? 1 : 0) > LongestName || IsMarked(line)))
        {
            return;
        }

        _shape = ByPlaceholder() ?? ByColumn() ?? ByEnd() ?? [];
        IsAmbiguous = _shape.Length == 0;
    }

    /// <summary>How much of a line stands before the thread's name.</summary>
    public int Length(ReadOnlySpan<byte> line)
    {
        int mark = line.IndexOfAnyExcept((byte)' ');
        return _shape.Length > 0 ? Match(line) : _mark != 0 && mark >= 0 && line[mark] == _mark ? mark + 1 : 0;
    }

    /// <summary>Words without a letter before the name: a number in a listing, a bullet, a time.</summary>
    public static int Listing(ReadOnlySpan<byte> before)
    {
        int at = 0;
        while (true)
        {
            int start = at + Blanks(before[at..]);
            int end = before[start..].IndexOfAny(" \t"u8);
            if (end <= 0 || before[start] == '<' || AsciiText.TrimStart(before[(start + end)..]).IsEmpty || before.Slice(start, end).IndexOfAnyInRange((byte)'A', (byte)'Z') >= 0
                || before.Slice(start, end).IndexOfAnyInRange((byte)'a', (byte)'z') >= 0)
            {
                return at;
            }

            at = start + end;
        }
    }

    private static int Blanks(ReadOnlySpan<byte> text)
    {
        int n = text.IndexOfAnyExcept(" \t"u8);
        return n < 0 ? text.Length : n;
    }

    private static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> before) => AsciiText.TrimStart(before[Listing(before)..]);

    private static byte FirstByte(ReadOnlySpan<byte> before) => AsciiText.TrimStart(before) is { IsEmpty: false } text ? text[0] : (byte)0;

    // What the kernel writes for a name that it does not know, with something before it.
    private static bool IsMarked(ReadOnlySpan<byte> before) => Placeholder(before) > 0 && !AsciiText.TrimStart(before[..Placeholder(before)]).IsEmpty;

    private static int Placeholder(ReadOnlySpan<byte> before) =>
        before.EndsWith("<...>"u8) ? before.Length - "<...>"u8.Length : before.EndsWith("<idle>"u8) ? before.Length - "<idle>"u8.Length : -1;

    private static bool HasEnd(ReadOnlySpan<byte> name)
    {
        for (int at = name.IndexOf((byte)' '); at > 0; at = name[(at + 1)..].IndexOf((byte)' ') is >= 0 and int next ? at + 1 + next : -1)
        {
            if (s_ends.Contains(name[at - 1]) && !name[..at].EndsWith("<...>"u8))
            {
                return true;
            }
        }

        return false;
    }

    private byte[]? ByPlaceholder()
    {
        byte[][] shapes = [.. _lines.Where(line => IsMarked(line)).Select(line => Shape(line.AsSpan(0, Placeholder(line))))];
        return shapes.Length > 0 ? Common(shapes) : null;
    }

    private byte[]? ByColumn()
    {
        if (_lines.Any(line => line.Length <= Column) || !_lines.Any(line => line[^Column] == ' '))
        {
            return null;
        }

        return Common([.. _lines.Select(line => Shape(line.AsSpan(0, line.Length - Column)))]);
    }

    private byte[]? ByEnd() => Common([.. _lines.Select(line =>
    {
        int end = line.Length;
        do
        {
            end = line.AsSpan(0, end).LastIndexOf((byte)' ');
        }
        while (end > 0 && !s_ends.Contains(line[end - 1]) && !line.AsSpan(0, end).EndsWith(" -"u8));
        return end > 0 && line.Length - end - 1 <= LongestName ? Shape(line.AsSpan(0, end)) : [];
    })]);

    /// <summary>The shape that all have; null if there is none.</summary>
    private static byte[]? Common(byte[][] shapes) => shapes[0].Length > 0 && shapes.All(shape => shape.AsSpan().SequenceEqual(shapes[0])) ? shapes[0] : null;

    /// <summary>A text with each number as one digit and each run of blanks as one blank, without blanks at its end.</summary>
    private static byte[] Shape(ReadOnlySpan<byte> text)
    {
        text = AsciiText.TrimEnd(text);
        List<byte> shape = [];
        foreach (byte b in text)
        {
            byte kind = Kind(b);
            if (kind == b || shape.Count == 0 || shape[^1] != kind)
            {
                shape.Add(kind);
            }
        }

        return [.. shape];
    }

    // NUL stands for a number, SOH for blanks.
    private static byte Kind(byte b) => AsciiText.IsDigit(b) ? (byte)0 : AsciiText.IsSpace(b) ? (byte)1 : b;

    private int Match(ReadOnlySpan<byte> line)
    {
        int at = 0;
        foreach (byte kind in _shape)
        {
            int start = at;
            while (at < line.Length && Kind(line[at]) == kind && (kind <= 1 || at == start))
            {
                at++;
            }

            if (at == start)
            {
                return 0;
            }
        }

        return at < line.Length && AsciiText.IsSpace(line[at]) ? at + 1 : at;
    }
}
