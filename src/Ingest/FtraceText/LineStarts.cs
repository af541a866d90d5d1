using System.Runtime.InteropServices;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// What lines begin with, up to the brackets around the CPU: of a thread that stays where it is, that is the same on every line, and it is
/// taken apart once. Each start has one place, where it follows another that has the same.
/// </summary>
internal sealed class LineStarts
{
    private const int Bits = 7;

    // These bytes choose the place: what begins a line but for the brackets is longer, in the kernel's form and in trace-cmd's.
    private const int Chosen = 3 * sizeof(ulong);
    private const int Longest = 80;

    private readonly Start?[] _starts = new Start?[1 << Bits];

    /// <summary>A start and what it says; it changes when the next line is read.</summary>
    internal sealed class Start
    {
        private readonly byte[] _bytes = new byte[Longest];
        private int _pid;
        private int _tgid;
        private int _cpu;
        private int _instance;
        private Range _comm;

        public int Length { get; private set; }

        /// <summary>What <see cref="TextRecord"/> has made of it; null if nothing yet.</summary>
        public (string? Comm, bool CommFits, string Instance)? Names { get; set; }

        public bool Begins(ReadOnlySpan<byte> line) => line.StartsWith(_bytes.AsSpan(0, Length));

        public void Fill(ReadOnlySpan<byte> start, in LineHeader header)
        {
            start.CopyTo(_bytes);
            Length = start.Length;
            Names = null;
            (_pid, _tgid, _cpu, _instance) = (header.Pid, header.Tgid, header.Cpu, header.Instance.Length);
            int comm = start.Overlaps(header.Comm, out int offset) ? offset : 0;
            _comm = comm..(comm + header.Comm.Length);
        }

        public LineHeader Header(ReadOnlySpan<byte> line) =>
            new() { Period = -1, Pid = _pid, Tgid = _tgid, Cpu = _cpu, Instance = line[.._instance], Comm = line[_comm], Start = this };
    }

    /// <returns>null if the line's start is not known.</returns>
    public Start? Find(ReadOnlySpan<byte> line) => line.Length > Chosen && _starts[Place(line)] is { } start && start.Begins(line) ? start : null;

    /// <param name="start">Of a line, up to the first bracket that closes.</param>
    /// <param name="header">What it says.</param>
    public void Put(ReadOnlySpan<byte> start, ref LineHeader header)
    {
        if (start.Length is > Chosen and <= Longest)
        {
            Start place = _starts[Place(start)] ??= new Start();
            place.Fill(start, in header);
            header.Start = place;
        }
    }

    private static int Place(ReadOnlySpan<byte> line)
    {
        ulong mixed = MemoryMarshal.Read<ulong>(line)
            ^ ulong.RotateLeft(MemoryMarshal.Read<ulong>(line[sizeof(ulong)..]), 21)
            ^ ulong.RotateLeft(MemoryMarshal.Read<ulong>(line[(2 * sizeof(ulong))..]), 42);
        return (int)((mixed * 0x9E3779B97F4A7C15) >> (64 - Bits));
    }
}
