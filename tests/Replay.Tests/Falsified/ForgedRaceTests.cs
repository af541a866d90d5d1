using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Tests.Judging;
using Xunit;

namespace TraceReplay.Replay.Tests.Falsified;

/// <summary>
/// Outcomes forged where the records leave more than one order: of a fault that a window meets the kernel may map or retry, but in no
/// order does it refuse a page whose lookup succeeded. An order that is not certain excuses nothing.
/// </summary>
public partial class ForgedRaceTests(ITestOutputHelper output)
{
    private const int Fixed = 5;
    private const int Retry = 1;
    private const int Emulate = 2;
    private const int Efault = -14;
    private const int Chosen = 12;

    private static readonly string[] s_install = ["kvm_mmu_spte_requested", "kvm_tdp_mmu_spte_changed", "kvm_mmu_set_spte"];

    private static readonly string[] s_edges = ["kvm_unmap_hva_range", "kvm_mn_start", "kvm_mn_end", "kvm_inv_end"];

    private static readonly string[] s_captures = ["6.12/race.trace.dat", "6.18-rt/race.trace.dat", "7.3/race.trace.dat"];

    public static TheoryData<string, string> Forgeries()
    {
        TheoryData<string, string> all = [];
        foreach (string capture in s_captures)
        {
            // All forgeries of one kernel, one of each of the others: a replay of such a capture takes as long as a hundred small tests.
            string[] forgeries = ["FIXED to EFAULT", "FIXED to RETRY, no window near", "FIXED to EFAULT, no leaf", "RETRY to EFAULT", "RETRY to EMULATE"];
            foreach (string forgery in capture == s_captures[0] ? forgeries : capture == s_captures[1] ? forgeries[..1] : forgeries[1..2])
            {
                all.Add(capture, forgery);
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Forgeries))]
    public void An_outcome_that_no_order_allows_is_a_miss(string capture, string forgery)
    {
        string? path = ReplayedCapture.More().Select(directory => Path.Combine(directory, capture)).FirstOrDefault(path => File.Exists(path) && !ReplayedCapture.IsArm64(path));
        Assert.SkipWhen(path is null, $"the capture {capture} is in none of the directories that TRACEREPLAY_CAPTURES names");
        ReplayedCapture replayed = ReplayedCapture.Of(path!);
        RecordedText text = RenderedText.Of(replayed);
        string kernel = replayed.Manifest.Kernel!;
        Judgement truth = Texts.Judge(capture, () => string.Join('\n', text.Lines), kernel);
        Assert.Equal(text.Faults.Count, truth.Faults.Count);

        Forgery forged = new(text);
        bool met = !forgery.EndsWith("near", StringComparison.Ordinal);
        int from = forgery.StartsWith("FIXED", StringComparison.Ordinal) ? Fixed : Retry;
        int to = forgery.Contains("to EFAULT", StringComparison.Ordinal) ? Efault : forgery.Contains("to EMULATE", StringComparison.Ordinal) ? Emulate : Retry;
        (int[] open, int[] edges) = ReadWindows(text);
        int Met(TextFault fault) => edges[fault.Lines[^1]] - edges[fault.Lines[0]];
        bool IsMet(TextFault fault) => Met(fault) > fault.All(s_edges).Count();
        bool IsFarFromAny(TextFault fault) => Met(fault) == 0 && open[fault.Lines[0]] == 0;
        List<TextFault> candidates = [.. text.Faults.Where(fault => Returned(fault) == from && fault.Has("hva_to_pfn_ret") && IsGood(fault) && fault.Has("kvm_entry") && (met ? IsMet(fault) : IsFarFromAny(fault)))];
        Assert.True(candidates.Count >= 3, $"{candidates.Count} faults to choose from");
        for (int i = 0; i < candidates.Count; i += Math.Max(1, candidates.Count / Chosen))
        {
            Forge(forged, candidates[i], to, leaveLeaf: !forgery.Contains("no leaf", StringComparison.Ordinal) && to != Retry);
        }

        Judgement judgement = Texts.JudgeNow(forged.Content, kernel);
        Difference difference = new(truth, judgement);
        output.WriteLine($"{capture} {forgery}: {forged.Faults.Count} altered of {candidates.Count}; {difference.Describe(forged)}");
        HashSet<(int, long)> missed = [.. difference.New.Where(miss => miss.Quantity == "outcome").Select(miss => Difference.KeyOf(miss)!.Value)];
        Assert.Equal(forged.Faults.Select(fault => fault.Key).Order(), forged.Faults.Select(fault => fault.Key).Where(missed.Contains).Order());
        difference.AssertNothingElse(forged);
    }

    private static void Forge(Forgery forged, TextFault fault, int to, bool leaveLeaf)
    {
        forged.Replace(fault.Of("tdp_fault_ret"), " ret=(0x)?[0-9a-f-]+", string.Create(CultureInfo.InvariantCulture, $" ret={to}"));
        if (!leaveLeaf)
        {
            forged.Drop(fault.All(s_install));
        }

        if (to == Efault)
        {
            forged.ReplaceEvent(fault.Of("kvm_entry"), "kvm_userspace_exit: reason=0x0 errno=-14");
        }

        forged.Mark(fault);
    }

    private static int Returned(TextFault fault) => ReturnValue().Match(fault.Values("tdp_fault_ret")) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture) : -1;

    /// <summary>The lookup found a page.</summary>
    private static bool IsGood(TextFault fault) => TextFault.HexIn(fault.Values("hva_to_pfn_ret"), "pfn=0x") < 1UL << 40;

    /// <summary>For each line: how many windows stand open behind it, and how many edges of windows there were up to it.</summary>
    private static (int[] Open, int[] Edges) ReadWindows(RecordedText text)
    {
        int[] open = new int[text.Lines.Count];
        int[] edges = new int[text.Lines.Count];
        Dictionary<int, int> depths = [];
        HashSet<int> ending = [];
        for (int i = 0; i < open.Length; i++)
        {
            edges[i] = i == 0 ? 0 : edges[i - 1];
            if (text.Events[i] is { } e)
            {
                // The end's probe stands before the end: over is the window when its task goes on.
                if (ending.Remove(e.Pid) && --depths[e.Pid] == 0)
                {
                    depths.Remove(e.Pid);
                }

                if (e.Name == "kvm_mn_start")
                {
                    depths[e.Pid] = depths.GetValueOrDefault(e.Pid) + 1;
                }
                else if (e.Name == "kvm_mn_end" && depths.ContainsKey(e.Pid))
                {
                    ending.Add(e.Pid);
                }

                edges[i] += s_edges.Contains(e.Name) ? 1 : 0;
            }

            open[i] = depths.Count;
        }

        return (open, edges);
    }

    [GeneratedRegex(@" ret=0x([0-9a-f]+)")]
    private static partial Regex ReturnValue();
}
