namespace TraceReplay.TextCompare;

/// <summary>Pairs the rows of two recordings of one run.</summary>
internal static class Pairing
{
    /// <summary>How far apart the two time stamps of one event may be: each recording takes its own.</summary>
    public const long Window = 30_000;

    /// <summary>Rows of the same event, thread and CPU, in order, each with the nearest in time of the other recording.</summary>
    public static IEnumerable<(CapturedRows.Row Binary, CapturedRows.Row Text)> ByContent(IEnumerable<CapturedRows.Row> binary, IEnumerable<CapturedRows.Row> text)
    {
        // perf's clock runs beside ftrace's: the first fault of both tells how far.
        long? first = First(binary);
        long shift = first - First(text) is { } d && Math.Abs(d) > Window ? d : 0;
        text = shift == 0 ? text : text.Select(r => r with { Timestamp = r.Timestamp + shift });
        ILookup<(string, int, int), CapturedRows.Row> all = binary.ToLookup(Key);
        foreach (IGrouping<(string, int, int), CapturedRows.Row> group in text.GroupBy(Key))
        {
            CapturedRows.Row[] a = [.. all[group.Key]];
            CapturedRows.Row[] b = [.. group];
            for (int i = 0, j = 0; i < a.Length && j < b.Length;)
            {
                long apart = Math.Abs(a[i].Timestamp - b[j].Timestamp);
                if (a.Length - i != b.Length - j && i + 1 < a.Length && Math.Abs(a[i + 1].Timestamp - b[j].Timestamp) < apart)
                {
                    i++;
                }
                else if (a.Length - i != b.Length - j && j + 1 < b.Length && Math.Abs(a[i].Timestamp - b[j + 1].Timestamp) < apart)
                {
                    j++;
                }
                else
                {
                    if (apart <= Window)
                    {
                        yield return (a[i], b[j]);
                    }

                    (i, j) = (i + 1, j + 1);
                }
            }
        }
    }

    private static long? First(IEnumerable<CapturedRows.Row> rows) =>
        rows.Where(r => r.Format.FullName == "kvm.kvm_page_fault").Select(r => (long?)r.Timestamp).FirstOrDefault();

    private static (string Event, int Cpu, int Pid) Key(CapturedRows.Row row) => (row.Format.FullName, row.Cpu, row.Pid);
}
