using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle.Orders;

/// <summary>What a fault may come to.</summary>
/// <param name="Fault">Its number.</param>
/// <param name="Ends">One of these: the outcome, and which of its steps it has taken.</param>
/// <param name="Contradicted">No order fits the steps that are recorded of it; the outcomes are those of all orders, whatever it did itself.</param>
public sealed record Possible(long Fault, IReadOnlyList<(FaultOutcome Outcome, bool MadeLookup, bool ReachedLock)> Ends, bool Contradicted)
{
    public HashSet<FaultOutcome> Outcomes => [.. Ends.Select(end => end.Outcome)];
}

/// <summary>
/// The outcomes that a fault may have over all orders. Orders differ in what the checks of the retry protocol read; entries, memslots
/// and the VMM's memory are as the operations stand, since the records of each entry form a chain. Of a set the state goes on with what the kernel had, if that is in it.
/// </summary>
public sealed class Possibilities(IReadOnlyList<Operation> operations)
{
    private readonly Story _story = new(operations);
    private readonly Dictionary<(long Fault, bool RangeUnitIsHva), HashSet<Readings>> _readings = [];

    public int Faults => _story.Faults.Count;

    /// <summary>Must be asked before <see cref="Of"/>: whether there are few enough orders to look at all of them.</summary>
    public bool Enumerate(int mostOrders)
    {
        foreach (FaultStory fault in _story.Faults)
        {
            foreach (bool hva in new[] { false, true })
            {
                if (Readings.InAllOrders(_story, fault, hva, mostOrders) is not { } all)
                {
                    return false;
                }

                _readings.Add((fault.Id, hva), all);
            }
        }

        return true;
    }

    /// <summary>By fault, in the order in which they end, what it may come to in this model.</summary>
    public List<Possible> Of(Kernel kernel)
    {
        List<Possible> sets = [];
        Dictionary<long, Readings> goneOn = [];
        foreach (FaultStory fault in _story.Faults.OrderBy(fault => fault.EndsAt))
        {
            List<(Readings Told, Fault Ended)> runs = [.. Told(fault, kernel).Select(told => (told, Run(kernel, fault, goneOn, told)))];
            List<(Readings Told, Fault Ended)> kept = runs.FindAll(run => Is(fault.Facts.LookupMade, run.Ended.MadeLookup) && Is(fault.LockReached, run.Ended.ReachedLock));
            bool contradicted = kept.Count == 0;
            kept = contradicted ? runs : kept;
            Possible possible = new(fault.Id, [.. kept.Select(run => (run.Ended.Outcome, run.Ended.MadeLookup, run.Ended.ReachedLock)).Distinct()], contradicted);
            sets.Add(possible);
            HashSet<FaultOutcome> set = possible.Outcomes;
            bool retries = set.Contains(FaultOutcome.Retry) && (set.Count == 1 || fault.Observed == FaultOutcome.Retry);
            goneOn[fault.Id] = kept.Find(run => (run.Ended.Outcome == FaultOutcome.Retry) == retries).Told;
        }

        return sets;
    }

    private IEnumerable<Readings> Told(FaultStory fault, Kernel kernel)
    {
        bool[] both = [false, true];
        foreach (Readings order in _readings[(fault.Id, kernel.RangeUnitIsHva)])
        {
            foreach (bool invalid in fault.Facts.Slot switch { SlotFact.SeenInvalid => [true], SlotFact.MayBeInvalid => both, _ => [false] })
            {
                foreach (bool stale in fault.Facts.RootMayBeStale ? both : [false])
                {
                    foreach (bool lost in fault.Raced ? both : [false])
                    {
                        yield return order with { SlotInvalid = invalid, RootsGone = order.RootsGone || stale, RaceLost = lost };
                    }
                }
            }
        }
    }

    /// <summary>A recorded step of the fault's own excludes the orders in which it does not take it, and one that is missing those in which it does.</summary>
    private static bool Is(OwnStep recorded, bool taken) => recorded == OwnStep.NotRecorded || taken == (recorded == OwnStep.Seen);

    private Fault Run(Kernel kernel, FaultStory fault, Dictionary<long, Readings> goneOn, Readings told)
    {
        Machine machine = new(kernel, Vendor.Npt) { Told = id => id == fault.Id ? told : goneOn.GetValueOrDefault(id) };
        for (int i = 0; i <= fault.EndsAt; i++)
        {
            machine.Execute(operations[i]);
        }

        return machine.Ended[^1];
    }
}
