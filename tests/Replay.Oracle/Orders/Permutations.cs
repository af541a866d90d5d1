namespace TraceReplay.Replay.Oracle.Orders;

/// <summary>Every order of some things that their places and the order of each task allow, by brute force.</summary>
public static class Permutations
{
    /// <param name="things">The things.</param>
    /// <param name="first">Pairs of which the first comes first: steps of one task.</param>
    /// <param name="most">More orders than these are not looked at.</param>
    /// <param name="use">Is given each order; the list is used again for the next.</param>
    /// <returns>False if there are more.</returns>
    public static bool ForEach(IReadOnlyList<Thing> things, IReadOnlyCollection<(Thing First, Thing Then)> first, int most, Action<IReadOnlyList<Thing>> use)
    {
        bool[,] mustPrecede = new bool[things.Count, things.Count];
        for (int i = 0; i < things.Count; i++)
        {
            for (int j = 0; j < things.Count; j++)
            {
                mustPrecede[i, j] = i != j && (!things[j].Places.MayPrecede(things[i].Places) || first.Contains((things[i], things[j])));
            }
        }

        int orders = 0;
        List<Thing> order = [];
        bool[] taken = new bool[things.Count];
        return Extend();

        bool Extend()
        {
            if (order.Count == things.Count)
            {
                use(order);
                return ++orders < most;
            }

            for (int next = 0; next < things.Count; next++)
            {
                if (taken[next] || Waits(next))
                {
                    continue;
                }

                taken[next] = true;
                order.Add(things[next]);
                bool goOn = Extend();
                order.RemoveAt(order.Count - 1);
                taken[next] = false;
                if (!goOn)
                {
                    return false;
                }
            }

            return true;
        }

        bool Waits(int thing)
        {
            for (int other = 0; other < things.Count; other++)
            {
                if (!taken[other] && mustPrecede[other, thing])
                {
                    return true;
                }
            }

            return false;
        }
    }
}
