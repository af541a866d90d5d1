using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Replay.Tests.Captures;

namespace TraceReplay.Replay.Tests.Judging;

/// <summary>One event's line in an ftrace text.</summary>
/// <param name="Head">All before the event's name.</param>
internal sealed record TextEvent(string Head, int Pid, long Time, string Name, string Values);

/// <summary>The ftrace text of a capture, line by line.</summary>
internal sealed partial class RecordedText
{
    public RecordedText(string[] lines)
    {
        Lines = lines;
        Events = [.. lines.Select(Parse)];
    }

    public IReadOnlyList<string> Lines { get; }

    /// <summary>null for a line that is no event of the form <c>name: values</c>.</summary>
    public IReadOnlyList<TextEvent?> Events { get; }

    /// <summary>The lines of each fault: from kvm_page_fault to its task's next kvm_entry or kvm_userspace_exit, both included.</summary>
    public IReadOnlyList<TextFault> Faults => field ??= ReadFaults();

    /// <summary>A capture's text by its path below one of the captures' directories; null if none of them has it.</summary>
    public static RecordedText? Find(string relative)
    {
        foreach (string directory in ReplayedCapture.More())
        {
            string path = Path.Combine(directory, relative);
            if (File.Exists(path))
            {
                return Read(path);
            }
        }

        return null;
    }

    public static RecordedText Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        using ZstdSharp.DecompressionStream plain = new(file);
        using StreamReader reader = new(plain);
        return new RecordedText(reader.ReadToEnd().Split('\n'));
    }

    public static TextEvent? Parse(string line)
    {
        Match match = EventLine().Match(line);
        return match.Success
            ? new TextEvent(
                line[..match.Groups[3].Index],
                int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
                (long)(decimal.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture) * 1_000_000_000),
                match.Groups[3].Value,
                match.Groups[4].Value)
            : null;
    }

    private List<TextFault> ReadFaults()
    {
        Dictionary<int, TextFault> open = [];
        List<TextFault> all = [];
        for (int i = 0; i < Lines.Count; i++)
        {
            if (Events[i] is not { } e)
            {
                continue;
            }

            if (e.Name == "kvm_page_fault")
            {
                all.Add(open[e.Pid] = new TextFault(this));
            }

            if (open.TryGetValue(e.Pid, out TextFault? fault))
            {
                fault.Add(i);
                if (e.Name is "kvm_entry" or "kvm_userspace_exit")
                {
                    open.Remove(e.Pid);
                }
            }
        }

        return all;
    }

    [GeneratedRegex(@"^\s*.+-(\d+)\s+\[\d+\]\s+\S+\s+(\d+\.\d+): (\w+): (.*)$")]
    private static partial Regex EventLine();
}

/// <summary>The lines of one fault.</summary>
internal sealed class TextFault(RecordedText text)
{
    private readonly Dictionary<string, int> _last = [];

    public List<int> Lines { get; } = [];

    public TextEvent Begin => text.Events[Lines[0]]!;

    /// <summary>As a replay's tables name it.</summary>
    public (int Pid, long Time) Key => (Begin.Pid, Begin.Time);

    public ulong Gfn => HexIn(Begin.Values, Begin.Values.Contains("fault_address=", StringComparison.Ordinal) ? "fault_address=0x" : "address 0x") >> 12;

    /// <summary>Index of the last line of an event; -1 if the fault has none.</summary>
    public int Of(string name) => _last.GetValueOrDefault(name, -1);

    public bool Has(string name) => _last.ContainsKey(name);

    /// <summary>The values of an event; empty if the fault has none.</summary>
    public string Values(string name) => Of(name) is >= 0 and int line ? text.Events[line]!.Values : "";

    /// <summary>The lines of an event.</summary>
    public IEnumerable<int> All(params string[] names) => Lines.Where(line => names.Contains(text.Events[line]!.Name));

    /// <summary>What the handler's return probe says; empty without it.</summary>
    public string Return => Values("tdp_fault_ret") is { Length: > 0 } values ? values[(values.LastIndexOf('=') + 1)..] : "";

    public void Add(int line)
    {
        Lines.Add(line);
        _last[text.Events[line]!.Name] = line;
    }

    public static ulong HexIn(string values, string behind)
    {
        int at = values.IndexOf(behind, StringComparison.Ordinal) + behind.Length;
        int end = at;
        while (end < values.Length && char.IsAsciiHexDigit(values[end]))
        {
            end++;
        }

        return ulong.Parse(values.AsSpan(at, end - at), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
