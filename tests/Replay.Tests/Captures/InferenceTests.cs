using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TraceReplay.Replay.Timeline.Inference;
using Xunit;
using ZstdSharp;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>Captures with their probes left out: what is inferred instead, and what that costs.</summary>
public partial class InferenceTests
{
    private static readonly string[] s_priced = ["AS-1", "AS-2", "AS-3", "AS-4", "AS-5", "writable", "outcome", "observed"];

    // As the lab named them, and as `tracereplay probes` does.
    private static readonly string[] s_probeGroups = ["kvmrep.", "tracereplay."];

    public static TheoryData<string> Captures() => [.. ReplayedCapture.All()];

    [Theory]
    [MemberData(nameof(Captures))]
    public void Without_probes_199_of_200_decided_outcomes_are_right(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.WithoutProbes(capture);

        foreach (Dictionary<string, string?> row in replayed.Result("fidelity").Where(row => row["quantity"] == "outcome"))
        {
            // What lost records hide is granted.
            long decided = Long(row["matched"]) + Long(row["missed"]);
            Assert.True(Long(row["matched"]) >= (0.995 * decided) - 1, $"{row["matched"]} of {decided}");
        }
    }

    /// <summary>Over all x86 captures with the allocator's events and system calls, as no event of arm64's shows a leaf; x86 before 5.13 shows no windows, so hardly anything follows there.</summary>
    [Fact]
    public void Without_probes_nine_of_ten_faults_have_a_verdict()
    {
        long covered = 0;
        long all = 0;
        foreach (string capture in ReplayedCapture.All().Where(path => !ReplayedCapture.IsArm64(path)))
        {
            ReplayedCapture replayed = ReplayedCapture.WithoutProbes(capture);
            bool told = replayed.Manifest.EventCounts.GetValueOrDefault("kmem.mm_page_alloc") > 0 && replayed.Manifest.EventCounts.Any(count => count.Value > 0 && count.Key.StartsWith("syscalls.", StringComparison.Ordinal));
            if (!told || replayed.Result("assumptions").Single(row => row["assumption"] == "AS-5")["value"] == "unknown")
            {
                continue;
            }

            foreach (Dictionary<string, string?> row in replayed.Result("fidelity").Where(row => row["quantity"] == "outcome"))
            {
                covered += Long(row["matched"]) + Long(row["in_set"]) + Long(row["missed"]);
                all += Long(row["total"]);
            }
        }

        Assert.True(all > 0 && covered >= 0.9 * all, $"{covered} of {all}");
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void Every_inferred_fact_carries_its_measured_error_where_the_capture_has_probes(string capture)
    {
        ReplayedCapture replayed = ReplayedCapture.WithoutProbes(capture);
        List<Dictionary<string, string?>> assumptions = replayed.Result("assumptions");
        bool probed = replayed.Manifest.EventCounts.Keys.Any(name => s_probeGroups.Any(group => name.StartsWith(group, StringComparison.Ordinal)));

        // The last three are of pages and memslots that were inferred; where none was (shadow paging, x86 before 5.13), they have no row.
        bool inferred = assumptions.Single(row => row["assumption"] == "AS-1")["value"] == "inferred";
        Assert.All(s_priced[^3..], name => Assert.Equal(inferred, assumptions.Exists(row => row["assumption"] == name)));
        foreach (string name in inferred ? s_priced : s_priced[..^3])
        {
            Dictionary<string, string?> row = Assert.Single(assumptions, row => row["assumption"] == name);
            Assert.Equal(probed, row["inferred"] is not null);
            if (probed && row["error"] is { } error)
            {
                double expected = (double)(Long(row["inferred"]) - Long(row["equal"])) / Long(row["inferred"]);
                Assert.Equal(expected, double.Parse(error, CultureInfo.InvariantCulture), 9);
            }
        }
    }

    /// <summary>Each fault in turn is made to end with another page, another right and another class of page: its own prediction stays.</summary>
    [Fact]
    public void A_prediction_does_not_change_with_the_leaf_of_its_own_fault()
    {
        string[] lines = Lines();
        Dictionary<string, string?>[] before = Outcomes(lines);
        int[] leaves = [.. Enumerable.Range(0, lines.Length).Where(i => lines[i].Contains("kvm_mmu_set_spte:", StringComparison.Ordinal))];
        Assert.True(leaves.Length > 10);
        foreach (int at in leaves.Where((_, i) => i % 5 == 2))
        {
            string gfn = Gfn().Match(lines[at]).Value;
            string[] changed = [.. lines];
            for (int i = at - 12; i <= at; i++)
            {
                if (lines[i].Contains(gfn, StringComparison.Ordinal) && (lines[i].Contains("level=1", StringComparison.Ordinal) || i == at))
                {
                    // A page of the PCI hole, read-only.
                    changed[i] = Leaf().Replace(lines[i], "${1}fd123825");
                    changed[i] = Requested().Replace(changed[i], "pfn=fd123");
                }
            }

            Assert.NotEqual(lines[at], changed[at]);
            ulong number = ulong.Parse(gfn["gfn=".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Dictionary<string, string?>[] after = Outcomes(changed);
            Assert.Equal(before.Length, after.Length);
            Dictionary<string, string?> one = before.First(row => row["gfn"] == number.ToString(CultureInfo.InvariantCulture));
            Dictionary<string, string?> other = after.Single(row => row["fault_id"] == one["fault_id"] && row["model"] == one["model"]);
            foreach (string column in (string[])["outcome", "pfn", "level", "writable", "page_kind", "path", "certainty"])
            {
                Assert.Equal((gfn, column, one[column]), (gfn, column, other[column]));
            }
        }
    }

    [Fact]
    public void No_witness_testifies_for_itself()
    {
        Witnesses witnesses = new();
        witnesses.Add(100, new Witness(WitnessKind.NoSlot, Write: false, Fault: 7, Seq: 50));
        Assert.Null(witnesses.HasSlot(100, 49, except: 7));
        Assert.False(witnesses.HasSlot(100, 49, except: 8));
        witnesses.Add(101, new Witness(WitnessKind.Leaf, Write: true, Fault: 8, Seq: 60));
        Assert.True(witnesses.HasSlot(100, 49, except: 7));
        Assert.False(witnesses.HasSlot(101, 59, except: 8));
    }

    private static string[] Lines()
    {
        string path = Path.Combine(ReplayedCapture.RepositoryRoot(), "tests/Replay.Tests/Captures/Forms/6.12-ttmsmall.report-R.txt.zst");
        using DecompressionStream text = new(File.OpenRead(path));
        using StreamReader reader = new(text, Encoding.UTF8);
        return reader.ReadToEnd().Split('\n');
    }

    /// <summary>outcomes of model current, with the gfn of each fault.</summary>
    private static Dictionary<string, string?>[] Outcomes(string[] lines)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, string.Join('\n', lines));
            ReplayedCapture replayed = ReplayedCapture.WithoutProbes(path, "6.12.95+deb12-amd64");
            Dictionary<string, string?> gfns = replayed.Result("faults").ToDictionary(row => row["fault_id"]!, row => row["gfn"]);
            List<Dictionary<string, string?>> rows = [.. replayed.Result("outcomes").Where(row => row["model"] == "current")];
            rows.ForEach(row => row["gfn"] = gfns[row["fault_id"]!]);
            return [.. rows];
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static long Long(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"gfn=[0-9a-f]+ ")]
    private static partial Regex Gfn();

    [GeneratedRegex(@"(new_spte=| spte=)[0-9a-f]+")]
    private static partial Regex Leaf();

    [GeneratedRegex(@"pfn=[0-9a-f]+")]
    private static partial Regex Requested();
}
