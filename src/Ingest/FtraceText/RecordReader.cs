using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>Receives what the lines of a text are.</summary>
internal interface ITextVisitor
{
    /// <param name="record">Valid during the call only.</param>
    void Record(TextRecord record);

    /// <param name="count">null where the text does not say how many.</param>
    void Lost(int cpu, long? count);

    /// <summary>A line that starts with <c>#</c>, or one that trace-cmd puts before the events.</summary>
    void Comment(ReadOnlySpan<byte> line);

    /// <summary>A line that is none of these, and that belongs to no event.</summary>
    void Other(long offset, ReadOnlySpan<byte> line);
}

/// <summary>Puts the lines of a text together to events: a line that starts none belongs to the event before it.</summary>
/// <param name="whole">Judges the event of a last line that no line feed ends: whether it can be all of it.</param>
internal sealed class RecordReader(CaptureFile file, TextDialect dialect, bool quotedPrintable, RecordReader.WholeTest whole, bool repaired = false)
{
    public delegate bool WholeTest(ReadOnlySpan<byte> text);

    private readonly TextLines _lines = new(file, quotedPrintable, repaired);
    private readonly TextRecord _record = new();
    private readonly NameCache _names = new();

    /// <summary>Some line so far has blanks that are none of ASCII's.</summary>
    public bool OddBlanks => _lines.OddBlanks;

    /// <summary>Reads the whole text.</summary>
    /// <returns>null, or the damage that ended the reading.</returns>
    public CaptureDamage? ReadAll(ITextVisitor visitor, CancellationToken cancellation)
    {
        bool open = false;
        _lines.Seek(0);
        try
        {
            for (int n = 0; _lines.MoveNext(); n++)
            {
                if ((n & 0xfff) == 0)
                {
                    cancellation.ThrowIfCancellationRequested();
                }

                if (!_lines.Terminated && !IsWhole(_lines.Line, open))
                {
                    throw file.Damaged(_lines.Offset, "a last line that is cut", "expected the rest of it and a line feed");
                }

                open = Line(visitor, open);
            }
        }
        catch (CaptureException e)
        {
            Flush(visitor, open);
            return e.Damage;
        }

        Flush(visitor, open);
        return null;
    }

    /// <summary>Reads one event again.</summary>
    /// <param name="offset">Its <see cref="TextRecord.Offset"/>.</param>
    public TextRecord ReadAt(long offset)
    {
        _lines.Seek(offset);
        if (!_lines.MoveNext() || dialect.Classify(_lines.Line, out LineHeader header) != LineKind.Event)
        {
            throw file.Damaged(offset, "a line that changed while it was read", "expected the event that was there");
        }

        _record.Start(header, offset, _names, End);
        while (_lines.MoveNext() && _lines.Terminated && dialect.Classify(_lines.Line, out _) == LineKind.Other && _record.Continue(_lines.Line))
        {
        }

        return _record;
    }

    private bool IsWhole(ReadOnlySpan<byte> line, bool open) => dialect.Classify(line, out LineHeader header) switch
    {
        LineKind.Event => whole(header.Body),
        LineKind.Blank or LineKind.Comment => true,
        _ => open && dialect.IsWhole(line),
    };

    // A line that no line feed ends may be cut.
    private TextEnd End => _lines.Terminated || _lines.End >= TextEnd.Open ? _lines.End : TextEnd.Open;

    private bool Line(ITextVisitor visitor, bool open)
    {
        ReadOnlySpan<byte> line = _lines.Line;
        switch (dialect.Classify(line, out LineHeader header))
        {
            case LineKind.Event:
                Flush(visitor, open);
                _record.Start(header, _lines.Offset, _names, End);
                return true;
            case LineKind.Lost:
                Flush(visitor, open);
                (int cpu, long? count) = dialect.Lost(line);
                visitor.Lost(cpu, count);
                return false;
            case LineKind.Comment:
                Flush(visitor, open);
                visitor.Comment(line);
                return false;
            case LineKind.Blank when !dialect.BlankEndsEvent:
                return open;
            case LineKind.Blank:
                Flush(visitor, open);
                return false;
            default:
                if (!open || !_record.Continue(line))
                {
                    visitor.Other(_lines.Offset, line);
                }

                return open;
        }
    }

    private void Flush(ITextVisitor visitor, bool open)
    {
        if (open)
        {
            visitor.Record(_record);
        }
    }
}
