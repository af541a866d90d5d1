using System.Globalization;
using System.Text;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>One CPU's pages: where they lie in the file.</summary>
internal readonly record struct CpuArea(int Cpu, long Offset, long Size);

/// <summary>One buffer instance; the top one has the empty name.</summary>
/// <param name="SectionOffset">v7: the section header; v6: the flyrecord tag.</param>
internal sealed record BufferOption(string Name, long SectionOffset, string Clock, int PageSize, IReadOnlyList<CpuArea> Cpus, bool Text);

/// <summary>Collects what the options of a file say (spec/trace-formats section 1.3). Ids are the same in v6 and v7.</summary>
internal sealed class TraceDatOptions(bool bigEndian, bool sections)
{
    // No kernel can be built for more.
    private const int MostCpus = 8192;

    // As of trace-cmd 3.3; those without a case of their own tell nothing of events.
    private const int LastKnown = 25;

    public bool BigEndian => bigEndian;

    public List<BufferOption> Buffers { get; } = [];

    public Dictionary<int, long> Sections { get; } = [];

    public TimestampCorrection Correction { get; } = new();

    public List<string> CpuStats { get; } = [];

    public List<(int Pid, string Guest, int Vcpu)> Guests { get; } = [];

    public string? Uname { get; private set; }

    public string? Clock { get; private set; }

    public int CpuCount { get; private set; } = -1;

    /// <summary>How often an option came that no version of trace-cmd writes, by its id.</summary>
    public SortedDictionary<int, long> Unknown { get; } = [];

    public bool HasDate { get; private set; }

    /// <summary>v6: the header counts the CPUs, too, and its count is that of the table of their data.</summary>
    public void LimitCpus(int cpus) => CpuCount = CpuCount > cpus ? -1 : CpuCount;

    /// <returns>false if the option's data are shorter than its kind needs.</returns>
    public bool Add(int id, ReadOnlySpan<byte> data)
    {
        SpanCursor c = new(data, bigEndian);
        switch (id)
        {
            case 1:
                HasDate = true;
                Correction.Offset += Number(data) * 1000;
                return true;
            case 2:
                CpuStats.Add(Text(data));
                return true;
            case 3:
                return AddBuffer(ref c, text: false);
            case 4:
                Clock = ClockInBrackets(Text(data)) ?? Clock;
                return true;
            case 5:
                Uname = Text(data);
                return true;
            case 7:
                Correction.Offset += Number(data);
                return true;
            case 8:
                if (!c.TryU32(out uint cpus))
                {
                    return false;
                }

                // Older trace-cmds had something else under this number.
                CpuCount = data.Length == sizeof(uint) && cpus <= MostCpus ? (int)cpus : CpuCount;
                return true;
            case 12:
                return Correction.AddTimeShift(ref c);
            case 13:
                return AddGuest(ref c);
            case 14:
                return Correction.AddTsc(ref c);
            case >= 16 and <= 21 or 23 or 25:
                if (!c.TryU64(out ulong offset))
                {
                    return false;
                }

                Sections[id] = (long)offset;
                return true;
            case 22:
                return AddBuffer(ref c, text: true);
            case 6 or >= 9 and <= LastKnown:
                return true;
            default:
                Unknown[id] = Unknown.GetValueOrDefault(id) + 1;
                return true;
        }
    }

    private bool AddBuffer(ref SpanCursor c, bool text)
    {
        if (!c.TryU64(out ulong offset) || !c.TryString(out string name))
        {
            return false;
        }

        if (!sections)
        {
            Buffers.Add(new BufferOption(name, (long)offset, "", 0, [], text));
            return true;
        }

        if (!c.TryString(out string clock))
        {
            return false;
        }

        if (text)
        {
            Buffers.Add(new BufferOption(name, (long)offset, clock, 0, [], true));
            return true;
        }

        if (!c.TryU32(out uint pageSize) || !c.TryU32(out uint cpus) || cpus > MostCpus || cpus > c.Remaining / 20)
        {
            return false;
        }

        List<CpuArea> areas = new((int)cpus);
        for (uint i = 0; i < cpus; i++)
        {
            _ = c.TryU32(out uint cpu);
            _ = c.TryU64(out ulong at);
            _ = c.TryU64(out ulong size);
            areas.Add(new CpuArea((int)Math.Min(cpu, int.MaxValue), (long)at, (long)size));
        }

        Buffers.Add(new BufferOption(name, (long)offset, clock, (int)Math.Min(pageSize, int.MaxValue), areas, false));
        return true;
    }

    private bool AddGuest(ref SpanCursor c)
    {
        if (!c.TryString(out string name) || !c.TryU64(out _) || !c.TryU32(out uint cpus) || cpus > c.Remaining / 8)
        {
            return false;
        }

        for (uint i = 0; i < cpus; i++)
        {
            _ = c.TryU32(out uint cpu);
            _ = c.TryU32(out uint pid);
            Guests.Add(((int)pid, name, (int)cpu));
        }

        return true;
    }

    internal static string Text(ReadOnlySpan<byte> data)
    {
        int nul = data.IndexOf((byte)0);
        return Encoding.UTF8.GetString(nul < 0 ? data : data[..nul]).TrimEnd('\n', ' ');
    }

    internal static string? ClockInBrackets(string text)
    {
        int open = text.IndexOf('[', StringComparison.Ordinal);
        int close = open < 0 ? -1 : text.IndexOf(']', open);
        return close < 0 ? null : text[(open + 1)..close];
    }

    /// <summary>Like C's strtoll with base 0: sign, 0x, octal; stops at the first other character.</summary>
    private static long Number(ReadOnlySpan<byte> data)
    {
        string s = Text(data).Trim();
        bool negative = s.StartsWith('-');
        s = s.TrimStart('-', '+');
        bool hex = s.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        s = hex ? s[2..] : s;
        int end = 0;
        while (end < s.Length && (hex ? char.IsAsciiHexDigit(s[end]) : char.IsAsciiDigit(s[end])))
        {
            end++;
        }

        _ = long.TryParse(s[..end], hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out long n);
        return negative ? -n : n;
    }
}
