namespace TraceReplay.Ingest.FtraceText;

/// <summary>The order of time for a text that is not in it, as a merge of the CPUs' buffers would have given. 16 bytes for each event.</summary>
internal sealed class TextOrder : ITextVisitor
{
    private readonly List<(long Time, long Offset)> _records = [];
    private readonly LatestTimes _latest = new();

    public List<(int Cpu, long? Count)> Losses { get; } = [];

    public void Record(TextRecord record)
    {
        _records.Add((_latest.Next(record.Cpu, record.Timestamp), record.Offset));
    }

    public void Lost(int cpu, long? count) => Losses.Add((cpu, count));

    public void Comment(ReadOnlySpan<byte> line)
    {
    }

    public void Other(long offset, ReadOnlySpan<byte> line)
    {
    }

    public IEnumerable<long> Sorted()
    {
        // Offsets rise with the lines, so equal times keep the order of the text.
        _records.Sort();
        return _records.Select(r => r.Offset);
    }
}
