using TraceReplay.Ingest.Capture.Unwrapping;
using TraceReplay.Ingest.FtraceText;

namespace TraceReplay.Ingest.Capture;

/// <summary>What a file that no format recognises is, as far as its first bytes tell, and what would be of use instead.</summary>
internal static class UnknownFormat
{
    private const int MostLines = 400;

    // Of the first lines only: further down it may be an excerpt in something else.
    private const int MostTellingLines = 20;

    /// <returns>What was found, and what to do, as the two ends of the contract's one line.</returns>
    public static (string Found, string Expected) Describe(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty)
        {
            return ("an empty file", "expected a capture");
        }

        string known = string.Join(", ", CaptureFormats.All.Select(f => f.Name));
        if (Wrapping.Refused(head) is { } packed)
        {
            return (packed, "expected a capture: unpack it first");
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F']))
        {
            return ("a program or core file (ELF)", $"expected one of: {known}");
        }

        return DescribeText(head) ?? ("an unknown format", $"expected one of: {known}");
    }

    /// <summary>A text that is no capture; null if nothing is known of it.</summary>
    public static (string Found, string Expected)? DescribeText(ReadOnlySpan<byte> head)
    {
        int lines = 0, graph = 0, nameless = 0, timeless = 0, traced = 0, maps = 0, bare = 0, empty = 0;
        bool attached = false, kvmStat = false;
        (string, string)? other = null;
        foreach (Range range in head.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = AsciiText.TrimStart(AsciiText.TrimEnd(head[range].TrimEnd((byte)'\r')));
            if (line.IsEmpty)
            {
                continue;
            }

            if (++lines > MostLines)
            {
                break;
            }

            attached |= (line.StartsWith("Attaching "u8) || line.StartsWith("Attached "u8)) && line.IndexOf(" probe"u8) > 0;
            other ??= lines <= MostTellingLines ? Telling(line) : null;
            kvmStat |= line.StartsWith("Analyze events for "u8);
            maps += line[0] == '@' && line.IndexOf(": "u8) > 0 ? 1 : 0;
            graph += IsGraph(line) ? 1 : 0;
            traced += IsPerfTrace(line) ? 1 : 0;
            empty += LineHeader.TryParse(line, out LineHeader header) && header.Body.IsEmpty ? 1 : 0;
            int at = Event(line);
            if (at >= 0)
            {
                ReadOnlySpan<byte> before = AsciiText.TrimEnd(line[..at]);
                bool timed = before.Length > 0 && before[^1] == ':';
                timeless += !timed && before.Length > 0 ? 1 : 0;
                nameless += timed ? 1 : 0;
                bare += before.IsEmpty ? 1 : 0;
            }
        }

        return (attached, graph, traced, timeless) switch
        {
            (true, _, _, _) => ("output of bpftrace", "expected lines with task, CPU and time: record the events with trace-cmd or perf"),
            _ when kvmStat => ("a summary by perf kvm stat", "expected the recording it was made of (perf.data)"),
            (_, > 0, _, _) => ("function_graph text without task and time", "expected both on each line: set the options funcgraph-proc and funcgraph-abstime, or use trace-cmd report"),
            (_, _, > 1, _) => ("output of perf trace", "expected events with their fields: perf record, then perf script"),
            _ when maps > 2 => ("output of bpftrace (its maps)", "expected lines with task, CPU and time: record the events with trace-cmd or perf"),
            (_, _, _, > 0) => ("perf script text without time", "expected it on each line: perf script -F comm,tid,cpu,time,event,trace"),
            _ when nameless > 0 => ("perf script text whose lines have no task, CPU or time in a known form", "expected them: perf script -F comm,tid,cpu,time,event,trace"),
            _ when empty > 0 => ("a line with task, CPU and time, but no event behind them: broken lines?", "expected the event on the same line"),
            _ when other is not null && bare == 0 => other,
            _ when bare > 0 => ("events without task, CPU and time", "expected them on each line: they order the events and tell the vCPU"),
            _ when lines == 0 => ("an empty text", "expected a capture"),
            _ => null,
        };
    }

