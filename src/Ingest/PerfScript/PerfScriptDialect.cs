using TraceReplay.Ingest.FtraceText;

namespace TraceReplay.Ingest.PerfScript;

/// <summary>What <c>perf script</c> prints (spec/trace-formats section 6): a line for each sample, with the frames of its stack behind it.</summary>
internal sealed class PerfScriptDialect : TextDialect
{
    private static readonly System.Buffers.SearchValues<byte> s_recordName = System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"u8);

    private readonly StackFrames _frames = new();

    public override string Format => "perf script text";

    public override string UnknownSystem => "perf";

    public override bool BlankEndsEvent => true;

    public override bool HasStacks => true;

    public override LineKind Classify(ReadOnlySpan<byte> line, out LineHeader header)
    {
        header = default;
        if (AsciiText.TrimStart(line).IsEmpty)
        {
            return LineKind.Blank;
        }

        if (line[0] == '#')
        {
            return LineKind.Comment;
        }

        // Frames are set off by a tab, names of threads by blanks at most.
        if (line[0] == '\t' || !PerfScriptHeader.TryParse(line, out header))
        {
            return LineKind.Other;
        }

        return header.Body.StartsWith("PERF_RECORD_LOST"u8) ? LineKind.Lost : LineKind.Event;
    }

    /// <summary>A frame ends with its module in parentheses.</summary>
    public override bool IsWhole(ReadOnlySpan<byte> line) => line.StartsWith("\t"u8) && line.EndsWith(")"u8);

    /// <summary><c>PERF_RECORD_LOST lost 12</c>, from <c>perf script --show-lost-events</c>.</summary>
    public override (int Cpu, long? Count) Lost(ReadOnlySpan<byte> line)
    {
        _ = PerfScriptHeader.TryParse(line, out LineHeader header);
        int number = header.Body.LastIndexOf((byte)' ') + 1;
        bool counted = AsciiText.Unsigned(header.Body[number..], out ulong count) > 0 && count <= long.MaxValue;
        return (header.Cpu, counted ? (long)count : null);
    }

    /// <summary>The name ends with a colon before a blank; colons within part system, event and modifiers.</summary>
    public override bool TrySplit(ReadOnlySpan<byte> text, Span<byte> composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload)
    {
        int end = text.IndexOfAny(" \t"u8);
        name = end < 0 ? text : text[..end];
        payload = end < 0 ? [] : AsciiText.TrimStart(text[end..]);
        if (name.StartsWith("PERF_RECORD_"u8))
        {
            // PERF_RECORD_FORK(21174:24147):(21174:21174)
            int record = name.IndexOfAnyExcept(s_recordName);
            payload = record < 0 ? payload : text[record..];
            name = record < 0 ? name : name[..record];
            return name.Length <= TextSurvey.LongestName;
        }

        bool named = name.Length is > 1 and <= TextSurvey.LongestName && name[^1] == ':';
        name = named ? name[..^1] : name;
        return named;
    }

    public override bool FromReport(ReadOnlySpan<byte> text) => true;

    public override string? Stack(ReadOnlySpan<byte> lines) => lines.IsEmpty ? null : _frames.Read(lines);
}
