using System.Buffers.Binary;
using System.Numerics;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.PerfData;

/// <summary>Places of the parts of variable size in one sample; size 0 = not recorded.</summary>
internal struct SampleParts
{
    public (int Start, int Size) Read;
    public (int Start, int Size) Callchain;
    public (int Start, int Size) Raw;
    public (int Start, int Size) BranchStack;
    public int Weight;
    public int DataSrc;
    public int Transaction;
    public int PhysAddr;
    public int Cgroup;
    public int DataPageSize;
    public int CodePageSize;

    /// <summary>The part that the record ends within.</summary>
    public string Failed;
}

/// <summary>
/// Finds the parts of a sample (spec/trace-formats 4.2) and makes the row of an event that is no tracepoint of them: each number
/// as u64 in the capture's byte order, then the lists behind 32-bit slots like those of tracepoints (length, offset).
/// </summary>
internal sealed class SampleFields(bool bigEndian)
{
    /// <summary>Bytes that a row may take beside the lists.</summary>
    public const int MaxSize = 256;

    private delegate int Place(SampleLayout layout, in SampleParts parts);

    private static readonly (SampleType Part, string Name, Place At)[] s_numbers =
    [
        (SampleType.Ip, "ip", static (l, in _) => l.Ip),
        (SampleType.Addr, "addr", static (l, in _) => l.Addr),
        (SampleType.Id, "id", static (l, in _) => l.Id),
        (SampleType.StreamId, "stream_id", static (l, in _) => l.StreamId),
        (SampleType.Period, "period", static (l, in _) => l.Period),
        (SampleType.Weight | SampleType.WeightStruct, "weight", static (_, in p) => p.Weight),
        (SampleType.DataSrc, "data_src", static (_, in p) => p.DataSrc),
        (SampleType.Transaction, "transaction", static (_, in p) => p.Transaction),
        (SampleType.PhysAddr, "phys_addr", static (_, in p) => p.PhysAddr),
        (SampleType.Cgroup, "cgroup", static (_, in p) => p.Cgroup),
        (SampleType.DataPageSize, "data_page_size", static (_, in p) => p.DataPageSize),
        (SampleType.CodePageSize, "code_page_size", static (_, in p) => p.CodePageSize),
    ];

    private static readonly (SampleType Part, string Name)[] s_lists =
    [
        (SampleType.Read, "read"),
        (SampleType.Callchain, "callchain"),
        (SampleType.BranchStack, "branch_stack"),
        (SampleType.Raw, "raw"),
    ];

    /// <summary>The format of the rows that <see cref="WriteRow"/> makes.</summary>
    public static EventFormat Format(string system, string name, PerfAttr attr, bool bigEndian)
    {
        List<EventField> fields = [];
        int at = 0;
        foreach ((SampleType part, string field, _) in s_numbers)
        {
            if (attr.Has(part))
            {
                fields.Add(new EventField(field, "u64", at, 8, false, FieldKind.Integer, false, false));
                at += 8;
            }
        }

        foreach ((SampleType part, string field) in s_lists)
        {
            if (attr.Has(part))
            {
                fields.Add(new EventField(field, "__data_loc u8[]", at, 4, false, FieldKind.DynamicBytes, false, false));
                at += 4;
            }
        }

        return new EventFormat { System = system, Name = name, Id = 0, Fields = fields, FixedSize = at, BigEndian = bigEndian };
    }

    /// <returns>false if the record ends too early.</returns>
    public bool Locate(ReadOnlySpan<byte> record, PerfEvent e, out SampleParts parts)
    {
        parts = default;
        PerfAttr attr = e.Attr;
        long at = e.Layout.FixedEnd;
        if (attr.Has(SampleType.Read))
        {
            parts.Failed = "its counter values";
            long size = ReadSize(record, (int)at, attr.ReadFormat);
            if (!Take(record, ref at, size, out parts.Read))
            {
                return false;
            }
        }

        if (attr.Has(SampleType.Callchain))
        {
            parts.Failed = "its call chain";
            if (!Count(record, at, 8, 8, out long size) || !Take(record, ref at, size, out parts.Callchain))
            {
                return false;
            }
        }

        if (attr.Has(SampleType.Raw))
        {
            parts.Failed = "its raw data";
            if (record.Length - at < 4)
            {
                return false;
            }

            long size = U32(record, (int)at);
            at += 4;
            if (!Take(record, ref at, size, out parts.Raw))
            {
                return false;
            }
        }

        return e.IsTracepoint || LocateRest(record, attr, at, ref parts);
    }

