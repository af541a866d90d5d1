using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// The first reading of a text: which events it has, what they look like, and whether it is in the order of time. Types of
/// columns must be known before the first row, and a text says them nowhere.
/// </summary>
internal sealed class TextSurvey(TextDialect dialect) : ITextVisitor
{
    // A kernel has some 3,000 events; what is beyond is the text of some program, kept as lines.
    private const int MostEvents = 4096;

    /// <summary>Room for an event's name.</summary>
    public const int LongestName = 128;

    /// <summary>The event of a line that shows task and time, and no event.</summary>
    public const string NoEvent = "line";

    private const int LongestQuote = 60;

    // Two events on one line are longer than most are alone.
    private const int UsualLength = 100;

    // Events whose names of exits tell the vendor.
    private static readonly string[] s_exits = ["kvm_exit", "kvm:kvm_exit", "kvm_nested_vmexit", "kvm:kvm_nested_vmexit"];

    private readonly Dictionary<string, EventSurvey> _events = [];
    private readonly NameCache _names = new();
    private readonly EventWriter _scratch = new();
    private readonly byte[] _composed = new byte[LongestName];
    private readonly List<string> _instances = [];
    private readonly NearTable<EventSurvey> _near = new();
    private readonly LatestTimes _latest = new();
    private long _last = long.MinValue;
    private string? _comm = "";
    private string? _instance;

    public IReadOnlyDictionary<string, EventSurvey> Events => _events;

    public IReadOnlyList<string> Instances => _instances;

    public long Records { get; private set; }

    public int Cpus { get; private set; }

    /// <summary>Every event says its CPU.</summary>
    public bool CpuRecorded { get; private set; } = true;

    /// <summary>Every event says its thread.</summary>
    public bool PidRecorded { get; private set; } = true;

    /// <summary>Lines that may be the rest of the one before, broken off by what the text went through.</summary>
    public long Joined { get; private set; }

    /// <summary>A thread's name is none: something stands before it.</summary>
    public bool OddComm { get; private set; }

    /// <summary>An event's name is none, or another event stands behind it on its line.</summary>
    public bool OddName { get; private set; }

    /// <summary>The text may be broken, and repairing it may give more.</summary>
    public bool IsDoubtful => OtherLines > 0 || Joined > 0 || OddComm || OddName || Records == 0 || _events.Values.Any(e => e.Misfits > 0);

    /// <summary>Rows that are in a known form.</summary>
    public long Fitting => _events.Values.Sum(e => e.Matched.Max());

    /// <summary>Rows that have an event's name.</summary>
    public long Named => Records - (_events.TryGetValue(NoEvent, out EventSurvey? none) ? none.Rows : 0);

    /// <summary>Whether time stamps have a unit; null before the first event.</summary>
    public bool? HasUnit { get; private set; }

    /// <summary>Some events have time stamps of another kind than the first one's.</summary>
    public bool MixedUnits { get; private set; }

    /// <summary>An event is older than one before it that another CPU recorded.</summary>
    public bool OutOfOrder { get; private set; }

    /// <summary>The last line is an event, and no line feed ends it.</summary>
    public bool LastLineOpen { get; private set; }

    public long OtherLines { get; private set; }

    public long FirstOther { get; private set; }

    /// <summary>Its start.</summary>
    public string FirstOtherLine { get; private set; } = "";

    public string? Kernel { get; private set; }

    public string? Host { get; private set; }

    /// <summary>As perf's header has it: vendor, family, model, stepping.</summary>
    public string? CpuId { get; private set; }

    public string? Arch { get; private set; }

    /// <summary>Events that the header says were written, and those that were still in the buffer; null without such a header.</summary>
    public (long InBuffer, long Written)? Entries { get; private set; }

    public void Record(TextRecord record)
    {
        Records++;
        Cpus = Math.Max(Cpus, record.Cpu + 1);
        CpuRecorded &= record.Cpu >= 0;
        PidRecorded &= record.HasPid;
        if (!ReferenceEquals(record.Comm, _comm))
        {
            _comm = record.Comm;
            OddComm |= !record.CommFits || (_comm is not null && Repair.PlainText.IsOddComm(_comm));
        }

        MixedUnits |= HasUnit is { } unit && unit != record.HasUnit;
        HasUnit ??= record.HasUnit;
        if (!ReferenceEquals(record.Instance, _instance))
        {
            _instance = record.Instance;
            if (!_instances.Contains(record.Instance))
            {
                _instances.Add(record.Instance);
            }
        }

        long time = _latest.Next(record.Cpu, record.Timestamp);
        OutOfOrder |= time < _last;
        _last = Math.Max(_last, time);

        OddName |= record.Text.Length > UsualLength && TextDialect.HoldsEvent(record.Text);
        bool report = dialect.FromReport(record.Text);
        if (dialect.HasStacks)
        {
            EventSurvey sampled = Find(record.Text, out ReadOnlySpan<byte> text);
            sampled.Learn(text, report, last: true, record.End);
            sampled.LearnSample(record.Period >= 0, record.MoreLines > 0);
            Joined += record.Unlike ? 1 : 0;
        }
        else
        {
            int lines = record.MoreLines + 1;
            while (!Find(record.Lines(lines), out ReadOnlySpan<byte> payload).Learn(payload, report, last: lines == 1, record.End))
            {
                lines = TextRecord.FewerLines(lines);
            }

            Joined += record.MoreLines > 0 && !dialect.HasLines(record.Text) ? 1 : 0;
        }
    }

