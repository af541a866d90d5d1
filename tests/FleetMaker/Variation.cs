using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.FleetMaker;

/// <summary>What makes a capture differ from its sample.</summary>
internal static class Variation
{
    /// <summary>Stretches the time within faults; time outside of them, and the order of all events, stay.</summary>
    /// <param name="factor">Of the capture as a whole.</param>
    /// <param name="spread">Standard deviation of the logarithm of each fault's own factor.</param>
    public static List<SampleEvent> Stretch(IReadOnlyList<SampleEvent> events, double factor, double spread, long start, Random random)
    {
        OpenFaults open = new();
        List<SampleEvent> stretched = new(events.Count);
        List<double> factors = [];
        double time = start;
        long last = start;
        for (int i = 0; i < events.Count; i++)
        {
            if (i > 0)
            {
                long step = events[i].Time - events[i - 1].Time;
                int fault = open.Any;
                while (factors.Count <= fault)
                {
                    factors.Add(factor * LogNormal(random, spread));
                }

                time += step * (fault < 0 ? 1 : factors[fault]);
                // Two events with different times keep different ones, or the merge of CPUs could turn them round.
                last = step == 0 ? last : Math.Max(last + 1, (long)time);
            }

            stretched.Add(events[i] with { Time = last });
            open.Next(events[i]);
        }

        return stretched;
    }

    /// <summary>
    /// Every n-th fault that was mapped ends in EFAULT instead, as the kernel's records show such an end: the lookup fails, no SPTE
    /// is set, and the vCPU leaves for user space.
    /// </summary>
    /// <param name="exitFormat">Of kvm_userspace_exit.</param>
    public static List<SampleEvent> RefuseFaults(IReadOnlyList<SampleEvent> events, EventFormat exitFormat, int every)
    {
        const ulong errFault = 0x7ffUL << 52;
        SampleEvent exit = new SampleEvent(0, 0, 0, exitFormat, new byte[exitFormat.FixedSize])
            .With("common_type", exitFormat.Id).With("reason", 0).With("errno", -14);
        HashSet<int> removed = [];
        Dictionary<int, SampleEvent[]> replaced = [];
        int mapped = 0;
        foreach ((int begin, int end) in Faults(events))
        {
            int[] own = [.. Enumerable.Range(begin, end - begin).Where(i => events[i].Pid == events[begin].Pid)];
            bool leaf = own.Any(i => events[i].Name == "kvm_mmu_set_spte");
            if (!leaf || events[end].Name != "kvm_entry" || mapped++ % every != 0)
            {
                continue;
            }

            foreach (int i in own)
            {
                SampleEvent e = events[i];
                if (e.Name.StartsWith("kvm_mmu_", StringComparison.Ordinal) || e.Name is "kvm_tdp_mmu_spte_changed" or "release_pfn" or "set_pfn_dirty" or "set_pfn_accessed")
                {
                    removed.Add(i);
                }
                else if (e.Name is "hva_to_pfn_ret" or "faultin_ret" or "tdp_fault_ret")
                {
                    replaced[i] = [e.With("ret", -14).With("pfn", (long)errFault)];
                }
            }

            SampleEvent entry = events[end];
            byte[] payload = [.. exit.Payload];
            entry.Payload.AsSpan(2, 6).CopyTo(payload.AsSpan(2));
            replaced[end] = [exit with { Time = entry.Time, Cpu = entry.Cpu, Pid = entry.Pid, Payload = payload }, entry with { Time = entry.Time + 1 }];
        }

        // An entry one tick later must not come behind its successor.
        List<SampleEvent> result = [];
        for (int i = 0; i < events.Count; i++)
        {
            if (!removed.Contains(i))
            {
                result.AddRange(replaced.TryGetValue(i, out SampleEvent[]? r) ? r : [events[i]]);
            }
        }

        for (int i = 1; i < result.Count; i++)
        {
            result[i] = result[i].Time < result[i - 1].Time ? result[i] with { Time = result[i - 1].Time } : result[i];
        }

        return result;
    }

    /// <summary>A hole of <paramref name="count"/> records in the CPU that has most of them, between two faults after the middle.</summary>
    public static List<SampleEvent> Lose(IReadOnlyList<SampleEvent> events, int count)
    {
        int cpu = events.CountBy(e => e.Cpu).MaxBy(c => c.Value).Key;
        int from = Faults(events).First(f => f.End > events.Count / 2).End + 1;
        int[] hole = [.. Enumerable.Range(from, events.Count - from).Where(i => events[i].Cpu == cpu).Take(count + 1)];
        HashSet<int> gone = [.. hole[..^1]];
        List<SampleEvent> result = [];
        for (int i = 0; i < events.Count; i++)
        {
            if (!gone.Contains(i))
            {
                result.Add(i == hole[^1] ? events[i] with { LostBefore = gone.Count } : events[i]);
            }
        }

        return result;
    }

    /// <summary>exp of a normal variate with mean 0 (Box-Muller).</summary>
    public static double LogNormal(Random random, double deviation)
    {
        double u = 1 - random.NextDouble();
        return Math.Exp(deviation * Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }

    private static IEnumerable<(int Begin, int End)> Faults(IReadOnlyList<SampleEvent> events)
    {
        Dictionary<int, int> open = [];
        for (int i = 0; i < events.Count; i++)
        {
            if (events[i].Name == "kvm_page_fault")
            {
                open[events[i].Pid] = i;
            }
            else if (events[i].Name is "kvm_entry" or "kvm_userspace_exit" && open.Remove(events[i].Pid, out int begin))
            {
                yield return (begin, i);
            }
        }
    }
}