    /// <returns>Bytes of the row.</returns>
    public int WriteRow(ReadOnlySpan<byte> record, PerfEvent e, in SampleParts parts, Span<byte> row)
    {
        int at = 0;
        foreach ((SampleType part, _, Place place) in s_numbers)
        {
            if (e.Attr.Has(part))
            {
                record.Slice(place(e.Layout, in parts), 8).CopyTo(row[at..]);
                at += 8;
            }
        }

        int end = e.Format!.FixedSize;
        foreach ((SampleType part, _) in s_lists)
        {
            if (e.Attr.Has(part))
            {
                (int start, int size) = part switch
                {
                    SampleType.Read => parts.Read,
                    SampleType.Callchain => (parts.Callchain.Start + 8, parts.Callchain.Size - 8),
                    SampleType.BranchStack => parts.BranchStack,
                    _ => parts.Raw,
                };
                if (end > ushort.MaxValue)
                {
                    // A slot cannot point there; no recorder fills a record so far with lists that a table has.
                    (end, size) = (ushort.MaxValue, 0);
                }

                uint slot = ((uint)size << 16) | (uint)end;
                if (bigEndian)
                {
                    BinaryPrimitives.WriteUInt32BigEndian(row[at..], slot);
                }
                else
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(row[at..], slot);
                }

                record.Slice(start, size).CopyTo(row[end..]);
                at += 4;
                end += size;
            }
        }

        return end;
    }

    private bool LocateRest(ReadOnlySpan<byte> record, PerfAttr attr, long at, ref SampleParts parts)
    {
        if (attr.Has(SampleType.BranchStack))
        {
            parts.Failed = "its branch stack";
            int entry = (attr.BranchSampleType & PerfAttr.BranchCounters) != 0 ? 32 : 24;
            int head = (attr.BranchSampleType & PerfAttr.BranchHardwareIndex) != 0 ? 16 : 8;
            if (!Count(record, at, head, entry, out long size) || !Take(record, ref at, size, out parts.BranchStack))
            {
                return false;
            }
        }

        parts.Failed = "its registers or stack";
        if (attr.Has(SampleType.RegsUser) && !SkipRegisters(record, ref at, attr.RegsUser))
        {
            return false;
        }

        if (attr.Has(SampleType.StackUser))
        {
            // u64 size; if not 0, that many bytes and how many of them count
            if (!Count(record, at, 8, 1, out long size) || !Take(record, ref at, size + (size > 8 ? 8 : 0), out _))
            {
                return false;
            }
        }

        parts.Failed = "its last fields";
        if (!Number(record, attr.Has(SampleType.Weight | SampleType.WeightStruct), ref at, out parts.Weight)
            || !Number(record, attr.Has(SampleType.DataSrc), ref at, out parts.DataSrc)
            || !Number(record, attr.Has(SampleType.Transaction), ref at, out parts.Transaction)
            || (attr.Has(SampleType.RegsIntr) && !SkipRegisters(record, ref at, attr.RegsIntr))
            || !Number(record, attr.Has(SampleType.PhysAddr), ref at, out parts.PhysAddr)
            || !Number(record, attr.Has(SampleType.Cgroup), ref at, out parts.Cgroup)
            || !Number(record, attr.Has(SampleType.DataPageSize), ref at, out parts.DataPageSize)
            || !Number(record, attr.Has(SampleType.CodePageSize), ref at, out parts.CodePageSize))
        {
            return false;
        }

        return true;
    }

    private static bool Number(ReadOnlySpan<byte> record, bool recorded, ref long at, out int place)
    {
        place = (int)at;
        at += recorded ? 8 : 0;
        return at <= record.Length;
    }

    private bool SkipRegisters(ReadOnlySpan<byte> record, ref long at, ulong mask)
    {
        if (record.Length - at < 8)
        {
            return false;
        }

        bool any = U64(record, (int)at) != 0;
        return Take(record, ref at, 8 + (any ? 8 * BitOperations.PopCount(mask) : 0), out _);
    }

    private long ReadSize(ReadOnlySpan<byte> record, int at, ulong format)
    {
        int times = 8 * BitOperations.PopCount(format & (PerfAttr.ReadTotalTimeEnabled | PerfAttr.ReadTotalTimeRunning));
        int value = 8 + (8 * BitOperations.PopCount(format & (PerfAttr.ReadId | PerfAttr.ReadLost)));
        return (format & PerfAttr.ReadGroup) == 0 ? times + value : Count(record, at, 8 + times, value, out long size) ? size : long.MaxValue;
    }

    /// <summary>The size of a list: a head that begins with the u64 number of its entries, then the entries.</summary>
    private bool Count(ReadOnlySpan<byte> record, long at, int head, int entry, out long size)
    {
        size = 0;
        if (record.Length - at < head)
        {
            return false;
        }

        ulong count = U64(record, (int)at);
        if (count > ushort.MaxValue)
        {
            return false;
        }

        size = head + ((long)count * entry);
        return true;
    }

    private static bool Take(ReadOnlySpan<byte> record, ref long at, long size, out (int Start, int Size) part)
    {
        part = ((int)at, (int)Math.Min(size, int.MaxValue));
        if (size > record.Length - at)
        {
            return false;
        }

        at += size;
        return true;
    }

    private uint U32(ReadOnlySpan<byte> b, int at) => bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b[at..]) : BinaryPrimitives.ReadUInt32LittleEndian(b[at..]);

    private ulong U64(ReadOnlySpan<byte> b, int at) => bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b[at..]) : BinaryPrimitives.ReadUInt64LittleEndian(b[at..]);
}
