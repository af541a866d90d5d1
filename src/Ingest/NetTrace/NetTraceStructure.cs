using System.Buffers.Binary;
using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>
/// The blocks of a .nettrace file, walked before TraceEvent sees them: it allocates what a block's size says and hands out
/// payloads before it checks that they lie inside their block. What is kept here is safe to hand over.
/// </summary>
internal sealed class NetTraceStructure
{
    // Writers flush blocks of some 100 KiB; version 6 cannot say more than 16 MiB.
    private const int LargestBlock = 64 << 20;

    // TraceEvent keeps a payload's size in 16 bits.
    private const int LargestPayload = ushort.MaxValue;

    private const int MostProcessors = 1 << 16;

    private readonly CaptureFile _file;
    private readonly List<long> _ends = [];
    private byte[] _content = [];
    private (long SizeAt, byte[] Size, long End)? _part;

    private NetTraceStructure(CaptureFile file) => _file = file;

    public static ReadOnlySpan<byte> Magic => "Nettrace"u8;

    /// <summary>4 stands for 5 too: the trace object of both says 4.</summary>
    public int Version { get; private set; }

    /// <summary>UTC; null if the file holds no date.</summary>
    public DateTime? Start { get; private set; }

    /// <summary>Ticks of time stamps in a second.</summary>
    public long Frequency { get; private set; }

    /// <summary>CPUs of the machine; 0 if not recorded.</summary>
    public int Processors { get; private set; }

    /// <summary>Where the first block behind the trace block begins.</summary>
    public long FirstBlock => _ends[0];

    /// <summary>Bytes from the beginning that are whole blocks; an end marker is not counted.</summary>
    public long CompleteLength { get; private set; }

    public CaptureDamage? Damage { get; private set; }

    /// <summary>Events whose payload is larger than TraceEvent can hand out.</summary>
    public long LargePayloads { get; private set; }

    /// <summary>The bytes after which TraceEvent takes the stream for finished.</summary>
    public ReadOnlySpan<byte> EndMarker => Version >= 6 ? [0, 0, 0, 0] : _part is { } p && p.End == CompleteLength ? [6, 1] : [1];

    /// <exception cref="CaptureException">The header or the trace block is not whole.</exception>
    public static NetTraceStructure Read(CaptureFile file)
    {
        NetTraceStructure s = new(file);
        long at = s.ReadHeader();
        bool first = true;
        while (true)
        {
            try
            {
                if (!s.ReadBlock(ref at, first))
                {
                    break;
                }
            }
            catch (CaptureException e) when (!first)
            {
                s.Damage = e.Damage;
                s.CompleteLength = s._part?.End ?? s.CompleteLength;
                s._ends.Add(s.CompleteLength);
                break;
            }

            first = false;
            s._ends.Add(at);
            s.CompleteLength = at;
        }

        s._content = [];
        return s;
    }

    /// <summary>Where the block begins that TraceEvent was parsing when it had read up to a position.</summary>
    public long BlockBefore(long position)
    {
        int i = _ends.BinarySearch(position);
        i = i < 0 ? ~i - 1 : i;
        return i < 1 ? 0 : _ends[i - 1];
    }

    /// <summary>Leaves out what lies behind an offset that <see cref="BlockBefore"/> gave.</summary>
    public void CutAt(long offset, CaptureDamage damage)
    {
        CompleteLength = offset;
        Damage = damage;
    }

    /// <summary>Where a damaged block has whole events at its beginning, it is handed over as a block of these.</summary>
    /// <param name="offset">Where in the file <paramref name="bytes"/> are from.</param>
    public void MakeWhole(long offset, Span<byte> bytes)
    {
        if (_part is { } part)
        {
            for (int i = 0; i < part.Size.Length; i++)
            {
                long at = part.SizeAt + i - offset;
                if (at >= 0 && at < bytes.Length)
                {
                    bytes[(int)at] = part.Size[i];
                }
            }
        }
    }

