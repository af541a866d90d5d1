using System.Buffers.Binary;
using System.Globalization;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Turns the records of a stream into events: format by id, pid from the record, name from the saved command lines.</summary>
internal sealed class EventDispatcher(IEventSink sink, CaptureInfo info, CommandLines commandLines, bool bigEndian)
{
    private readonly SortedDictionary<int, long> _unknown = [];
    private readonly int _pidOffset = info.Events.All.Count > 0 ? info.Events.All[0].Field("common_pid")?.Offset ?? -1 : -1;
    private readonly Dictionary<int, long> _placed = [];
    private readonly IRunSink? _runs = bigEndian ? null : sink as IRunSink;
    private readonly ThreadNames _names = new(commandLines);

    /// <summary>Goes to the stream's next record; holes at its end are reported at once, others with the record behind them.</summary>
    public bool Advance(CpuStream stream)
    {
        if (stream.MoveNext())
        {
            return true;
        }

        ReportLost(stream, null);
        return false;
    }

    /// <summary>Delivers the stream's records up to another stream's next one, and leaves the stream at the last of them.</summary>
    public void Deliver(CpuStream stream, long until, bool inclusive)
    {
        if (stream.LostBefore != 0)
        {
            ReportLost(stream, stream.Timestamp);
        }

        ReadOnlySpan<RecordRef> run = stream.Run(until, inclusive);
        for (int i = 0; i < run.Length; i++)
        {
            if (_runs is not null)
            {
                i += _runs.Take(new RecordRun(run[i..], stream.Pages, stream.Cpu, stream.Instance, _pidOffset, _names));
                if (i == run.Length)
                {
                    break;
                }
            }

            Deliver(stream, in run[i]);
        }

        stream.Skip(run.Length - 1);
    }

    private void Deliver(CpuStream stream, in RecordRef place)
    {
        ReadOnlySpan<byte> payload = stream.Pages.Slice(place.Offset, place.Length);
        if (payload.Length < 2)
        {
            Unknown(-1);
            return;
        }

        int id = bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(payload) : BinaryPrimitives.ReadUInt16LittleEndian(payload);
        EventFormat? format = info.Events.ById(id);
        if (format is null)
        {
            Unknown(id);
            return;
        }

        int pid = -1;
        if (_pidOffset >= 0 && payload.Length >= _pidOffset + 4)
        {
            pid = bigEndian ? BinaryPrimitives.ReadInt32BigEndian(payload[_pidOffset..]) : BinaryPrimitives.ReadInt32LittleEndian(payload[_pidOffset..]);
        }

        EventRecord record = new()
        {
            Format = format,
            Timestamp = place.Timestamp,
            Cpu = stream.Cpu,
            Pid = pid,
            Tgid = -1,
            Comm = _names.Of(pid),
            Instance = stream.Instance,
            Payload = payload,
        };
        sink.Event(in record);
    }

    /// <param name="cpuStats">Texts of per_cpu/cpuN/stats, one for each CPU.</param>
    public void Finish(IEnumerable<string> cpuStats)
    {
        foreach (string text in cpuStats)
        {
            // Records overwritten or dropped need not have left a mark in the pages.
            long lost = Stat(text, "overrun:") + Stat(text, "dropped events:");
            long placed = _placed.GetValueOrDefault((int)Stat(text, "CPU:"));
            if (lost > placed)
            {
                info.Warnings.Add($"CPU {Stat(text, "CPU:")} lost {lost} records by the kernel's count; the pages account for {placed} of them");
            }
        }

        foreach ((int id, long count) in _unknown)
        {
            info.Warnings.Add($"{count} records with event id {id}, which the capture has no format for, are left out");
        }
    }

    private void ReportLost(CpuStream stream, long? next)
    {
        long lost = stream.LostBefore;
        if (lost != 0)
        {
            _placed[stream.Cpu] = _placed.GetValueOrDefault(stream.Cpu) + Math.Max(0, lost);
            sink.Lost(new LostRecords(stream.Cpu, stream.Instance, next, lost < 0 ? null : lost));
        }
    }

    private static long Stat(string text, string key)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(key) && long.TryParse(line[key.Length..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long n))
            {
                return n;
            }
        }

        return 0;
    }

    private void Unknown(int id) => _unknown[id] = _unknown.GetValueOrDefault(id) + 1;
}
