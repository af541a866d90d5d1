using TraceReplay.Replay.Tests.Judging;
using Xunit;

namespace TraceReplay.Replay.Tests.Falsified;

/// <summary>Fidelity has to see a kernel that does otherwise than its model, each time, and must not blame what was not altered.</summary>
public class FalsifiedTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names() => [.. Falsifications.All.Select(falsification => falsification.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_falsified_capture_is_caught(string name)
    {
        Falsification falsification = Falsifications.All.Single(f => f.Name == name);
        RecordedText? text = Texts.Find(falsification.Base);
        Assert.SkipWhen(text is null, $"the capture {falsification.Base} is in none of the directories that TRACEREPLAY_CAPTURES names");
        Forgery forgery = new(text!);
        falsification.Alter(forgery);
        Assert.Equal(falsification.Altered, forgery.Faults.Count > 0 ? forgery.Faults.Count : forgery.Records.Count);

        Judgement truth = Texts.Judge(falsification.Base, () => string.Join('\n', text!.Lines), falsification.Kernel);
        Judgement judgement = Texts.Judge(name, () => forgery.Content, falsification.Kernel);
        Difference difference = new(truth, judgement);
        output.WriteLine($"{name} {falsification.What}: {falsification.Altered} altered; {difference.Describe(forgery)}");
        Check(falsification, forgery, difference, truth, judgement);
    }

    private static void Check(Falsification falsification, Forgery forgery, Difference difference, Judgement truth, Judgement judgement)
    {
        HashSet<(int, long)> altered = [.. forgery.Faults.Select(fault => fault.Key)];
        switch (falsification.Caught)
        {
            case Caught.Faults:
                // The record is what the model goes on from: a later fault on the same gfn may be missed for the altered one's sake, no other.
                Assert.Subset(difference.Faults.ToHashSet(), altered);
                HashSet<ulong> gfns = [.. forgery.Faults.Select(fault => fault.Gfn)];
                Assert.All(difference.Faults.Except(altered), key => Assert.Contains(judgement.Faults.Single(fault => (fault.Pid, fault.Time) == key).Gfn, gfns));
                difference.AssertNothingElse(forgery);
                break;
            case Caught.Records:
                HashSet<ulong> named = [.. forgery.Records.Select(line => TextFault.HexIn(forgery[line], "gfn "))];
                Assert.Empty(named.Except(difference.RecordGfns));
                difference.AssertNothingElse(forgery);
                break;
            case Caught.Windows:
                foreach (int line in forgery.Records)
                {
                    // A window may show at the leaves that it zaps, or in the count of ends.
                    ulong gfn = Falsifications.GfnOf(forgery, line);
                    Assert.True(
                        difference.RecordGfns.Contains(gfn) || difference.Counts.Count() >= forgery.Records.Count,
                        $"the window that zaps {gfn:x} has no miss: {difference.Describe(forgery)}");
                }

                difference.AssertNothingElse(forgery, countsMayDiffer: true);
                break;
            case Caught.StrayZaps:
                Assert.Empty(forgery.Records.Select(line => Falsifications.GfnOf(forgery, line)).Except(difference.RecordGfns));
                difference.AssertNothingElse(forgery, countsMayDiffer: true);
                break;
            case Caught.MissingZaps:
                Assert.Empty(forgery.Records.Where(line => IsLeafZap(forgery, line)).Select(line => Falsifications.GfnOf(forgery, line)).Except(difference.RecordGfns));
                difference.AssertNothingElse(forgery);
                break;
            case Caught.AtTheZap:
                // Nothing is known to be wrong at the fault; of the leaves that are zapped later, the record names the true page.
                Assert.Subset(altered, difference.Faults.ToHashSet());
                HashSet<ulong> zapped = [.. forgery.Faults.Where(fault => IsZappedLater(forgery.Text, fault)).Select(fault => fault.Gfn)];
                Assert.NotEmpty(zapped);
                Assert.Empty(zapped.Except(difference.RecordGfns));
                difference.AssertNothingElse(forgery);
                break;
            case Caught.LevelOrReadOff:
                long missed = altered.Count(key => difference.New.Any(miss => miss.Quantity == "level" && Difference.KeyOf(miss) == key));
                Assert.True(judgement.Count("level", "read_off") >= altered.Count - missed, $"{missed} of {altered.Count} levels missed; {judgement.Describe("level")}");
                Assert.True(judgement.Count("level", "matched") <= truth.Count("level", "matched"), $"{judgement.Describe("level")}, where the true capture has {truth.Describe("level")}");
                difference.AssertNothingElse(forgery);
                break;
            case Caught.RefusalOrReadOff:
                foreach (TextFault fault in forgery.Faults)
                {
                    bool isMissed = difference.New.Any(miss => miss.Quantity == "outcome" && Difference.KeyOf(miss) == fault.Key);
                    bool isReadOff = judgement.Faults.Single(judged => (judged.Pid, judged.Time) == fault.Key).ReadOff;
                    bool permits = falsification.Permits(forgery.Text, fault);
                    Assert.True(permits ? isMissed : isMissed || isReadOff, $"gfn {fault.Gfn:x}: missed {isMissed}, read off {isReadOff}; the VMA is known to permit it: {permits}");
                }

                difference.AssertNothingElse(forgery);
                break;
            default:
                throw new InvalidOperationException(falsification.Caught.ToString());
        }
    }

    private static bool IsLeafZap(Forgery forgery, int line)
    {
        string values = forgery.Text.Events[line]!.Values;
        ulong old = TextFault.HexIn(values, "old_spte ");
        return (old & (1 << 11)) != 0 && (values.Contains("level 1 ", StringComparison.Ordinal) || (old & (1 << 7)) != 0);
    }

    private static bool IsZappedLater(RecordedText text, TextFault fault)
    {
        for (int i = fault.Lines[^1]; i < text.Events.Count; i++)
        {
            if (text.Events[i] is { Name: "kvm_tdp_mmu_spte_changed" } e && e.Values.Contains(" level 1 ", StringComparison.Ordinal) && TextFault.HexIn(e.Values, "gfn ") == fault.Gfn)
            {
                return true;
            }
        }

        return false;
    }
}
