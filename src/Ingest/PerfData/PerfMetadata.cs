using System.Buffers.Binary;
using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.TraceDat;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.PerfData;

/// <summary>What a perf.data file says about itself: attributes, features, formats. In a pipe, records say the same.</summary>
internal sealed class PerfMetadata(CaptureFile file, bool bigEndian, CaptureInfo info) : IRecordVisitor
{
    private const int FeatureTracingData = 1;
    private const int FeatureHostname = 3;
    private const int FeatureOsRelease = 4;
    private const int FeatureArch = 6;
    private const int FeatureCpus = 7;
    private const int FeatureCpuId = 9;
    private const int FeatureEventDesc = 12;
    private const int FeatureDirFormat = 24;
    private const int FeatureClockData = 29;

    private const int SmallFeature = 1 << 20;
    private const int LargestEventDesc = 64 << 20;
    private const int OldEventTypeSize = 72;
    private const int MaxEvents = 1 << 14;

    public PerfEvents Events { get; } = new();

    /// <summary>Names from old files, by the attribute's config.</summary>
    private readonly Dictionary<ulong, string> _oldNames = [];

    public void ReadFile(PerfHeader header)
    {
        ReadAttrs(header);
        ReadEventTypes(header.EventTypes);
        if (header.Data.Size == 0 || header.Data.End > file.Length)
        {
            return;
        }

        Span<byte> entry = stackalloc byte[16];
        for (int i = 0; i < header.Features.Count; i++)
        {
            long at = header.Data.End + (16L * i);
            file.ReadExactly(at, entry, "the table of features");
            FileRange section = new((long)U64(entry), (long)U64(entry[8..]));
            if (section.Offset < 0 || section.Size < 0 || section.Offset > file.Length || section.Size > file.Length - section.Offset)
            {
                throw file.Damaged(at, $"a section of {section.Size} bytes at 0x{section.Offset:x}", $"expected it within the file of {file.Length} bytes");
            }

            ReadFeature(header.Features[i], section);
        }
    }

    /// <summary>Decides tables and clock; call when all was read.</summary>
    public void Finish()
    {
        foreach (PerfEvent e in Events.All)
        {
            e.Name ??= _oldNames.GetValueOrDefault(e.Attr.Config);
        }

        if (Events.All.Count > 0)
        {
            Events.AssignFormats(info, bigEndian);
            info.Clock = ClockName(Events.All[0].Attr.ClockId);
            if (Events.All.Any(e => !e.Attr.Has(SampleType.Time)))
            {
                info.Warnings.Add("samples were recorded without time: their ts_ns is 0 and they stand in the order of the file");
            }
        }
    }

    public CaptureDamage? Record(uint type, ReadOnlySpan<byte> record, long offset)
    {
        try
        {
            switch (type)
            {
                case RecordTypes.HeaderAttr:
                    ReadAttrRecord(record, offset);
                    break;
                case RecordTypes.HeaderFeature when record.Length >= 16:
                    ReadFeature((int)Math.Min(U64(record[8..]), int.MaxValue), new FileRange(offset + 16, record.Length - 16));
                    break;
                case RecordTypes.TracingData:
                    ReadTracingData(offset + record.Length);
                    break;
                case RecordTypes.EventType when record.Length >= 8 + OldEventTypeSize:
                    AddOldName(record[8..]);
                    break;
                case RecordTypes.EventUpdate:
                    ReadEventUpdate(record);
                    break;
                default:
                    break;
            }

            return null;
        }
        catch (CaptureException e)
        {
            return e.Damage;
        }
    }

