using System.Globalization;
using Google.Protobuf;
using TraceReplay.Analysis.Perfetto.Protos;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>Writes packets of one sequence: interned texts, one clock. Packet and event are made once and filled anew.</summary>
internal sealed class PacketWriter : IDisposable
{
    private const uint SequenceId = 1;

    // Clocks 64 to 127 belong to a sequence; 6 is BOOTTIME, to which Perfetto relates all others.
    private const uint CaptureClock = 64;
    private const uint BootTime = 6;

    private const uint StateCleared = 1;
    private const uint NeedsState = 2;

    // Field 1 of Trace, length-delimited.
    private const byte PacketTag = (1 << 3) | 2;

    private readonly CodedOutputStream _output;
    private readonly TracePacket _packet = new() { TrustedPacketSequenceId = SequenceId };
    private readonly TrackEvent _event = new();
    private readonly List<DebugAnnotation> _spare = [];
    private readonly InternTable _categories = new();
    private readonly InternTable _names = new();
    private readonly InternTable _annotationNames = new();
    private readonly InternTable _values = new();
    private int _used;

    public PacketWriter(Stream output, long start)
    {
        _output = new CodedOutputStream(output, 1 << 16, leaveOpen: true);
        _packet.SequenceFlags = StateCleared;
        _packet.TracePacketDefaults = new TracePacketDefaults { TimestampClockId = CaptureClock };
        _packet.ClockSnapshot = new ClockSnapshot { PrimaryTraceClock = BootTime };
        foreach (uint clock in (uint[])[CaptureClock, BootTime])
        {
            _packet.ClockSnapshot.Clocks.Add(new ClockSnapshot.Types.Clock { ClockId = clock, Timestamp = (ulong)start });
        }

        Write();
        _packet.TracePacketDefaults = null;
        _packet.ClockSnapshot = null;
        _packet.SequenceFlags = NeedsState;
    }

    /// <summary>Tells of a track before its first event.</summary>
    public void Track(ulong uuid, ulong parent, string name, string? counterUnit)
    {
        TrackDescriptor track = new() { Uuid = uuid, Name = name };
        if (parent != 0)
        {
            track.ParentUuid = parent;
        }

        if (counterUnit is not null)
        {
            track.Counter = new CounterDescriptor { UnitName = counterUnit };
        }

        _packet.TrackDescriptor = track;
        Write();
        _packet.TrackDescriptor = null;
    }

    public void Counter(long time, ulong track, long value)
    {
        Begin(time, track, TrackEvent.Types.Type.Counter);
        _event.CounterValue = value;
        End();
    }

    public void SliceEnd(long time, ulong track)
    {
        Begin(time, track, TrackEvent.Types.Type.SliceEnd);
        End();
    }

    /// <param name="flows">Ids of flows, parted by commas: they begin here, or end.</param>
    /// <param name="args">Annotations: NAME, type and value parted by character 31, each from the next by 30.</param>
    public void Slice(long time, ulong track, bool instant, string category, string name, string? flows, bool flowsEnd, string? args)
    {
        Begin(time, track, instant ? TrackEvent.Types.Type.Instant : TrackEvent.Types.Type.SliceBegin);
        _event.CategoryIids.Add(Intern(_categories, category, d => d.EventCategories));
        _event.NameIid = Intern(_names, name, d => d.EventNames);
        foreach (string flow in flows?.Split(',') ?? [])
        {
            (flowsEnd ? _event.TerminatingFlowIds : _event.FlowIds).Add(ulong.Parse(flow, CultureInfo.InvariantCulture));
        }

        foreach (string arg in args?.Split('\x1e', StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            Annotate(arg.Split('\x1f', 3));
        }

        End();
    }

    public void Dispose()
    {
        _output.Flush();
        _output.Dispose();
    }

    private void Annotate(string[] parts)
    {
        if (_used == _spare.Count)
        {
            _spare.Add(new DebugAnnotation());
        }

        DebugAnnotation annotation = _spare[_used++];
        annotation.ClearIntValue();
        annotation.ClearPointerValue();
        annotation.ClearStringValue();
        annotation.ClearStringValueIid();
        annotation.NameIid = Intern(_annotationNames, parts[0], d => d.DebugAnnotationNames);
        switch (parts[1])
        {
            case "n":
                annotation.IntValue = long.Parse(parts[2], CultureInfo.InvariantCulture);
                break;
            case "p":
                annotation.PointerValue = ulong.Parse(parts[2], CultureInfo.InvariantCulture);
                break;
            default:
                SetText(annotation, parts[2]);
                break;
        }

        _event.DebugAnnotations.Add(annotation);
    }

    private void SetText(DebugAnnotation annotation, string text)
    {
        ulong id = _values.Id(text, out bool isNew);
        if (id == 0)
        {
            annotation.StringValue = text;
            return;
        }

        annotation.StringValueIid = id;
        if (isNew)
        {
            Interned.DebugAnnotationStringValues.Add(new InternedBytes { Iid = id, Str = ByteString.CopyFromUtf8(text) });
        }
    }

    private ulong Intern(InternTable table, string text, Func<InternedData, ICollection<InternedName>> entries)
    {
        ulong id = table.Id(text, out bool isNew);
        if (isNew)
        {
            entries(Interned).Add(new InternedName { Iid = id, Name = text });
        }

        // The names are ours: a full table means that they are made of what a trace holds.
        return id != 0 ? id : throw new InvalidOperationException($"more names of tracks' events than expected, the last '{text}'");
    }

    private InternedData Interned => _packet.InternedData ??= new InternedData();

    private void Begin(long time, ulong track, TrackEvent.Types.Type type)
    {
        _packet.Timestamp = (ulong)time;
        _event.Type = type;
        _event.TrackUuid = track;
        _event.ClearCounterValue();
        _event.ClearNameIid();
        _event.CategoryIids.Clear();
        _event.FlowIds.Clear();
        _event.TerminatingFlowIds.Clear();
        _event.DebugAnnotations.Clear();
        _used = 0;
        _packet.TrackEvent = _event;
    }

    private void End()
    {
        Write();
        _packet.TrackEvent = null;
        _packet.InternedData = null;
        _packet.ClearTimestamp();
    }

    private void Write()
    {
        _output.WriteRawTag(PacketTag);
        _output.WriteMessage(_packet);
    }
}
