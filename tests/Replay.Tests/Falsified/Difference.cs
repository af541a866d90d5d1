using TraceReplay.Replay.Tests.Judging;
using Xunit;

namespace TraceReplay.Replay.Tests.Falsified;

/// <summary>The misses of a falsified capture that the true one does not have.</summary>
internal sealed class Difference
{
    public Difference(Judgement truth, Judgement falsified)
    {
        // Positions shift with every line that is added or left out, so a record's miss is known by what it says.
        Dictionary<object, int> known = truth.Plain.GroupBy(Identity).ToDictionary(group => group.Key, group => group.Count());
        List<Miss> misses = [];
        foreach (Miss miss in falsified.Plain)
        {
            object identity = Identity(miss);
            if (known.GetValueOrDefault(identity) > 0)
            {
                known[identity]--;
            }
            else
            {
                misses.Add(miss);
            }
        }

        New = misses;
    }

    public IReadOnlyList<Miss> New { get; }

    public IEnumerable<(int Pid, long Time)> Faults => New.Where(miss => miss.Fault is not null).Select(miss => KeyOf(miss)!.Value).Distinct();

    /// <summary>Guest frames of the leaf changes that were missed.</summary>
    public HashSet<ulong> RecordGfns => [.. New.Where(miss => miss.Quantity == "leaf_change" && miss.Gfn is not null).Select(miss => miss.Gfn!.Value)];

    /// <summary>Misses of the counts that a window's end records.</summary>
    public IEnumerable<Miss> Counts => New.Where(IsCount);

    public static (int Pid, long Time)? KeyOf(Miss miss) => miss.Fault is { } fault ? (fault.Pid, fault.Time) : null;

    /// <summary>What was not altered is not blamed: neither another fault, nor a record of a page where nothing was altered.</summary>
    public void AssertNothingElse(Forgery forgery, bool countsMayDiffer = false)
    {
        HashSet<(int, long)> altered = [.. forgery.Faults.Select(fault => fault.Key)];
        List<Miss> others = [.. New.Where(miss => miss.Fault is { } fault
            ? !altered.Contains((fault.Pid, fault.Time)) && !forgery.Gfns.Contains(fault.Gfn)
            : IsCount(miss) ? !countsMayDiffer
            : miss.Gfn is not { } gfn || !forgery.Gfns.Contains(gfn))];
        Assert.True(others.Count == 0, $"{others.Count} misses of what was not altered: {string.Join("; ", others.Take(3))}");
    }

    public string Describe(Forgery forgery)
    {
        HashSet<(int, long)> altered = [.. forgery.Faults.Select(fault => fault.Key)];
        string quantities = string.Join(", ", New.GroupBy(miss => miss.Quantity).Select(group => $"{group.Key} {group.Count()}"));
        return $"new misses: {(quantities.Length == 0 ? "none" : quantities)}; altered faults missed: {Faults.Count(altered.Contains)}, other faults missed: {Faults.Count(key => !altered.Contains(key))}";
    }

    private static bool IsCount(Miss miss) => miss.Quantity is "invalidate_seq" or "in_progress";

    private static object Identity(Miss miss) => IsCount(miss)
        ? (miss.Quantity, KeyOf(miss), (ulong?)null, "", "")
        : (miss.Quantity, KeyOf(miss), miss.Gfn, miss.Observed, miss.Predicted);
}
