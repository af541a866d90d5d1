using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// The lines of a text capture. Marks of a quoting mail (<c>&gt; </c>) are taken off; where the text is quoted-printable, its
/// soft line breaks and <c>=3D</c> are undone.
/// </summary>
/// <param name="repaired">The text comes from <see cref="Repair.TextRepair"/>: quoting marks are off, and the last byte of a line may say what is known of its end.</param>
/// <param name="raw">Quoting marks stay.</param>
internal sealed class TextLines(CaptureFile file, bool quotedPrintable, bool repaired = false, bool raw = false)
{
    /// <summary>No line of a trace comes near; what has longer ones is no text.</summary>
    public const int LongestLine = 1 << 17;

    private readonly byte[] _window = new byte[(int)Math.Min(8 * LongestLine, file.Length + 1)];
    private readonly byte[] _unfolded = quotedPrintable ? new byte[LongestLine] : [];
    private long _windowOffset;
    private int _filled;
    private int _next;
    private byte[] _text = [];
    private int _start;
    private int _length;

    /// <summary>Where the current line starts in the file.</summary>
    public long Offset { get; private set; }

    /// <summary>Whether a line feed ends the current line.</summary>
    public bool Terminated { get; private set; }

    /// <summary>What is known of the current line's end.</summary>
    public TextEnd End { get; private set; }

    /// <summary>Some line so far has blanks that are none of ASCII's, or what a program writes for a character that it could not read.</summary>
    public bool OddBlanks { get; private set; }

    /// <summary>The current line without its end; valid until the next move.</summary>
    public ReadOnlySpan<byte> Line => _text.AsSpan(_start, _length);

    public void Seek(long offset)
    {
        if (offset < _windowOffset || offset > _windowOffset + _filled)
        {
            (_windowOffset, _filled) = (offset, 0);
        }

        _next = (int)(offset - _windowOffset);
    }

    /// <exception cref="CaptureException">A line that cannot be text.</exception>
    public bool MoveNext()
    {
        if (!NextRaw())
        {
            return false;
        }

        Offset = _windowOffset + _start;
        if (quotedPrintable)
        {
            Unfold();
        }

        ReadOnlySpan<byte> line = Line;
        int odd = line.IndexOfAnyExceptInRange((byte)1, (byte)0x7f);
        if (odd >= 0)
        {
            Check(line, odd);
        }

        if (repaired || raw)
        {
            End = repaired && line.Length > 0 && line[^1] is > 0 and <= (byte)TextEnd.Doubtful ? (TextEnd)line[^1] : TextEnd.Sure;
            _length -= End == TextEnd.Sure ? 0 : 1;
            return true;
        }

        int quoted = 0;
        while (quoted < line.Length && line[quoted] == '>')
        {
            quoted++;
            quoted += quoted < line.Length && line[quoted] == ' ' ? 1 : 0;
        }

        int end = line.Length > 0 && line[^1] == '\r' ? 1 : 0;
        _start += Math.Min(quoted, line.Length - end);
        _length = Math.Max(0, line.Length - quoted - end);
        return true;
    }

    private void Check(ReadOnlySpan<byte> line, int from)
    {
        int nul = line[from..].IndexOf((byte)0);
        if (nul >= 0)
        {
            throw file.Damaged(Offset + from + nul, "a NUL byte", "expected a line of text");
        }

        OddBlanks = OddBlanks || Repair.PlainText.HasOddBlanks(line);
    }

    private bool NextRaw()
    {
        int end = _window.AsSpan(_next, _filled - _next).IndexOf((byte)'\n');
        if (end < 0)
        {
            int rest = _filled - _next;
            _window.AsSpan(_next, rest).CopyTo(_window);
            _windowOffset += _next;
            _filled = rest + file.Read(_windowOffset + rest, _window.AsSpan(rest));
            _next = 0;
            end = _window.AsSpan(rest, _filled - rest).IndexOf((byte)'\n');
            end = end < 0 ? -1 : end + rest;
        }

        int length = end < 0 ? _filled - _next : end;
        if (length > LongestLine)
        {
            throw file.Damaged(_windowOffset + _next, $"a line of more than {LongestLine} bytes", "expected a line of a trace");
        }

        (_text, _start, _length) = (_window, _next, length);
        Terminated = end >= 0;
        _next += length + (Terminated ? 1 : 0);
        return Terminated || length > 0;
    }

    private void Unfold()
    {
        int n = 0;
        bool more;
        do
        {
            ReadOnlySpan<byte> line = Line.TrimEnd((byte)'\r');
            more = line.Length > 0 && line[^1] == '=' && Terminated;
            line = more ? line[..^1] : line;
            for (int i = 0; i < line.Length && n < _unfolded.Length; i++)
            {
                bool escaped = line[i] == '=' && i + 2 < line.Length && char.IsAsciiHexDigit((char)line[i + 1]) && char.IsAsciiHexDigit((char)line[i + 2]);
                _unfolded[n++] = escaped ? Convert.FromHexString(System.Text.Encoding.ASCII.GetString(line.Slice(i + 1, 2)))[0] : line[i];
                i += escaped ? 2 : 0;
            }
        }
        while (more && NextRaw());
        (_text, _start, _length) = (_unfolded, 0, n);
    }
}
