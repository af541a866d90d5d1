using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>The second reading of a text: every line becomes an event.</summary>
internal sealed class TextDelivery(IEventSink sink, TextDialect dialect, TextSurvey survey, CaptureInfo info) : ITextVisitor
{
    private readonly EventWriter _writer = new();
    private readonly Dictionary<int, (bool Any, long? Count)> _pendingLosses = [];
    private string? _instanceName;
    private int _instance;
    private long _joined;

    public void Record(TextRecord record)
    {
        int instance = Instance(record.Instance);

        if (_pendingLosses.Count > 0 && _pendingLosses.Remove(record.Cpu, out (bool Any, long? Count) lost))
        {
            sink.Lost(new LostRecords(record.Cpu, instance, record.Timestamp, lost.Count));
        }

        bool report = dialect.FromReport(record.Text);
        int lines = dialect.HasStacks ? 1 : record.MoreLines + 1;
        EventSurvey e = survey.Find(record.Lines(lines), out ReadOnlySpan<byte> payload);
        while (!e.Fill(payload, report, _writer, keepUnfit: lines == 1, record.End))
        {
            lines = TextRecord.FewerLines(lines);
            e = survey.Find(record.Lines(lines), out payload);
        }

        _joined += dialect.HasStacks ? 0 : record.MoreLines + 1 - lines;

        _ = record.Flags is { } flags && _writer.Number(1, flags);
        _ = record.PreemptCount is { } preempt && _writer.Number(2, preempt);
        _ = record.HasPid && _writer.Number(3, (ulong)record.Pid);
        e.FillSample(record.Period, dialect.Stack(record.Rest), _writer);
        e.Count(_writer.Nulls);
        EventRecord delivered = new()
        {
            Format = e.Format!,
            Timestamp = record.Timestamp,
            Cpu = record.Cpu,
            Pid = record.Pid,
            Tgid = record.Tgid,
            Comm = record.Comm,
            Instance = instance,
            Payload = _writer.Payload,
            Nulls = _writer.Nulls,
        };
        sink.Event(in delivered);
    }

    private int Instance(string name)
    {
        if (ReferenceEquals(name, _instanceName))
        {
            return _instance;
        }

        int i = 0;
        while (info.Instances[i] != name)
        {
            i++;
        }

        (_instanceName, _instance) = (name, i);
        return i;
    }

    public void Lost(int cpu, long? count)
    {
        bool known = _pendingLosses.TryGetValue(cpu, out (bool Any, long? Count) before);
        _pendingLosses[cpu] = (true, known ? before.Count + count : count);
    }

    public void Comment(ReadOnlySpan<byte> line)
    {
    }

    public void Other(long offset, ReadOnlySpan<byte> line)
    {
    }

    /// <summary>Losses of a text that is sorted.</summary>
    public void TakeLosses(IEnumerable<(int Cpu, long? Count)> losses)
    {
        foreach ((int cpu, long? count) in losses)
        {
            Lost(cpu, count);
        }
    }

    public void Finish()
    {
        foreach ((int cpu, (bool _, long? count)) in _pendingLosses)
        {
            sink.Lost(new LostRecords(cpu, 0, null, count));
        }

        if (_joined > 0)
        {
            info.Warnings.Add($"{_joined} lines behind events are no part of them and are left out");
        }
    }
}
