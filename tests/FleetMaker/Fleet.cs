using System.Globalization;
using System.Text;
using System.Text.Json;

namespace TraceReplay.FleetMaker;

/// <summary>A regression that was put into a group on the last night.</summary>
/// <param name="Factor">Of the latency; 1 for other kinds.</param>
internal sealed record Planted(string Date, string Class, string Host, string Scenario, string Kernel, string Kind, double Factor);

/// <param name="Share">Of the (host, scenario, kernel) groups of the last night; with <paramref name="WholeClass"/> of the (class, scenario, kernel) groups.</param>
internal sealed record FleetPlan(
    string Inbox, int Captures, int Nights, int FirstNight, int Hosts, int Classes, int Seed, DateOnly FirstDate, double Share, double Factor, string[] Kinds, bool WholeClass);

/// <summary>Makes the nights of a fleet: the same plan gives the same bytes.</summary>
internal sealed class Fleet(FleetPlan plan, IReadOnlyList<Sample> samples)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Standard deviations of the logarithm of a factor on all latencies: how far machines of a class, the nights of one machine
    // and its captures lie apart.
    private const double HostSpread = 0.05;
    private const double NightSpread = 0.02;
    private const double CaptureSpread = 0.05;
    private const double FaultSpread = 0.25;

    public IReadOnlyList<Planted> Make()
    {
        List<Planted> planted = [];
        for (int night = plan.FirstNight; night < plan.FirstNight + plan.Nights; night++)
        {
            string date = plan.FirstDate.AddDays(night).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            int from = night;
            Dictionary<(string, string, string), Planted> chosen = night == plan.FirstNight + plan.Nights - 1 ? Choose(date) : [];
            planted.AddRange(chosen.Values);
            Parallel.For(0, plan.Captures, i => Capture(date, from, i, chosen));
        }

        File.WriteAllText(
            Path.Combine(Path.GetDirectoryName(Path.GetFullPath(plan.Inbox).TrimEnd('/'))!, "planted.json"),
            JsonSerializer.Serialize(planted, s_json) + "\n");
        return planted;
    }

    private static string HostName(int host) => string.Create(CultureInfo.InvariantCulture, $"host{host + 1:000}");

    private string ClassName(int host) => string.Create(CultureInfo.InvariantCulture, $"class{(host % plan.Classes) + 1}");

    /// <summary>Every host runs every scenario in turn.</summary>
    private (int Host, Sample Sample) Of(int capture)
    {
        int host = capture % plan.Hosts;
        return (host, samples[((capture / plan.Hosts) + host) % samples.Count]);
    }

    private Dictionary<(string, string, string), Planted> Choose(string date)
    {
        // A planted regression is known by host; one of a whole class by the class.
        var groups = Enumerable.Range(0, plan.Captures).Select(Of)
            .Select(c => (Who: plan.WholeClass ? ClassName(c.Host) : HostName(c.Host), Class: ClassName(c.Host), c.Sample.Scenario, c.Sample.Kernel))
            .Distinct().Order().ToArray();
        int count = plan.Share == 0 ? 0 : Math.Max(1, (int)Math.Round(plan.Share * groups.Length));
        RandomOf("plant", date).Shuffle(groups);
        return groups.Take(count).Select((g, i) => (g.Who, Planted: new Planted(
            date, g.Class, plan.WholeClass ? "*" : g.Who, g.Scenario, g.Kernel, plan.Kinds[i % plan.Kinds.Length],
            plan.Kinds[i % plan.Kinds.Length] == "latency" ? plan.Factor : 1)))
            .ToDictionary(p => (p.Who, p.Planted.Scenario, p.Planted.Kernel), p => p.Planted);
    }

    private void Capture(string date, int night, int capture, Dictionary<(string, string, string), Planted> chosen)
    {
        (int host, Sample sample) = Of(capture);
        string name = HostName(host);
        Planted? planted = chosen.GetValueOrDefault((plan.WholeClass ? ClassName(host) : name, sample.Scenario, sample.Kernel));
        Random random = RandomOf("capture", $"{night}/{capture}");
        double factor = Variation.LogNormal(RandomOf("host", name), HostSpread)
            * Variation.LogNormal(RandomOf("night", $"{name}/{night}"), NightSpread)
            * Variation.LogNormal(random, CaptureSpread)
            * (planted?.Factor ?? 1);
        IReadOnlyList<SampleEvent> events = planted?.Kind switch
        {
            "outcome" => Variation.RefuseFaults(sample.Events, sample.Info.Events.All.First(f => f.Name == "kvm_userspace_exit"), every: 4),
            "lost" => Variation.Lose(sample.Events, 40 + random.Next(40)),
            _ => sample.Events,
        };
        long start = sample.Events[0].Time + ((night * 86_400L) + random.Next(80_000)) * 1_000_000_000L;
        byte[] file = TraceDatFile.Write(sample, name, Variation.Stretch(events, factor, FaultSpread, start, random));
        string folder = Path.Combine(plan.Inbox, ClassName(host), name, date);
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{sample.Scenario}.{capture:00000}.trace.dat"));
        File.WriteAllBytes(path, file);

        // Uploaded in its night: a job does not take it for a file that is still being written.
        File.SetLastWriteTimeUtc(path, plan.FirstDate.AddDays(night).ToDateTime(new TimeOnly(2, 0), DateTimeKind.Utc));
    }

    /// <summary>A source that depends on nothing but the plan's seed and what it is for.</summary>
    private Random RandomOf(string purpose, string key)
    {
        uint hash = 2166136261;
        foreach (byte b in Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{plan.Seed}/{purpose}/{key}")))
        {
            hash = (hash ^ b) * 16777619;
        }

        return new Random((int)(hash & int.MaxValue));
    }
}
