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
    void Other(long offset);
}

/// <summary>Puts the lines of a text together to events: a line that starts none belongs to the event before it.</summary>
internal sealed class RecordReader(CaptureFile file, bool quotedPrintable)
{
    private readonly TextLines _lines = new(file, quotedPrintable);
    private readonly TextRecord _record = new();
    private readonly NameCache _names = new();

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

                if (!_lines.Terminated)
                {
                    throw file.Damaged(_lines.Offset, "a last line without its end", "expected a line feed, as the line may be cut");
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
        if (!_lines.MoveNext() || !LineHeader.TryParse(_lines.Line, out LineHeader header))
        {
            throw file.Damaged(offset, "a line that changed while it was read", "expected the event that was there");
        }

        _record.Start(header, offset, _names);
        while (_lines.MoveNext() && _lines.Terminated && Kind(_lines.Line, out _) == LineKind.Other && _record.Continue(_lines.Line))
        {
        }

        return _record;
    }

    private enum LineKind
    {
        Event,
        Lost,
        Comment,
        Blank,
        Other,
    }

    private bool Line(ITextVisitor visitor, bool open)
    {
        ReadOnlySpan<byte> line = _lines.Line;
        switch (Kind(line, out LineHeader header))
        {
            case LineKind.Event:
                Flush(visitor, open);
                _record.Start(header, _lines.Offset, _names);
                return true;
            case LineKind.Lost:
                Flush(visitor, open);
                int digits = AsciiText.Unsigned(line[4..], out ulong cpu);
                ReadOnlySpan<byte> rest = line[(4 + digits)..];
                int number = rest.IndexOfAnyInRange((byte)'0', (byte)'9');
                bool counted = number >= 0 && AsciiText.Unsigned(rest[number..], out ulong count) > 0 && count <= long.MaxValue;
                visitor.Lost((int)cpu, counted ? (long)Count(rest[number..]) : null);
                return false;
            case LineKind.Comment:
                Flush(visitor, open);
                visitor.Comment(line);
                return false;
            case LineKind.Blank:
                return open;
            default:
                if (!open || !_record.Continue(line))
                {
                    visitor.Other(_lines.Offset);
                }

                return open;
        }
    }

    private static ulong Count(ReadOnlySpan<byte> text)
    {
        _ = AsciiText.Unsigned(text, out ulong count);
        return count;
    }

    private void Flush(ITextVisitor visitor, bool open)
    {
        if (open)
        {
            visitor.Record(_record);
        }
    }

    private static LineKind Kind(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = default;
        if (line.StartsWith("#"u8))
        {
            return LineKind.Comment;
        }

        if (LineHeader.TryParse(line, out header))
        {
            return LineKind.Event;
        }

        if (AsciiText.TrimStart(line).IsEmpty)
        {
            return LineKind.Blank;
        }

        if (line.StartsWith("CPU:"u8) && AsciiText.Unsigned(line[4..], out ulong cpu) > 0 && cpu < 65536 && line.IndexOf(" ["u8) > 0 && line.IndexOf("EVENTS"u8) > 0)
        {
            return LineKind.Lost;
        }

        // What trace-cmd report writes before the events.
        return line.StartsWith("cpus="u8) || line.StartsWith("version = "u8) || (line.StartsWith("CPU "u8) && line.EndsWith(" is empty"u8))
            ? LineKind.Comment
            : LineKind.Other;
    }
}
