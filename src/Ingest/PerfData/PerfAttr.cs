using System.Buffers.Binary;

namespace TraceReplay.Ingest.PerfData;

/// <summary>What a sample records; the kernel's <c>perf_event_sample_format</c>.</summary>
[Flags]
internal enum SampleType : ulong
{
    Ip = 1 << 0,
    Tid = 1 << 1,
    Time = 1 << 2,
    Addr = 1 << 3,
    Read = 1 << 4,
    Callchain = 1 << 5,
    Id = 1 << 6,
    Cpu = 1 << 7,
    Period = 1 << 8,
    StreamId = 1 << 9,
    Raw = 1 << 10,
    BranchStack = 1 << 11,
    RegsUser = 1 << 12,
    StackUser = 1 << 13,
    Weight = 1 << 14,
    DataSrc = 1 << 15,
    Identifier = 1 << 16,
    Transaction = 1 << 17,
    RegsIntr = 1 << 18,
    PhysAddr = 1 << 19,
    Aux = 1 << 20,
    Cgroup = 1 << 21,
    DataPageSize = 1 << 22,
    CodePageSize = 1 << 23,
    WeightStruct = 1 << 24,
}

/// <summary>The part of <c>perf_event_attr</c> that decoding needs. Any size is taken: fields beyond it are 0, what is unknown is not looked at.</summary>
internal sealed record PerfAttr
{
    /// <summary><c>PERF_ATTR_SIZE_VER0</c>.</summary>
    public const int SmallestSize = 64;

    public const uint TypeTracepoint = 2;

    public const ulong ReadTotalTimeEnabled = 1;
    public const ulong ReadTotalTimeRunning = 2;
    public const ulong ReadId = 4;
    public const ulong ReadGroup = 8;
    public const ulong ReadLost = 16;

    public const ulong BranchHardwareIndex = 1 << 17;
    public const ulong BranchCounters = 1 << 19;

    private const int SampleIdAllBit = 18;
    private const int UseClockIdBit = 25;

    public uint Type { get; init; }

    public ulong Config { get; init; }

    public SampleType SampleType { get; init; }

    public ulong ReadFormat { get; init; }

    public bool SampleIdAll { get; init; }

    public ulong BranchSampleType { get; init; }

    public ulong RegsUser { get; init; }

    public ulong RegsIntr { get; init; }

    /// <summary>The clock asked for with <c>-k</c>; null = perf's own.</summary>
    public int? ClockId { get; init; }

    /// <param name="bytes">At least <see cref="SmallestSize"/>.</param>
    public static PerfAttr Parse(ReadOnlySpan<byte> bytes, bool bigEndian)
    {
        ulong flags = At(bytes, 40, bigEndian);
        uint clock = (uint)(bigEndian ? At(bytes, 88, true) : At(bytes, 88, false) >> 32);
        return new PerfAttr
        {
            Type = (uint)(bigEndian ? At(bytes, 0, true) >> 32 : At(bytes, 0, false)),
            Config = At(bytes, 8, bigEndian),
            SampleType = (SampleType)At(bytes, 24, bigEndian),
            ReadFormat = At(bytes, 32, bigEndian),
            SampleIdAll = Flag(SampleIdAllBit),
            BranchSampleType = At(bytes, 72, bigEndian),
            RegsUser = At(bytes, 80, bigEndian),
            ClockId = Flag(UseClockIdBit) ? (int)clock : null,
            RegsIntr = At(bytes, 96, bigEndian),
        };

        // Bit fields are allotted from the other end on big-endian machines.
        bool Flag(int bit) => ((flags >> (bigEndian ? 63 - bit : bit)) & 1) != 0;
    }

    public bool Has(SampleType part) => (SampleType & part) != 0;

    private static ulong At(ReadOnlySpan<byte> bytes, int offset, bool bigEndian) =>
        bytes.Length < offset + 8 ? 0
        : bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