    private void ReadAttrs(PerfHeader header)
    {
        long count = header.Attrs.Size / header.AttrStride;
        if (count is 0 or > MaxEvents)
        {
            throw file.Damaged(32, $"{header.Attrs.Size} bytes of attributes", $"expected one or more of {header.AttrStride} bytes");
        }

        byte[] bytes = new byte[header.AttrStride];
        ulong left = (ulong)file.Length;
        for (long i = 0; i < count; i++)
        {
            long at = header.Attrs.Offset + (i * header.AttrStride);
            file.ReadExactly(at, bytes, "an attribute");
            int idsAt = header.AttrStride - 16;
            ulong offset = U64(bytes.AsSpan(idsAt));
            ulong size = U64(bytes.AsSpan(idsAt + 8));
            if (offset > (ulong)file.Length || size > (ulong)file.Length - offset || size > left)
            {
                // No two events share ids: together they are no more than the file.
                throw file.Damaged(at + idsAt, $"{size} bytes of ids at 0x{offset:x}", $"expected them within the file of {file.Length} bytes, each event's own");
            }

            left -= size;

            byte[] ids = new byte[size];
            file.ReadExactly((long)offset, ids, "the ids of an event");
            Events.Add(new PerfEvent(PerfAttr.Parse(bytes.AsSpan(0, idsAt), bigEndian), Ids(ids)));
        }
    }

    private void ReadAttrRecord(ReadOnlySpan<byte> record, long offset)
    {
        // The attribute says its own size; those of the first kernels left it 0.
        uint size = record.Length >= 16 ? U32(record[12..]) : 0;
        size = size == 0 ? PerfAttr.SmallestSize : size;
        if (size < PerfAttr.SmallestSize || size > record.Length - 8 || Events.All.Count >= MaxEvents)
        {
            throw file.Damaged(offset, $"an attribute of {size} bytes in a record of {record.Length}", $"expected {PerfAttr.SmallestSize} or more, within the record");
        }

        Events.Add(new PerfEvent(PerfAttr.Parse(record.Slice(8, (int)size), bigEndian), Ids(record[(8 + (int)size)..])));
    }

    private void ReadEventTypes(FileRange section)
    {
        if (section.Offset <= 0 || section.Size is <= 0 or > LargestEventDesc || section.Offset > file.Length - section.Size)
        {
            return;
        }

        byte[] bytes = new byte[section.Size];
        file.ReadExactly(section.Offset, bytes, "the names of events");
        for (int at = 0; at + OldEventTypeSize <= bytes.Length; at += OldEventTypeSize)
        {
            AddOldName(bytes.AsSpan(at));
        }
    }

    /// <param name="at">u64 config, char name[64]</param>
    private void AddOldName(ReadOnlySpan<byte> at) => _oldNames[U64(at)] = Text(at[8..OldEventTypeSize]);

    private void ReadEventUpdate(ReadOnlySpan<byte> record)
    {
        const ulong name = 2;
        if (record.Length > 24 && U64(record[8..]) == name && Events.ById(U64(record[16..])) is { } e)
        {
            e.Name = Text(record[24..]);
        }
    }

