namespace TraceReplay.Ingest.FtraceText;

/// <summary>One event of a text: what its line says of task, CPU and time, and the event's own text with the lines that belong to it.</summary>
internal sealed class TextRecord
{
    // TASK_COMM_LEN; only of workers the kernel shows more. What is longer has something before the name.
    private const int LongestComm = 15;

    private byte[] _text = new byte[512];
    private int _length;
    private int _firstLine;

    /// <summary>Where its line starts in the file.</summary>
    public long Offset { get; private set; }

    /// <summary>null where the kernel no longer knew the name (<c>&lt;...&gt;</c>), or the text cut it.</summary>
    public string? Comm { get; private set; }

    public int Pid { get; private set; }

    /// <summary>The line says the thread, even if only that perf did not know it.</summary>
    public bool HasPid { get; private set; }

    /// <summary>What stands where the thread's name does can be one.</summary>
    public bool CommFits { get; private set; }

    /// <summary>-1 if not shown.</summary>
    public int Tgid { get; private set; }

    public int Cpu { get; private set; }

    public long Timestamp { get; private set; }

    /// <summary>-1 if not shown.</summary>
    public long Period { get; private set; }

    /// <summary>Whether the time stamp is in nanoseconds.</summary>
    public bool HasUnit { get; private set; }

    public string Instance { get; private set; } = "";

    /// <summary>common_flags, or null where the text does not show all of them.</summary>
    public byte? Flags { get; private set; }

    /// <summary>common_preempt_count, likewise.</summary>
    public byte? PreemptCount { get; private set; }

    /// <summary>What is known of the end of its text.</summary>
    public TextEnd End { get; private set; }

    /// <summary>A line behind the first does not look as those of a stack do: a blank, then an address, or a module at its end.</summary>
    public bool Unlike { get; private set; }

    /// <summary>How many lines there are behind the first one.</summary>
    public int MoreLines { get; private set; }

    /// <summary>Event and payload, as far as its first line goes.</summary>
    public ReadOnlySpan<byte> Text => _text.AsSpan(0, _firstLine);

    /// <summary>The lines behind the first one.</summary>
    public ReadOnlySpan<byte> Rest => MoreLines == 0 ? [] : _text.AsSpan(_firstLine + 1, _length - _firstLine - 1);

    /// <summary>The first lines, with line feeds between.</summary>
    public ReadOnlySpan<byte> Lines(int count)
    {
        int end = _firstLine;
        for (; count > 1 && end < _length; count--)
        {
            int feed = _text.AsSpan(end + 1, _length - end - 1).IndexOf((byte)'\n');
            end = feed < 0 ? _length : end + 1 + feed;
        }

        return _text.AsSpan(0, end);
    }

    /// <summary>How many lines the event may have: all, or two if a mail program wrapped its line, or one.</summary>
    public static int FewerLines(int count) => count > 2 ? 2 : count - 1;

    public void Start(in LineHeader header, long offset, NameCache names, TextEnd end = TextEnd.Sure)
    {
        End = end;
        Unlike = false;
        Offset = offset;
        Pid = header.Pid;
        Tgid = header.Tgid;
        Cpu = header.Cpu;
        Timestamp = header.Timestamp;
        Period = header.Period;
        HasUnit = header.HasUnit;
        HasPid = !header.NoPid;
        if (header.Start?.Names is { } known)
        {
            (Comm, CommFits, Instance) = known;
        }
        else
        {
            Name(in header, names);
            header.Start?.Names = (Comm, CommFits, Instance);
        }

        (Flags, PreemptCount) = LatencyColumns.Decode(header.Flags);
        _length = 0;
        MoreLines = 0;
        Append(header.Body);
        _firstLine = _length;
    }

    private void Name(in LineHeader header, NameCache names)
    {
        Instance = header.Instance.IsEmpty ? "" : names.Get(header.Instance);
        int mark = header.Comm.IndexOfAny(":|>"u8);
        CommFits = (header.Comm.Length <= LongestComm || header.Comm.StartsWith("kworker/"u8)) && (mark < 0 || !HasLogsEnd(header.Comm[mark..]));
        bool unknown = header.Comm.SequenceEqual("<...>"u8) || header.Comm.IsEmpty || (header.Latency && header.Comm.Length >= 8) || !CommFits;
        Comm = unknown ? null : names.Get(header.Comm);
    }

    /// <returns>false if the record would become longer than any can be.</returns>
    public bool Continue(ReadOnlySpan<byte> line)
    {
        if (_length + line.Length >= TextLines.LongestLine)
        {
            return false;
        }

        Unlike |= line.Length > 0 && !IsFrame(line);
        Append("\n"u8);
        Append(line);
        MoreLines++;
        return true;
    }

    /// <summary>A character that ends a log's prefix, and a blank behind it.</summary>
    private static bool HasLogsEnd(ReadOnlySpan<byte> comm)
    {
        for (int i = 0; i + 1 < comm.Length; i++)
        {
            if (comm[i] is (byte)':' or (byte)'|' or (byte)'>' && AsciiText.IsSpace(comm[i + 1]))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsFrame(ReadOnlySpan<byte> line)
    {
        if (line[0] is not ((byte)' ' or (byte)'\t'))
        {
            return false;
        }

        ReadOnlySpan<byte> text = AsciiText.TrimStart(line);
        int digits = AsciiText.Hex(text, out _);
        return text.IsEmpty || (digits > 3 && digits < text.Length && text[digits] == ' ') || text[^1] == ')';
    }

    private void Append(ReadOnlySpan<byte> text)
    {
        if (_length + text.Length > _text.Length)
        {
            Array.Resize(ref _text, Math.Max(_text.Length * 2, _length + text.Length));
        }

        text.CopyTo(_text.AsSpan(_length));
        _length += text.Length;
    }
}

/// <summary>Names that repeat on every line.</summary>
internal sealed class NameCache
{
    private const int Limit = 1 << 16;
    private readonly Dictionary<string, string> _names = [];
    private readonly NearTable<string> _near = new();

    public string Get(ReadOnlySpan<byte> name)
    {
        if (_near.Find(name) is { } near)
        {
            return near;
        }

        string text = Far(name);
        _near.Put(name, text);
        return text;
    }

    private string Far(ReadOnlySpan<byte> name)
    {
        if (name.Length > 64)
        {
            return Tracefs.TraceText.Decode(name);
        }

        Span<char> chars = stackalloc char[64];
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] >= 0x80)
            {
                return Tracefs.TraceText.Decode(name);
            }

            chars[i] = (char)name[i];
        }

        Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> lookup = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(chars[..name.Length], out string? known))
        {
            return known;
        }

        string text = chars[..name.Length].ToString();
        if (_names.Count < Limit)
        {
            _names[text] = text;
        }

        return text;
    }
}
