using Xunit;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>Compares the rows of two captures, column by column.</summary>
internal static class Recordings
{
    /// <summary>Columns that name the capture and not what happened.</summary>
    public static readonly string[] Identity = ["trace_id"];

    /// <summary>Columns that another recording of the same run has otherwise: it sees its own order and takes its own time.</summary>
    public static readonly string[] OfRecording = ["trace_id", "seq", "end_seq", "ts_ns", "latency_ns", "latency_cycles", "latency_to"];

    /// <summary>Columns that another run of the same scenario has otherwise: the host gave it other tasks and other memory.</summary>
    public static readonly string[] OfRun = [.. OfRecording, "pid", "hva", "observed_pfn", "pfn"];

    /// <summary>
    /// Asserts that rows have the same values in the same order; NULL only in the second is not a difference but counted.
    /// </summary>
    /// <param name="timeDifference">How far apart <c>ts_ns</c> may be, in ns.</param>
    /// <returns>The columns that the second capture does not tell everywhere, with the number of rows.</returns>
    public static SortedDictionary<string, int> AssertSame(
        string table, List<Dictionary<string, string?>> first, List<Dictionary<string, string?>> second, string[] leftOut, long timeDifference = 0)
    {
        Assert.True(first.Count == second.Count, $"{table}: {first.Count} and {second.Count} rows");
        SortedDictionary<string, int> untold = new(StringComparer.Ordinal);
        for (int i = 0; i < first.Count; i++)
        {
            foreach ((string column, string? value) in first[i].Where(cell => !leftOut.Contains(cell.Key)))
            {
                string? other = second[i].GetValueOrDefault(column);
                if (other is null && value is not null)
                {
                    untold[column] = untold.GetValueOrDefault(column) + 1;
                }
                else if (column == "ts_ns")
                {
                    Assert.InRange(long.Parse(other!, null) - long.Parse(value!, null), -timeDifference, timeDifference);
                }
                else
                {
                    Assert.True(value == other, $"{table} row {i} {column}: {value ?? "NULL"} and {other ?? "NULL"}");
                }
            }
        }

        return untold;
    }
}
