using System.Runtime.InteropServices;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>Instructions and cache misses of the calling thread in user mode, by perf_event_open; null where machine or system has none.</summary>
internal sealed partial class HardwareCounters : IDisposable
{
    private const long PerfEventOpen = 298;
    private const uint AttrSize = 64;
    private const ulong CacheMisses = 3;
    private const ulong Instructions = 1;

    // exclude_kernel | exclude_hv
    private const ulong UserOnly = (1 << 5) | (1 << 6);

    private readonly int _instructions;
    private readonly int _misses;

    private HardwareCounters(int instructions, int misses)
    {
        _instructions = instructions;
        _misses = misses;
    }

    public static HardwareCounters? Open()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return null;
        }

        int instructions = Open(Instructions);
        if (instructions < 0)
        {
            return null;
        }

        int misses = Open(CacheMisses);
        if (misses < 0)
        {
            _ = close(instructions);
            return null;
        }

        return new HardwareCounters(instructions, misses);
    }

    public (long Instructions, long CacheMisses) Read() => (Read(_instructions), Read(_misses));

    public void Dispose()
    {
        _ = close(_instructions);
        _ = close(_misses);
    }

    private static int Open(ulong config)
    {
        PerfEventAttr attr = new() { Size = AttrSize, Config = config, Flags = UserOnly };
        return (int)syscall(PerfEventOpen, in attr, 0, -1, -1, 0);
    }

    private static long Read(int counter) => read(counter, out long value, sizeof(long)) == sizeof(long) ? value : 0;

    /// <summary>struct perf_event_attr, version 0: type 0 is PERF_TYPE_HARDWARE.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct PerfEventAttr
    {
        public uint Type;
        public uint Size;
        public ulong Config;
        public ulong Period;
        public ulong SampleType;
        public ulong ReadFormat;
        public ulong Flags;
    }

    [LibraryImport("libc")]
    private static partial long syscall(long number, in PerfEventAttr attr, int pid, int cpu, int group, ulong flags);

    [LibraryImport("libc")]
    private static partial nint read(int file, out long value, nint bytes);

    [LibraryImport("libc")]
    private static partial int close(int file);
}
