using System.Buffers.Binary;

namespace TraceReplay.GrowTraceDat;

/// <summary>One CPU's pages, and where time stands in them.</summary>
internal sealed class CpuPages
{
    private const int Padding = 29;
    private const int TimeExtend = 30;
    private const int TimeStamp = 31;
    private const int PageHeader = 16;
    private const int DeltaBits = 27;
    private const int CommitBits = 20;

    // Absolute times lack the uppermost five bits.
    private const ulong StampMask = (1UL << (DeltaBits + 32)) - 1;

    private readonly List<int> _stamps = [];
    private readonly int _pageSize;

    public CpuPages(byte[] pages, int pageSize)
    {
        (Pages, _pageSize) = (pages, pageSize);
        for (int page = 0; page < pages.Length; page += pageSize)
        {
            Walk(page);
        }
    }

    public byte[] Pages { get; }

    public long First { get; private set; } = long.MaxValue;

    public long Last { get; private set; } = long.MinValue;

    /// <summary>Makes everything later.</summary>
    public void Shift(long step)
    {
        for (int page = 0; page < Pages.Length; page += _pageSize)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Pages.AsSpan(page), BinaryPrimitives.ReadInt64LittleEndian(Pages.AsSpan(page)) + step);
        }

        foreach (int at in _stamps)
        {
            ulong time = (Stamp(at) + (ulong)step) & StampMask;
            BinaryPrimitives.WriteUInt32LittleEndian(Pages.AsSpan(at), (uint)((time & ((1UL << DeltaBits) - 1)) << 5) | TimeStamp);
            BinaryPrimitives.WriteUInt32LittleEndian(Pages.AsSpan(at + 4), (uint)(time >> DeltaBits));
        }
    }

    private void Walk(int page)
    {
        long time = BinaryPrimitives.ReadInt64LittleEndian(Pages.AsSpan(page));
        First = Math.Min(First, time);
        int end = page + PageHeader + (int)(BinaryPrimitives.ReadUInt64LittleEndian(Pages.AsSpan(page + 8)) & ((1UL << CommitBits) - 1));
        for (int at = page + PageHeader; at < end;)
        {
            uint word = Word(at);
            int type = (int)(word & 31);
            uint delta = word >> 5;
            switch (type)
            {
                case Padding when delta == 0:
                    at = end;
                    continue;
                case TimeExtend:
                    time += delta + ((long)Word(at + 4) << DeltaBits);
                    at += 8;
                    continue;
                case TimeStamp:
                    _stamps.Add(at);
                    time = (time & ~(long)StampMask) | (long)Stamp(at);
                    at += 8;
                    continue;
                case Padding or 0:
                    at += 4 + (((int)Word(at + 4) + 3) & ~3);
                    break;
                default:
                    at += 4 + (4 * type);
                    break;
            }

            time += delta;
            Last = Math.Max(Last, time);
        }
    }

    private ulong Stamp(int at) => (Word(at) >> 5) | ((ulong)Word(at + 4) << DeltaBits);

    private uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(Pages.AsSpan(at));
}
