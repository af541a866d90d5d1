namespace TraceReplay.Ingest.PerfData;

/// <summary>What an item of the <see cref="EventSorter"/> is, beside its time and its payload.</summary>
internal struct ItemHead
{
    public const int Comm = -1;
    public const int Fork = -2;

    /// <summary>Records lost here; the payload is their number.</summary>
    public const int Lost = -3;

    /// <summary>Samples that an event lost from begin to end.</summary>
    public const int LostTotal = -4;

    /// <summary>Index of the event, or one of the constants.</summary>
    public int Kind;

    public int Tid;

    /// <summary>The process; of a fork, the parent thread.</summary>
    public int Pid;

    public int Cpu;
}