    private long ReadHeader()
    {
        Span<byte> head = stackalloc byte[20];
        _file.ReadExactly(0, head, "a .nettrace header");
        int length = BinaryPrimitives.ReadInt32LittleEndian(head[8..]);
        if (length == 0)
        {
            Version = BinaryPrimitives.ReadInt32LittleEndian(head[12..]);
            return Version == 6 ? 20 : throw _file.Damaged(12, $".nettrace version {Version}", "expected version 4, 5 or 6");
        }

        ReadOnlySpan<byte> name = "!FastSerialization.1"u8;
        Span<byte> found = stackalloc byte[name.Length];
        _file.ReadExactly(12, found, "a serialization header");
        return length == name.Length && found.SequenceEqual(name)
            ? 12 + name.Length
            : throw _file.Damaged(8, "no serialization header", "expected \"!FastSerialization.1\"");
    }

    /// <returns>False at the end marker.</returns>
    private bool ReadBlock(ref long at, bool first)
    {
        long start = at;
        (BlockKind kind, int size, long sizeAt) = Version >= 6 ? ReadBlockHeader(ref at) : ReadObjectHeader(ref at, first);
        if (kind == BlockKind.End)
        {
            return false;
        }

        if (first != (kind == BlockKind.Trace))
        {
            throw _file.Damaged(start, $"a block of kind {(int)kind}", first ? "expected the trace block" : "expected one trace block only");
        }

        // Alignment may lead behind the end.
        long follow = Math.Max(0, _file.Length - at);
        if (size < 0 || size > LargestBlock || (size > follow && kind != BlockKind.Event))
        {
            throw _file.Damaged(start, $"a block of {size} bytes where {follow} follow", "expected a whole block");
        }

        int available = (int)Math.Min(size, follow);
        if (_content.Length < available)
        {
            _content = new byte[Math.Max(available, _content.Length * 2)];
        }

        Span<byte> content = _content.AsSpan(0, available);
        _file.ReadExactly(at, content, "a block");
        if (kind == BlockKind.Trace)
        {
            ReadTrace(content, at);
        }
        else if (kind == BlockKind.Event)
        {
            WalkEvents(content, at, size, sizeAt);
        }
        else if (kind == BlockKind.Metadata && Version < 6)
        {
            WalkDescriptions(content, at);
        }
        else if (kind == BlockKind.Metadata && DescriptionWalk.FindExcess(content) is { } excess)
        {
            throw _file.Damaged(at, excess, "expected the fields of events");
        }

        at += size;
        if (Version < 6)
        {
            _part = kind == BlockKind.Event ? (sizeAt, BitConverter.GetBytes(size), at) : null;
            ExpectTag(ref at, 6);
            _part = null;
        }

        return true;
    }

    private void WalkEvents(ReadOnlySpan<byte> content, long at, int size, long sizeAt)
    {
        EventBlockWalk walk = new(content, Version);
        long events = 0;
        while (walk.MoveNext())
        {
            events++;
            LargePayloads += walk.Payload.Length > LargestPayload ? 1 : 0;
        }

        if (walk.Fault is null && content.Length == size)
        {
            return;
        }

        if (events > 0)
        {
            uint kept = (uint)walk.Position | (Version >= 6 ? (uint)BlockKind.Event << 24 : 0);
            _part = (sizeAt, BitConverter.GetBytes(kept), at + walk.Position);
        }

        throw content.Length == size
            ? _file.Damaged(at + walk.Position, walk.Fault!, "expected events that fill their block")
            : _file.Damaged(Math.Min(at + walk.Position, _file.Length), $"the file ends at 0x{_file.Length:x}", $"expected the rest of a block of {size} bytes");
    }

    private void WalkDescriptions(ReadOnlySpan<byte> content, long at)
    {
        EventBlockWalk walk = new(content, Version);
        while (walk.MoveNext())
        {
            if (DescriptionWalk.FindExcessOld(walk.Payload) is { } excess)
            {
                throw _file.Damaged(at + walk.Position, excess, "expected the fields of an event");
            }
        }

        if (walk.Fault is { } fault)
        {
            throw _file.Damaged(at + walk.Position, fault, "expected descriptions that fill their block");
        }
    }

