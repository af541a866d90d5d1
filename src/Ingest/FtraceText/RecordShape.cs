using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>Where the fields of a record lie: what a writer of records asks for each value, in one array.</summary>
internal sealed class RecordShape(IReadOnlyList<EventField> fields, int fixedSize)
{
    public Slot[] Slots { get; } = [.. fields.Select(f => new Slot(f.Offset, f.Size, f.Kind))];

    /// <summary>Bytes of a record up to its last field of fixed size.</summary>
    public int FixedSize { get; } = fixedSize;

    /// <summary>A bit for each field.</summary>
    public ulong AllUnknown { get; } = fields.Count >= 64 ? ulong.MaxValue : (1UL << fields.Count) - 1;

    public readonly record struct Slot(int Offset, int Size, FieldKind Kind);
}
