namespace TraceReplay.Ingest.FtraceText;

/// <summary>What a line of a text is.</summary>
internal enum LineKind
{
    Event,
    Lost,
    Comment,
    Blank,
    Other,
}

/// <summary>How one program writes the events of a trace as lines.</summary>
internal abstract class TextDialect
{
    /// <summary>The format's name, as in <see cref="Capture.CaptureInfo.Format"/>.</summary>
    public abstract string Format { get; }

    /// <summary>Where events go whose system the text does not tell.</summary>
    public abstract string UnknownSystem { get; }

    /// <summary>Whether a blank line ends an event.</summary>
    public virtual bool BlankEndsEvent => false;

    public abstract LineKind Classify(ReadOnlySpan<byte> line, out LineHeader header);

    /// <summary>Whether a line behind an event shows by itself that it was not cut.</summary>
    public virtual bool IsWhole(ReadOnlySpan<byte> line) => false;

    /// <summary>CPU and number of lost records; null where the text does not say.</summary>
    public abstract (int Cpu, long? Count) Lost(ReadOnlySpan<byte> line);

    /// <summary>Finds an event's name, <c>system:name</c> where the text tells the system, and what it prints.</summary>
    /// <param name="composed">Room for a name that does not stand in the text as it is.</param>
    /// <returns>false if there is nothing like an event.</returns>
    public abstract bool TrySplit(ReadOnlySpan<byte> text, Span<byte> composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload);

    /// <summary>Whether libtraceevent printed the event (trace-cmd, perf), whose texts differ from the kernel's here and there.</summary>
    public abstract bool FromReport(ReadOnlySpan<byte> text);

    /// <summary>Whether another event seems to stand behind one on its line: CPU and time are in it.</summary>
    public static bool HoldsEvent(ReadOnlySpan<byte> text)
    {
        for (int from = 0; text[from..].IndexOf("] "u8) is >= 0 and int at; from += at + 2)
        {
            ReadOnlySpan<byte> rest = AsciiText.TrimStart(text[(from + at + 2)..]);
            int flags = rest.Length > 0 && !AsciiText.IsDigit(rest[0]) ? rest.IndexOfAny(" \t"u8) : 0;
            LineHeader header = default;
            if (at > 2 && AsciiText.IsDigit(text[from + at - 1]) && flags is >= 0 and <= 8
                && LineHeader.Time(AsciiText.TrimStart(rest[flags..]), out int taken, ref header) && header.HasUnit && AsciiText.TrimStart(rest[flags..])[taken..].StartsWith(":"u8))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an event's own text has more than one line.</summary>
    public virtual bool HasLines(ReadOnlySpan<byte> text) => false;

    /// <summary>Whether lines behind the first are the frames of a stack.</summary>
    public virtual bool HasStacks => false;

    /// <summary>One frame a line, innermost first.</summary>
    /// <param name="lines">The lines behind an event's first.</param>
    public virtual string? Stack(ReadOnlySpan<byte> lines) => null;
}