    private (BlockKind Kind, int Size, long SizeAt) ReadBlockHeader(ref long at)
    {
        Span<byte> header = stackalloc byte[4];
        _file.ReadExactly(at, header, "a block header");
        at += 4;
        uint bits = BinaryPrimitives.ReadUInt32LittleEndian(header);
        return ((BlockKind)(bits >> 24), (int)(bits & 0xff_ffff), at - 4);
    }

    private (BlockKind Kind, int Size, long SizeAt) ReadObjectHeader(ref long at, bool first)
    {
        long start = at;
        Span<byte> header = stackalloc byte[15];
        _file.ReadExactly(at, header[..1], "an object's tag");
        if (header[0] == 1)
        {
            return (BlockKind.End, 0, at);
        }

        _file.ReadExactly(at, header, "an object's header");
        int nameLength = BinaryPrimitives.ReadInt32LittleEndian(header[11..]);
        if (!header.StartsWith((ReadOnlySpan<byte>)[5, 5, 1]) || nameLength is < 1 or > 32)
        {
            throw _file.Damaged(start, "no object", "expected an object or the end of the stream");
        }

        Span<byte> name = stackalloc byte[nameLength];
        _file.ReadExactly(start + 15, name, "an object's name");
        at = start + 15 + nameLength;
        ExpectTag(ref at, 6);
        if (name.SequenceEqual("Trace"u8))
        {
            Version = first ? BinaryPrimitives.ReadInt32LittleEndian(header[3..]) : Version;
            return (BlockKind.Trace, 48, at);
        }

        BlockKind kind = name.SequenceEqual("EventBlock"u8) ? BlockKind.Event
            : name.SequenceEqual("MetadataBlock"u8) ? BlockKind.Metadata
            : name.SequenceEqual("StackBlock"u8) || name.SequenceEqual("SPBlock"u8) ? BlockKind.Other
            : throw _file.Damaged(start, "an object of an unknown type", "expected a block of events, metadata, stacks or sequence points");
        Span<byte> size = stackalloc byte[4];
        _file.ReadExactly(at, size, "a block's size");
        long sizeAt = at;
        at = (at + 4 + 3) & ~3L;
        return (kind, BinaryPrimitives.ReadInt32LittleEndian(size), sizeAt);
    }

    private void ExpectTag(ref long at, byte tag)
    {
        Span<byte> found = stackalloc byte[1];
        _file.ReadExactly(at, found, "an object's end");
        if (found[0] != tag)
        {
            throw _file.Damaged(at, $"tag {found[0]}", $"expected tag {tag}");
        }

        at++;
    }

    private void ReadTrace(ReadOnlySpan<byte> content, long at)
    {
        if (content.Length < 36)
        {
            throw _file.Damaged(at, $"a trace block of {content.Length} bytes", "expected date, clock and pointer size");
        }

        // Year, month, day of the week, day, hour, minute, second, millisecond: 16 bits each, then the clock at that time.
        int year = content[0] | (content[1] << 8);
        Start = year is > 1970 and < 3000 && content[2] is >= 1 and <= 12 && content[6] >= 1 && content[6] <= DateTime.DaysInMonth(year, content[2])
            ? new DateTime(year, content[2], content[6], 0, 0, 0, DateTimeKind.Utc)
            : null;
        Processors = Version >= 6 ? HardwareThreads(content) : Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(content[40..]), 0, MostProcessors);
        Frequency = BinaryPrimitives.ReadInt64LittleEndian(content[24..]);
        if (Frequency <= 0)
        {
            throw _file.Damaged(at + 24, $"a clock of {Frequency} ticks in a second", "expected a positive number");
        }
    }

    /// <summary>Looks for a number that a writer of version 6 may give: length, key, length, decimal digits.</summary>
    private static int HardwareThreads(ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> key = "\u0013HardwareThreadCount"u8;
        int at = content.IndexOf(key);
        ReadOnlySpan<byte> value = at < 0 ? [] : content[(at + key.Length)..];
        return value.Length > 1 && value[0] is > 0 and < 6 && value.Length > value[0]
            && int.TryParse(value.Slice(1, value[0]), NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? Math.Min(count, MostProcessors)
            : 0;
    }

    private enum BlockKind
    {
        End = 0,
        Trace = 1,
        Event = 2,
        Metadata = 3,
        Other = 4,
    }
}
