using System.Runtime.CompilerServices;

namespace TraceReplay.Ingest.Dataset;

/// <summary>The place in the trace of each CPU's last event.</summary>
internal sealed class LastPlaces
{
    // CPUs of the first instance, which has nearly all events.
    private readonly long[] _near = new long[64];
    private readonly Dictionary<(int Instance, int Cpu), long> _far = [];

    public LastPlaces() => Array.Fill(_near, -1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(int instance, int cpu, long seq)
    {
        if (instance == 0 && (uint)cpu < (uint)_near.Length)
        {
            _near[cpu] = seq;
        }
        else
        {
            _far[(instance, cpu)] = seq;
        }
    }

    /// <returns>null if the CPU has had none.</returns>
    public long? Of(int instance, int cpu)
    {
        long seq = instance == 0 && (uint)cpu < (uint)_near.Length ? _near[cpu] : _far.GetValueOrDefault((instance, cpu), -1);
        return seq < 0 ? null : seq;
    }
}
