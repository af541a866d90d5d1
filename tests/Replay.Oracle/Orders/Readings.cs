namespace TraceReplay.Replay.Oracle.Orders;

/// <summary>What one order of all things answers to the checks of one fault.</summary>
/// <param name="First">The lock-free check before the lookup says retry.</param>
/// <param name="Second">The one behind it does.</param>
/// <param name="Locked">The one under mmu_lock does.</param>
/// <param name="RootsGone">The root in which it faulted is obsolete.</param>
/// <param name="SlotInvalid">It finds its memslot INVALID.</param>
/// <param name="RaceLost">Another task changes the entry between its read and its compare-exchange.</param>
public readonly record struct Readings(bool First, bool Second, bool Locked, bool RootsGone, bool SlotInvalid = false, bool RaceLost = false)
{
    /// <summary>The checks' answers in each order that the places allow; null if there are more orders than are looked at.</summary>
    public static HashSet<Readings>? InAllOrders(Story story, FaultStory fault, bool rangeUnitIsHva, int mostOrders)
    {
        Thing snapshot = new(ThingKind.Snapshot, fault.Begin);
        Thing first = new(ThingKind.FirstCheck, fault.Begin);

        // Without a lookup of its own in the records the second check lies anywhere between the first and the one under mmu_lock.
        Thing second = new(ThingKind.SecondCheck, fault.Lookup ?? new Places(fault.Begin.After, Math.Max(fault.Map.Before, fault.Begin.After + 1)));
        Thing locked = new(ThingKind.LockedCheck, fault.Map);
        List<Thing> things = [snapshot, first, second, locked];
        List<(Thing, Thing)> ofOneTask = [(snapshot, first), (first, second), (second, locked)];
        foreach (Window window in story.Windows[fault.Vm].Where(window => window.OpensAt < fault.EndsAt))
        {
            Thing begins = new(ThingKind.WindowBegins, window.Begin, window);
            Thing ends = new(ThingKind.WindowEnds, window.End, window);
            things.AddRange([begins, ends]);
            ofOneTask.Add((begins, ends));
            if (fault.Owns(window))
            {
                ofOneTask.AddRange([(first, begins), (ends, second)]);
            }
        }

        foreach (Places gone in fault.RootsGone)
        {
            things.Add(new Thing(ThingKind.RootsGo, gone));
        }

        ulong x = rangeUnitIsHva ? fault.Hva ?? 0 : fault.Gfn;
        HashSet<Readings> all = [];
        bool complete = Permutations.ForEach(things, ofOneTask, mostOrders, order =>
        {
            if (In(order, fault, x, rangeUnitIsHva) is { } readings)
            {
                all.Add(readings);
            }
        });
        return complete ? all : null;
    }

    /// <returns>Null if the order contradicts a recorded count.</returns>
    private static Readings? In(IReadOnlyList<Thing> order, FaultStory fault, ulong x, bool rangeUnitIsHva)
    {
        Invalidation state = new();
        ulong seq = 0;
        Readings readings = default;
        bool rootsGone = false;
        foreach (Thing thing in order)
        {
            bool stale = state.Covers(x) || state.Seq != seq;
            switch (thing.Kind)
            {
                case ThingKind.WindowBegins:
                    state.Start();
                    foreach ((ulong from, ulong end) in thing.Window!.Gfns)
                    {
                        if (rangeUnitIsHva)
                        {
                            state.Add(thing.Window.Hva.Start, thing.Window.Hva.End);
                        }
                        else
                        {
                            state.Add(from, end);
                        }
                    }

                    break;
                case ThingKind.WindowEnds:
                    state.End();
                    break;
                case ThingKind.RootsGo:
                    rootsGone = true;
                    break;
                case ThingKind.Snapshot:
                    seq = state.Seq;
                    if (fault.Snapshot is { } recorded && recorded != seq)
                    {
                        return null;
                    }

                    break;
                case ThingKind.FirstCheck:
                    readings = readings with { First = stale };
                    break;
                case ThingKind.SecondCheck:
                    readings = readings with { Second = stale };
                    break;
                case ThingKind.LockedCheck:
                    readings = readings with { Locked = stale, RootsGone = rootsGone };
                    break;
            }
        }

        return readings;
    }
}