    private void ReadFeature(int feature, FileRange section)
    {
        switch (feature)
        {
            case FeatureTracingData:
                ReadTracingData(section.Offset);
                break;
            case FeatureHostname:
                info.Host = FeatureText(section) is { Length: > 0 } host ? host : null;
                break;
            case FeatureOsRelease:
                info.Kernel = FeatureText(section);
                break;
            case FeatureArch:
                info.Arch = FeatureText(section);
                break;
            case FeatureCpuId:
                info.CpuVendor = CaptureInfo.VendorOf(FeatureText(section));
                break;
            case FeatureCpus when section.Size >= 8:
                // u32 present, online
                info.Cpus = (int)Math.Min(U32(Bytes(section, 8).AsSpan(4)), int.MaxValue);
                break;
            case FeatureDirFormat when section.Size >= 8 && file.Parts.Count == 1 && U64(Bytes(section, 8)) > 0:
                info.Damage = new CaptureDamage(file.DisplayName, section.Offset, "the main file of a perf.data directory alone", "expected data.0 and the others beside it");
                break;
            case FeatureClockData when section.Size >= 24:
                // u32 version, clock; u64 wall clock, clock
                ulong wall = U64(Bytes(section, 24).AsSpan(8)) / 1_000_000_000;
                info.Date = wall is > 0 and < 253_000_000_000 ? DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeSeconds((long)wall).UtcDateTime) : null;
                break;
            case FeatureEventDesc:
                ReadEventDesc(section);
                break;
            default:
                break;
        }
    }

    private void ReadEventDesc(FileRange section)
    {
        // u32 events, u32 size of an attribute; each: attribute, u32 ids, text, ids
        byte[] bytes = Bytes(section, LargestEventDesc);
        SpanCursor c = new(bytes, bigEndian);
        if (!c.TryU32(out uint count) || !c.TryU32(out uint attrSize))
        {
            return;
        }

        for (int i = 0; i < Math.Min(count, Events.All.Count); i++)
        {
            if (!c.TryBytes(attrSize, out _) || !c.TryU32(out uint ids) || !c.TryU32(out uint length)
                || !c.TryBytes(length, out ReadOnlySpan<byte> name) || !c.TryBytes(8L * ids, out _))
            {
                return;
            }

            Events.All[i].Name = Text(name);
        }
    }

    private void ReadTracingData(long offset)
    {
        // The layout of trace.dat version 6 up to the saved command lines, which version 0.5 does not have yet.
        Span<byte> magic = stackalloc byte[TraceDatHeader.Magic.Length];
        file.ReadExactly(offset, magic, "tracing data");
        if (!magic.SequenceEqual(TraceDatHeader.Magic))
        {
            throw file.Damaged(offset, "other bytes", "expected tracing data, which begin with 17 08 44 \"tracing\"");
        }

        FileMetadataReader text = new(file, offset + magic.Length, false);
        _ = text.CString("the version of the tracing data");
        byte[] machine = text.Bytes(2, 2, "the byte order of the tracing data");
        bool formatsBigEndian = machine[0] == 1;
        FileMetadataReader r = new(file, text.FileOffset, formatsBigEndian);
        _ = r.U32("a page size");
        TraceDatMetadata metadata = new(formatsBigEndian, info);
        metadata.ReadHeaderInfo(r);
        metadata.ReadFtraceEvents(r);
        metadata.ReadEventFormats(r);
        uint symbols = r.U32("the size of kallsyms");
        byte[] kallsyms = r.Bytes(symbols, MetadataLimits.Symbols, "kallsyms");
        TraceDatMetadata.WarnOfRest(info, symbols, MetadataLimits.Symbols, "symbols (kallsyms)");
        info.Symbols = new SymbolTable(() => kallsyms);
    }

    private string FeatureText(FileRange section)
    {
        byte[] bytes = Bytes(section, SmallFeature);
        SpanCursor c = new(bytes, bigEndian);
        return c.TryU32(out uint length) && c.TryBytes(Math.Min(length, (uint)c.Remaining), out ReadOnlySpan<byte> text) ? Text(text) : "";
    }

    private byte[] Bytes(FileRange section, int atMost)
    {
        byte[] bytes = new byte[Math.Min(section.Size, atMost)];
        file.ReadExactly(section.Offset, bytes, "a feature");
        return bytes;
    }

    private List<ulong> Ids(ReadOnlySpan<byte> bytes)
    {
        List<ulong> ids = new(bytes.Length / 8);
        for (int at = 0; at + 8 <= bytes.Length; at += 8)
        {
            ids.Add(U64(bytes[at..]));
        }

        return ids;
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int nul = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(nul < 0 ? bytes : bytes[..nul]);
    }

    /// <summary>As <c>trace_clock</c> names it.</summary>
    private static string ClockName(int? id) => id switch
    {
        null => "perf",
        0 => "realtime",
        1 => "mono",
        4 => "mono_raw",
        7 => "boot",
        11 => "tai",
        _ => $"clockid {id}",
    };

    private uint U32(ReadOnlySpan<byte> b) => bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b) : BinaryPrimitives.ReadUInt32LittleEndian(b);

    private ulong U64(ReadOnlySpan<byte> b) => bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b) : BinaryPrimitives.ReadUInt64LittleEndian(b);
}
