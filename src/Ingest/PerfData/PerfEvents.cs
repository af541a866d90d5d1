using System.Globalization;
using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.PerfData;

/// <summary>The events of a recording, found by the id that each record carries.</summary>
internal sealed class PerfEvents
{
    private readonly List<PerfEvent> _all = [];
    private readonly Dictionary<ulong, int> _byId = [];

    // A recording has an id for each event on each CPU, numbered on: those met last are found without a hash.
    private readonly (ulong Id, int Index)[] _near = new (ulong, int)[256];

    public IReadOnlyList<PerfEvent> All => _all;

    public void Add(PerfEvent e)
    {
        foreach (ulong id in e.Ids)
        {
            _ = _byId.TryAdd(id, _all.Count);
        }

        _all.Add(e);
    }

    /// <returns>-1 if no event has the id. As in perf, 0 is the first event, and so is any id in recordings so old that they may lack ids.</returns>
    public int IndexOf(ulong id)
    {
        ref (ulong Id, int Index) near = ref _near[id % 256];
        if (near.Id == id && id != 0)
        {
            return near.Index;
        }

        if (!_byId.TryGetValue(id, out int index))
        {
            return id == 0 || !_all[0].Attr.SampleIdAll ? 0 : -1;
        }

        near = (id, index);
        return index;
    }

    public PerfEvent? ById(ulong id) => _byId.TryGetValue(id, out int index) ? _all[index] : null;

    /// <summary>Decides what table each event's samples go to; call when names and formats are known.</summary>
    public void AssignFormats(CaptureInfo info, bool bigEndian)
    {
        HashSet<string> taken = new(info.Events.All.Select(f => f.FullName), StringComparer.OrdinalIgnoreCase);
        Dictionary<(string Name, SampleType Parts), EventFormat> made = [];
        foreach (PerfEvent e in _all)
        {
            bool tracepoint = e.Attr.Type == PerfAttr.TypeTracepoint;
            if (tracepoint && e.Attr.Has(SampleType.Raw) && e.Attr.Config <= ushort.MaxValue && info.Events.ById((int)e.Attr.Config) is { } known)
            {
                (e.Format, e.IsTracepoint) = (known, true);
                continue;
            }

            if (tracepoint)
            {
                info.Warnings.Add($"the capture has no format of tracepoint {e.Name ?? e.Attr.Config.ToString(CultureInfo.InvariantCulture)}: its records are kept as bytes in the column raw");
            }

            (string system, string name) = TableName(e, tracepoint);
            if (!made.TryGetValue((system + "." + name, e.Attr.SampleType), out EventFormat? format))
            {
                string free = name;
                for (int n = 2; !taken.Add($"{system}.{free}"); n++)
                {
                    free = $"{name}_{n}";
                }

                format = SampleFields.Format(system, free, e.Attr, bigEndian);
                made[(system + "." + name, e.Attr.SampleType)] = format;
                info.Events.AddWithoutId(format);
            }

            e.Format = format;
        }
    }

    private static (string System, string Name) TableName(PerfEvent e, bool tracepoint)
    {
        string name = e.Name ?? (tracepoint ? $"tracepoint_{e.Attr.Config}" : KnownName(e.Attr) ?? $"type_{e.Attr.Type}_config_{e.Attr.Config:x}");
        int colon = name.IndexOf(':');
        return tracepoint && colon > 0 ? (Plain(name[..colon]), Plain(name[(colon + 1)..])) : ("perf", Plain(name));
    }

    /// <summary>A name that can be that of a file and of a view.</summary>
    private static string Plain(string name)
    {
        StringBuilder plain = new();
        foreach (char c in name)
        {
            plain.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        }

        string trimmed = plain.ToString().Trim('_');
        return trimmed.Length == 0 ? "event" : trimmed.Length > 100 ? trimmed[..100] : trimmed;
    }

    private static string? KnownName(PerfAttr attr)
    {
        string[] names = attr.Type switch
        {
            0 => ["cycles", "instructions", "cache-references", "cache-misses", "branches", "branch-misses", "bus-cycles", "stalled-cycles-frontend", "stalled-cycles-backend", "ref-cycles"],
            1 => ["cpu-clock", "task-clock", "page-faults", "context-switches", "cpu-migrations", "minor-faults", "major-faults", "alignment-faults", "emulation-faults", "dummy", "bpf-output", "cgroup-switches"],
            _ => [],
        };
        return attr.Config < (ulong)names.Length ? names[attr.Config] : null;
    }
}