    /// <summary>The event of a text; known ones only after the survey.</summary>
    public EventSurvey Find(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> payload)
    {
        bool named = dialect.TrySplit(text, _composed, out ReadOnlySpan<byte> name, out payload);
        if (named && _near.Find(name) is { } near)
        {
            return near;
        }

        string key = named ? _names.Get(name) : NoEvent;
        payload = named ? payload : text;
        if (_events.TryGetValue(key, out EventSurvey? survey))
        {
            if (named)
            {
                _near.Put(name, survey);
            }
        }
        else
        {
            key = _events.Count < MostEvents ? key : NoEvent;
            payload = key == NoEvent ? text : payload;
            if (!_events.TryGetValue(key, out survey))
            {
                OddName |= key == NoEvent || key.AsSpan().IndexOfAny('\x1b', '^', '&') >= 0;
                _events[key] = survey = new EventSurvey(key, dialect.UnknownSystem, _names, _scratch);
            }
        }

        return survey;
    }

    /// <summary>Whether a text, which may be cut, is all of an event: in a known form, or of an event that has none.</summary>
    public bool IsWhole(ReadOnlySpan<byte> text)
    {
        LastLineOpen = dialect.TrySplit(text, _composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload)
            && new EventSurvey(_names.Get(name), dialect.UnknownSystem, _names, _scratch).IsWhole(payload, dialect.FromReport(text));
        return LastLineOpen;
    }

    public void Lost(int cpu, long? count) => Cpus = Math.Max(Cpus, cpu + 1);

    public void Comment(ReadOnlySpan<byte> line)
    {
        int on = line.IndexOf(" latency trace v"u8) >= 0 ? line.LastIndexOf(" on "u8) : -1;
        if (on > 0)
        {
            Kernel = _names.Get(AsciiText.TrimEnd(line[(on + 4)..]));
        }

        Banner(line);

        // perf script --header
        Kernel = Header(line, "# os release : "u8) ?? Kernel;
        Host = Header(line, "# hostname : "u8) ?? Host;
        Arch = Header(line, "# arch : "u8) ?? Arch;
        CpuId = Header(line, "# cpuid : "u8) ?? CpuId;
        int entries = line.IndexOf("entries-in-buffer/entries-written: "u8);
        if (entries >= 0)
        {
            ReadOnlySpan<byte> numbers = line[(entries + 35)..];
            int n = AsciiText.Unsigned(numbers, out ulong inBuffer);
            if (n > 0 && n < numbers.Length && AsciiText.Unsigned(numbers[(n + 1)..], out ulong written) > 0 && inBuffer <= written && written <= long.MaxValue)
            {
                Entries = ((long)inBuffer, (long)written);
            }
        }
    }

    private string? Header(ReadOnlySpan<byte> line, ReadOnlySpan<byte> key) => line.StartsWith(key) ? _names.Get(AsciiText.TrimEnd(line[key.Length..])) : null;

    public void Other(long offset, ReadOnlySpan<byte> line)
    {
        if (OtherLines == 0)
        {
            (FirstOther, FirstOtherLine) = (offset, TraceText.Decode(line[..Math.Min(line.Length, LongestQuote)]));
        }

        OtherLines++;
        Banner(line);
    }

    private void Banner(ReadOnlySpan<byte> line)
    {
        if (Kernel is null && line.IndexOf("Linux "u8) >= 0)
        {
            Kernel = KernelRelease.InLine(TraceText.Decode(line));
        }
    }

    /// <summary>Events that only arm64's KVM has, and its way to print those that all have.</summary>
    public bool IsArm64 => Arch is "aarch64" or "arm64" || _events.ContainsKey("kvm_guest_fault") || _events.ContainsKey("kvm:kvm_guest_fault");

    /// <summary>Chooses formats, after the last line.</summary>
    /// <param name="kernel">The release, if the text does not say it.</param>
    /// <returns>The series whose forms the text has.</returns>
    public string? Settle(CaptureInfo info, string? kernel)
    {
        Kernel ??= kernel;
        long[] total = new long[EventCatalog.Releases.Count];
        foreach (EventSurvey e in _events.Values)
        {
            for (int i = 0; i < total.Length; i++)
            {
                total[i] += e.Matched[i];
            }
        }

        // A kernel that is named decides between releases that fit equally well.
        int? named = Kernel is null ? null : Enumerable.Range(0, total.Length).FirstOrDefault(i => KernelRelease.IsOf(Kernel, EventCatalog.Releases[i].Release), -1);
        for (int i = 0; i < total.Length; i++)
        {
            total[i] = (total[i] * 2) + (i == named ? 1 : 0);
        }

        int id = 1;
        foreach (EventSurvey e in _events.Values)
        {
            e.Settle(total, named, id++, typed: !IsArm64);
            info.Events.Add(e.Format!);
        }

        info.CpuVendor = s_exits.Select(name => _events.GetValueOrDefault(name)?.Vendor).FirstOrDefault(vendor => vendor is not null) ?? CaptureInfo.VendorOf(CpuId);
        int best = Array.IndexOf(total, total.Max());
        return total[best] > 1 ? EventCatalog.Releases[best].Release : null;
    }
}
