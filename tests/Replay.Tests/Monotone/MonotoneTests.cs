using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Timeline;
using Xunit;

namespace TraceReplay.Replay.Tests.Monotone;

/// <summary>
/// One more true record can make a set smaller or turn UNKNOWN into an outcome, never the other way; and what the kernel did is in the
/// set, or it is a miss. Shown by leaving kinds of event out of real captures.
/// </summary>
public class MonotoneTests(ITestOutputHelper output)
{
    private const int Seed = 11;
    private const string Fault = "kvm.kvm_page_fault";

    private const int Pairs = 40;

    /// <summary>Bytes of a capture of some 100,000 events.</summary>
    private const long Large = 2_000_000;

    public static TheoryData<string> Samples() =>
        [.. Names()];

    /// <summary>Of the small samples: pairs are many.</summary>
    public static TheoryData<string> SmallSamples() => [.. Names().Where(name => new FileInfo(PathOf(name)).Length < Large)];

    private static IEnumerable<string> Names() =>
        Directory.EnumerateFiles(Path.Combine(ReplayedCapture.RepositoryRoot(), "sample-traces"), "*.trace.dat").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    [Theory]
    [MemberData(nameof(Samples))]
    public void Without_a_kind_of_event_no_decided_outcome_becomes_another(string sample)
    {
        PartialReplay replay = Open(sample);
        Predictions whole = replay.Without();
        Assert.Equal(0, whole.Unsound);
        Report(Understood(replay), table => $"without {table}", table => whole.Against(replay.Without([table])));
    }

    [Theory]
    [MemberData(nameof(SmallSamples))]
    public void Without_two_kinds_of_event_no_decided_outcome_becomes_another(string sample)
    {
        PartialReplay replay = Open(sample);
        Predictions whole = replay.Without();
        Random random = new(Seed);
        string[] tables = [.. Understood(replay)];
        Report(Enumerable.Range(0, Pairs).Select(_ => random.GetItems(tables, 2)), pair => $"without {pair[0]} and {pair[1]}", pair => whole.Against(replay.Without(pair)));
    }

    /// <summary>From a capture without probes, with one probe and no other: no fault loses its verdict, and none changes it.</summary>
    [Theory]
    [MemberData(nameof(Samples))]
    public void With_one_probe_more_no_verdict_is_lost(string sample)
    {
        PartialReplay replay = Open(sample);
        string[] probes = [.. Understood(replay).Where(IsProbe)];
        Predictions bare = replay.Without(probes);
        Report(probes, probe => $"with {probe} alone", probe => replay.Without([.. probes.Where(other => other != probe)]).Against(bare));
    }

    /// <summary>Events that nobody asked for beside the fault: each kind of them, of the kernel's own, only adds.</summary>
    [Theory]
    [MemberData(nameof(Samples))]
    public void With_one_more_event_of_the_kernel_no_verdict_is_lost(string sample)
    {
        PartialReplay replay = Open(sample);
        string[] kvm = [.. replay.Tables.Where(table => table.StartsWith("kvm.", StringComparison.Ordinal) || table.StartsWith("kvmmmu.", StringComparison.Ordinal))];
        string[] others = [.. replay.Tables.Except(kvm)];
        Predictions bare = replay.Without(others);
        Report(
            Understood(replay).Except(kvm).Where(table => !IsProbe(table)),
            table => $"with {table} beside kvm and kvmmmu",
            table => replay.Without([.. others.Where(other => other != table)]).Against(bare));
    }

    private static string PathOf(string sample) => Path.Combine(ReplayedCapture.RepositoryRoot(), "sample-traces", sample);

    private static PartialReplay Open(string sample) => PartialReplay.Of(PathOf(sample));

    /// <summary>The tables that a replay reads; without the fault itself there is nothing to say.</summary>
    private static IEnumerable<string> Understood(PartialReplay replay) => replay.Tables.Where(table => table != Fault && (EventCatalog.All.Any(source => source.Event == table) || (IsProbe(table) && EventCatalog.FunctionByDefinition(NameOf(table)) is not null)));

    private static bool IsProbe(string table) => table.StartsWith("kvmrep.", StringComparison.Ordinal);

    private static string NameOf(string table) => table[(table.IndexOf('.', StringComparison.Ordinal) + 1)..];

    private void Report<T>(IEnumerable<T> cases, Func<T, string> name, Func<T, string> check)
    {
        List<string> wrong = [];
        int all = 0;
        foreach (T one in cases)
        {
            all++;
            string says;
            try
            {
                says = check(one);
            }
            catch (Exception e) when (e is NullReferenceException or InvalidOperationException or KeyNotFoundException)
            {
                // One broken replay must not hide what the others say.
                says = $"the replay broke: {e.GetType().Name} {e.StackTrace?.Split('\n')[0].Trim()}";
            }

            if (says.Length > 0)
            {
                wrong.Add($"{name(one)}: {says}");
                output.WriteLine(wrong[^1]);
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {all}: {string.Join("; ", wrong)}");
    }
}
