namespace TraceReplay.TextCompare;

/// <summary>Pairs the rows of two recordings of one run.</summary>
internal static class Pairing
{
    private const long Window = 3_000;

    /// <summary>
    /// Rows of the same event, thread and CPU, in order, whose time stamps are within some microseconds: each recording takes its
    /// own.
    /// </summary>
    public static IEnumerable<(CapturedRows.Row Binary, CapturedRows.Row Text)> ByContent(IEnumerable<CapturedRows.Row> binary, IEnumerable<CapturedRows.Row> text)
    {
        Dictionary<(string, int, int), Queue<CapturedRows.Row>> waiting = binary
            .GroupBy(Key)
            .ToDictionary(g => g.Key, g => new Queue<CapturedRows.Row>(g));
        foreach (CapturedRows.Row row in text)
        {
            if (waiting.TryGetValue(Key(row), out Queue<CapturedRows.Row>? queue))
            {
                while (queue.TryPeek(out CapturedRows.Row first) && first.Timestamp < row.Timestamp - Window)
                {
                    queue.Dequeue();
                }

                if (queue.TryPeek(out CapturedRows.Row candidate) && candidate.Timestamp <= row.Timestamp + Window)
                {
                    yield return (queue.Dequeue(), row);
                }
            }
        }
    }

    private static (string Event, int Cpu, int Pid) Key(CapturedRows.Row row) => (row.Format.FullName, row.Cpu, row.Pid);
}
