using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.FtraceText.Repair;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>A trace as text. It is read twice: for what its events are, and for the events.</summary>
internal sealed class TextCapture : ICapture
{
    // Lines of a file that may come before its first event.
    private const int MostLines = 20_000;

    private readonly CaptureFile _file;
    private readonly CaptureFile? _repairedFile;
    private readonly RepairedText? _repaired;
    private readonly RecordReader _reader;
    private readonly TextDialect _dialect;
    private readonly TextSurvey _survey;
    private readonly List<string> _ownWarnings;

    public TextCapture(CaptureFile file, TextDialect dialect, string? kernel)
    {
        _file = file;
        _dialect = dialect;
        bool quotedPrintable = QuotedPrintable(file);
        Info = new CaptureInfo { Path = file.DisplayName, Format = dialect.Format };
        _survey = new TextSurvey(dialect);
        _reader = new RecordReader(file, dialect, quotedPrintable, _survey.IsWhole);
        Info.Damage = _reader.ReadAll(_survey, CancellationToken.None);
        if ((_survey.IsDoubtful || _reader.OddBlanks) && new TextRepair(file, dialect, quotedPrintable).Run(CancellationToken.None) is { } repaired)
        {
            TextSurvey survey = new(dialect);
            RecordReader reader = new(repaired.Text, dialect, quotedPrintable: false, survey.IsWhole, repaired: true);
            CaptureDamage? damage = reader.ReadAll(survey, CancellationToken.None);
            if (survey.Records > 0 && survey.Fitting >= _survey.Fitting)
            {
                (_repairedFile, _repaired) = repaired;
                (_survey, _reader) = (survey, reader);
                Info.Damage = damage is null ? _repaired.Damage : _repaired.Original(damage);
            }
            else
            {
                repaired.Text.Dispose();
            }
        }

        try
        {
            Refuse(file);
        }
        catch
        {
            _repairedFile?.Dispose();
            throw;
        }

        string? release = _survey.Settle(Info, kernel);
        (Info.Kernel, Info.Host, Info.Arch) = (_survey.Kernel, _survey.Host, _survey.IsArm64 ? _survey.Arch ?? "aarch64" : _survey.Arch);
        (Info.Cpus, Info.CpuRecorded, Info.PidRecorded) = (_survey.Cpus, _survey.CpuRecorded, _survey.PidRecorded);
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

        int lines = 0;
        byte[] plain = new byte[CaptureFormats.FirstLook];
        foreach (Range range in head.Split((byte)'\n'))
        {
            if (++lines > MostLines)
            {
                return false;
            }

            ReadOnlySpan<byte> line = head[range];
            if (line.IndexOf((byte)0) >= 0)
            {
                return false; // no text from here on
            }

            if (IsEvent(line.TrimStart("> "u8), dialect))
            {
                return true;
            }

            // Most lines of other files end here.
            if (line.Length <= plain.Length && line.IndexOfAnyExceptInRange((byte)1, (byte)0x7f) >= 0)
            {
                int n = PlainText.Normalise(line, plain);
                if (IsEvent(plain.AsSpan(PlainText.QuoteLength(plain.AsSpan(0, n))..n), dialect))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool IsEvent(ReadOnlySpan<byte> line, TextDialect dialect) =>
        dialect.Classify(line, out LineHeader header) == LineKind.Event && !header.Body.IsEmpty;

    /// <summary>Whether lines become events once they are put together again.</summary>
    public static bool RecogniseBroken(ReadOnlySpan<byte> head, TextDialect dialect)
    {
        // Something like a CPU or a time must be there; few other texts have one.
        if (head.IndexOf((byte)0) >= 0 || !HasCpuOrTime(head))
        {
            return false;
        }

        using CaptureFile copy = CaptureFormats.Spool(new MemoryStream(head.ToArray()), "");
        if (new TextRepair(copy, dialect, quotedPrintable: false).Run(CancellationToken.None) is not { } repaired)
        {
            return false;
        }

        using CaptureFile text = repaired.Text;
        TextSurvey survey = new(dialect);
        new RecordReader(text, dialect, quotedPrintable: false, survey.IsWhole, repaired: true).ReadAll(survey, CancellationToken.None);
        return survey.Named > 0;
    }

    private static bool HasCpuOrTime(ReadOnlySpan<byte> text)
    {
        for (int from = 0; from < text.Length;)
        {
            int at = text[from..].IndexOfAny((byte)'.', (byte)'[');
            if (at < 0)
            {
                return false;
            }

            from += at + 1;
            int digits = AsciiText.Unsigned(text[from..], out _);
            byte next = from + digits < text.Length ? text[from + digits] : (byte)0;
            if (text[from - 1] == '[' ? digits >= 3 && next == ']' : digits is >= 6 and <= 9 && next == ':' && from > 1 && AsciiText.IsDigit(text[from - 2]))
            {
                return true;
            }
        }

        return false;
    }

    private void Refuse(CaptureFile file)
    {
        if (_survey.Records == 0 && Info.Damage is { } damage)
        {
            throw new CaptureException(damage);
        }

        // A header alone is a trace in which nothing happened.
        if (_survey.Records > 0)
        {
            return;
        }

        if (_survey.OtherLines > 0)
        {
            byte[] head = CaptureFormats.Head(file.Length, (into, offset) => file.Read(offset, into));
            (string found, string expected) = UnknownFormat.DescribeText(head)
                ?? ($"no event, the first line is \"{_survey.FirstOtherLine}\"", "expected lines with task, CPU, time and event");
            throw file.Damaged(_survey.FirstOther, found, expected);
        }

        if (_survey.Entries is { InBuffer: > 0 } entries)
        {
            throw file.Damaged(0, $"no event on any line, where the header says {entries.InBuffer}", "expected a line for each: line feeds are missing");
        }
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

        // What is not read at all stands first.
        Info.Warnings.InsertRange(0, _survey.Events.Values.Where(e => e.Unread > 0).OrderByDescending(e => e.Unread).Select(e => e.Losses().First()));
        foreach (EventSurvey e in _survey.Events.Values)
        {
            Info.Warnings.AddRange(e.Losses().Skip(e.Unread > 0 ? 1 : 0));
        }

        return Info.Damage;
    }

    public void Dispose()
    {
        _file.Dispose();
        _repairedFile?.Dispose();
    }

    private static bool QuotedPrintable(CaptureFile file)
    {
        byte[] head = new byte[CaptureFormats.FirstLook * 4];
        ReadOnlySpan<byte> text = head.AsSpan(0, file.Read(0, head));
        return text.IndexOf("=3D"u8) >= 0 && (text.IndexOf("=\n"u8) >= 0 || text.IndexOf("=\r\n"u8) >= 0);
    }

    private void Describe(string? release)
    {
        if (_survey.IsArm64)
        {
            Info.Warnings.Add("an arm64 capture (kvm_guest_fault, HSR_EC): its faults are guest aborts of stage 2");
        }
        else if (release is not null && Info.Kernel is null)
        {
            Info.Warnings.Add($"the text does not name its kernel (--kernel does): events are read as Linux {release} prints them");
        }

        if (_repaired is not null)
        {
            Info.Warnings.AddRange(_repaired.Warnings());
        }

        if (_repaired is { Others: > 0 })
        {
            Info.Warnings.Add($"{_repaired.Others} lines are no part of a trace and are left out, the first at offset 0x{_repaired.FirstOther:x}");
        }
        else if (_survey.OtherLines > 0)
        {
            Info.Warnings.Add($"{_survey.OtherLines} lines are no part of a trace and are left out, the first at offset 0x{_survey.FirstOther:x}");
        }

        if (_survey.LastLineOpen)
        {
            Info.Warnings.Add("no line feed ends the last line: its last value may be cut and is left out");
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
