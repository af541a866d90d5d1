using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>A trace as text. It is read twice: for what its events are, and for the events.</summary>
internal sealed class TextCapture : ICapture
{
    private readonly CaptureFile _file;
    private readonly RecordReader _reader;
    private readonly TextDialect _dialect;
    private readonly TextSurvey _survey;
    private readonly List<string> _ownWarnings;

    public TextCapture(CaptureFile file, TextDialect dialect, string? kernel)
    {
        _file = file;
        _dialect = dialect;
        _survey = new TextSurvey(dialect);
        _reader = new RecordReader(file, dialect, QuotedPrintable(file), _survey.IsWhole);
        Info = new CaptureInfo { Path = file.DisplayName, Format = dialect.Format };
        Info.Damage = _reader.ReadAll(_survey, CancellationToken.None);
        if (_survey.Records == 0 && Info.Damage is { } damage)
        {
            throw new CaptureException(damage);
        }

        // A header alone is a trace in which nothing happened.
        if (_survey.Records == 0 && _survey.OtherLines > 0)
        {
            throw file.Damaged(_survey.FirstOther, $"no event, the first line is \"{_survey.FirstOtherLine}\"", "expected lines with task, CPU, time and event");
        }

        string? release = _survey.Settle(Info, kernel);
        (Info.Kernel, Info.Host, Info.Arch) = (_survey.Kernel, _survey.Host, _survey.Arch);
        (Info.Cpus, Info.CpuRecorded) = (_survey.Cpus, _survey.CpuRecorded);
        Info.Instances = _survey.Instances.Count == 0 ? [""] : _survey.Instances;
        Info.ClockUnit = _survey.HasUnit == true ? "ns" : "units";
        Describe(release);
        _ownWarnings = [.. Info.Warnings];
    }

    public CaptureInfo Info { get; }

    /// <summary>Whether a line at the start of a file is an event, or the header of the file <c>trace</c>.</summary>
    public static bool Recognise(ReadOnlySpan<byte> head, TextDialect dialect)
    {
        if (head.StartsWith("# tracer:"u8))
        {
            return dialect is FtraceDialect;
        }

        foreach (Range range in head.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = head[range].TrimStart("> "u8);
            if (dialect.Classify(line, out LineHeader header) == LineKind.Event && !header.Body.IsEmpty && line.IndexOf((byte)0) < 0)
            {
                return true;
            }
        }

        return false;
    }

    public CaptureDamage? ReadEvents(IEventSink sink, ReadOptions options, CancellationToken cancellation)
    {
        Info.Warnings.Clear();
        Info.Warnings.AddRange(_ownWarnings);
        if (_survey.Entries is { } entries && entries.Written > entries.InBuffer)
        {
            sink.Lost(new LostRecords(-1, 0, null, entries.Written - entries.InBuffer));
        }

        TextDelivery delivery = new(sink, _dialect, _survey, Info);
        if (_survey.OutOfOrder)
        {
            TextOrder order = new();
            _reader.ReadAll(order, cancellation);
            delivery.TakeLosses(order.Losses);
            foreach (long offset in order.Sorted())
            {
                cancellation.ThrowIfCancellationRequested();
                delivery.Record(_reader.ReadAt(offset));
            }
        }
        else
        {
            _reader.ReadAll(delivery, cancellation);
        }

        delivery.Finish();
        foreach (EventSurvey e in _survey.Events.Values)
        {
            Info.Warnings.AddRange(e.Losses());
        }

        return Info.Damage;
    }

    public void Dispose() => _file.Dispose();

    private static bool QuotedPrintable(CaptureFile file)
    {
        byte[] head = new byte[CaptureFormats.HeadSize];
        ReadOnlySpan<byte> text = head.AsSpan(0, file.Read(0, head));
        return text.IndexOf("=3D"u8) >= 0 && (text.IndexOf("=\n"u8) >= 0 || text.IndexOf("=\r\n"u8) >= 0);
    }

    private void Describe(string? release)
    {
        if (release is not null && Info.Kernel is null)
        {
            Info.Warnings.Add($"the text does not name its kernel (--kernel does): events are read as Linux {release} prints them");
        }

        if (_survey.OtherLines > 0)
        {
            Info.Warnings.Add($"{_survey.OtherLines} lines are no part of a trace and are left out, the first at offset 0x{_survey.FirstOther:x}");
        }

        if (_survey.LastLineOpen)
        {
            Info.Warnings.Add("no line feed ends the last line: should it be cut within its last value, that value is wrong");
        }

        if (_survey.MixedUnits)
        {
            Info.Warnings.Add("time stamps are of more than one kind");
        }

        if (_survey.OutOfOrder)
        {
            Info.Warnings.Add("lines are not in the order of time and were sorted");
        }
    }
}
