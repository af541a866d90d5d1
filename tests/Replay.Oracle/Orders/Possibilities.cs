using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle.Orders;

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

    /// <summary>By fault, what it may come to in this model.</summary>
    public Dictionary<long, HashSet<FaultOutcome>> Of(Kernel kernel)
    {
        Dictionary<long, HashSet<FaultOutcome>> sets = [];
        Dictionary<long, Readings> goneOn = [];
        foreach (FaultStory fault in _story.Faults.OrderBy(fault => fault.EndsAt))
        {
            List<(Readings Told, Fault Ended)> runs = [.. Told(fault, kernel).Select(told => (told, Run(kernel, fault, goneOn, told)))];
            runs = Keep(runs, fault.Facts.LookupMade, ended => ended.MadeLookup);
            runs = Keep(runs, fault.LockReached, ended => ended.ReachedLock);
            HashSet<FaultOutcome> set = [.. runs.Select(run => run.Ended.Outcome)];
            sets.Add(fault.Id, set);
            bool retries = set.Contains(FaultOutcome.Retry) && (set.Count == 1 || fault.Observed == FaultOutcome.Retry);
            goneOn[fault.Id] = runs.Find(run => (run.Ended.Outcome == FaultOutcome.Retry) == retries).Told;
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
                foreach (bool stale in fault.Facts.RootStale ? [true] : fault.Facts.RootMayBeStale ? both : [false])
                {
                    foreach (bool lost in fault.Raced ? both : [false])
                    {
                        yield return order with { SlotInvalid = invalid, RootsGone = order.RootsGone || stale, RaceLost = lost };
                    }
                }
            }
        }
    }

    /// <summary>
    /// A recorded step of the fault's own excludes the orders in which it does not take it, and one that is missing those in which it does.
    /// If that leaves none, the step is taken for misread: the others' records have decided.
    /// </summary>
    private static List<(Readings Told, Fault Ended)> Keep(List<(Readings Told, Fault Ended)> runs, OwnStep step, Predicate<Fault> taken)
    {
        List<(Readings Told, Fault Ended)> kept = runs.FindAll(run => step == OwnStep.NotRecorded || taken(run.Ended) == (step == OwnStep.Seen));
        return kept.Count > 0 ? kept : runs;
    }

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
