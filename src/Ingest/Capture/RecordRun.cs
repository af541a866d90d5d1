using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Capture;

/// <summary>A sink that takes many records at once, where an event each would cost more than what it does with it.</summary>
internal interface IRunSink : IEventSink
{
    /// <returns>How many records it took, from the first on; it wants the one behind them as an event.</returns>
    int Take(in RecordRun run);

    /// <summary>Takes one record of the first instance without the way around an <see cref="EventRecord"/>.</summary>
    /// <param name="format">The index of its format.</param>
    /// <param name="payload"><see cref="PayloadCopy.Slack"/> bytes behind its end may be read.</param>
    /// <returns>false: it wants this one as an event.</returns>
    bool Take(int format, long timestamp, int cpu, int pid, int tgid, ReadOnlySpan<byte> payload, string? comm);
}

/// <summary>Records of one CPU in a row, as a little-endian kernel wrote them; valid only during the call.</summary>
internal readonly ref struct RecordRun(ReadOnlySpan<RecordRef> records, ReadOnlySpan<byte> pages, int cpu, int instance, int pidOffset, ThreadNames names)
{
    public ReadOnlySpan<RecordRef> Records { get; } = records;

    /// <summary>Holds the records' payloads, common fields first.</summary>
    public ReadOnlySpan<byte> Pages { get; } = pages;

    public int Cpu { get; } = cpu;

    public int Instance { get; } = instance;

    /// <summary>Where a record has its thread id; -1: nowhere.</summary>
    public int PidOffset { get; } = pidOffset;

    public ThreadNames Names { get; } = names;
}

/// <summary>Names of threads; the last one is kept, as a thread has many records in a row.</summary>
internal sealed class ThreadNames(CommandLines commandLines)
{
    private int _pid = int.MinValue;
    private string? _name;

    /// <returns>null if the kernel did not keep the name.</returns>
    public string? Of(int pid)
    {
        if (pid != _pid)
        {
            (_pid, _name) = (pid, commandLines.Comm(pid));
        }

        return _name;
    }
}
