using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>A thread that stays on one core, and its processor time.</summary>
internal static partial class PinnedThread
{
    private const int ThreadCpuTime = 3;
    private const int MaskBytes = 128;

    /// <summary>Processor time of the calling thread, in ns; 0 where the system does not tell.</summary>
    public static long CpuTime => OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTime, out Timespec now) == 0 ? (now.Seconds * 1_000_000_000) + now.Nanoseconds : 0;

    /// <summary>Runs work on a thread of its own, on the core that it starts on. Where the system refuses, unpinned.</summary>
    public static T Run<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Pin();
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    private static void Pin()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Span<byte> mask = stackalloc byte[MaskBytes];
        mask.Clear();
        int core = Thread.GetCurrentProcessorId();
        if (core < 8 * MaskBytes)
        {
            mask[core / 8] = (byte)(1 << (core % 8));
            _ = sched_setaffinity(0, MaskBytes, mask);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Timespec time);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int pid, nint bytes, Span<byte> mask);
}