    /// <summary>A line by which what is no trace can be told.</summary>
    private static (string Found, string Expected)? Telling(ReadOnlySpan<byte> line)
    {
        const string record = "expected a recording: trace-cmd record or perf record (tracereplay probes --small says how)";
        return line switch
        {
            _ when line.StartsWith("error: kvm run failed"u8) || line.StartsWith("KVM internal error"u8) => ("what QEMU prints when a guest dies, no trace", record),
            _ when line.StartsWith("# event histogram"u8) || line.StartsWith("# trigger info: hist"u8) => ("a histogram of events", "expected the events: the file trace, or a recording by trace-cmd or perf"),
            _ when line.IndexOf("Performance counter stats for"u8) >= 0 => ("a summary by perf stat", record),
            _ when line.IndexOf(", KVM_"u8) > 0 && line.IndexOf(") = "u8) > 0 => ("output of strace", record),
            _ when line.StartsWith("version https://git-lfs"u8) => ("a pointer of Git LFS, not the file itself", "expected a capture: git lfs pull"),
            _ when line.StartsWith("<!DOCTYPE"u8) || line.StartsWith("<!doctype"u8) || line.StartsWith("<html"u8) || line.StartsWith("<HTML"u8) => ("a page (HTML) without a trace", "expected a capture: save the text or the attachment"),
            _ when FtraceText.Repair.LogPrefix.IsKernels(line) => ("a log of the kernel without events", record),
            _ => null,
        };
    }

    /// <summary>Where an event as perf names it stands: <c>system:name:</c> before a blank; -1 if nowhere.</summary>
    private static int Event(ReadOnlySpan<byte> line)
    {
        for (int from = 0; from < line.Length;)
        {
            int end = line[from..].IndexOfAny(" \t"u8);
            ReadOnlySpan<byte> word = end < 0 ? line[from..] : line.Slice(from, end);
            int colon = word.IndexOf((byte)':');
            if (colon > 0 && word.Length > colon + 2 && word[^1] == ':' && EventCatalog.SystemOf(Tracefs.TraceText.Decode(word[(colon + 1)..^1])) is { } system
                && word[..colon].SequenceEqual(System.Text.Encoding.ASCII.GetBytes(system)))
            {
                return from;
            }

            if (from == 0 && word.Length > 1 && word[^1] == ':' && EventCatalog.SystemOf(Tracefs.TraceText.Decode(word[..^1])) is "kvm" or "kvmmmu")
            {
                return 0;
            }

            from = end < 0 ? line.Length : from + end + 1;
        }

        return -1;
    }

    /// <summary><c> 49)   2.200 us    |  function();</c>, also with the task before it.</summary>
    private static bool IsGraph(ReadOnlySpan<byte> line)
    {
        int digits = AsciiText.Unsigned(line, out _);
        int bar = line.IndexOf((byte)'|');
        bool cpu = digits > 0 && digits < line.Length && line[digits] == ')' && bar > 0;
        return (cpu || (bar > 0 && AsciiText.TrimEnd(line[..line.LastIndexOf((byte)'|')]).EndsWith(" us"u8)))
            && (line.EndsWith("{"u8) || line.EndsWith("();"u8) || line.EndsWith("}"u8) || line.EndsWith("*/"u8));
    }

    /// <summary><c>12.345 ( 0.004 ms): comm/12 call(…) = 0</c>, <c>12.345 comm/12 kvm:kvm_entry(vcpu_id: 0)</c>.</summary>
    private static bool IsPerfTrace(ReadOnlySpan<byte> line)
    {
        int digits = AsciiText.Unsigned(line, out _);
        int open = line.IndexOf((byte)'(');
        int close = line.IndexOf("): "u8);
        if (open > 0 && close > open && (line[..close].EndsWith("ms"u8) || AsciiText.TrimStart(line[(open + 1)..close]).IsEmpty))
        {
            return digits > 0 || line[0] == '?';
        }

        LineHeader header = default;
        return LineHeader.Time(line, out int taken, ref header) && header.HasUnit && open > taken && line[taken..open].IndexOf((byte)':') > 0 && line[^1] == ')' && line[(open + 1)..].IndexOf(": "u8) > 0;
    }
}
