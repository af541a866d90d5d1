using System.Globalization;
using System.Text;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Current;
using TraceReplay.Replay.Models.Merged;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Models.V11;
using TraceReplay.Replay.Models.X86;
using TraceReplay.Replay.State;
using Xunit;
using static TraceReplay.Replay.Tests.Scenarios.SteadyStateTable;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>Spec 10.1, row by row, against <see cref="SteadyStateTable"/>.</summary>
public class SteadyStateTableTests
{
    private const int SpecRows = 53;

    public static TheoryData<string> Names => [.. Rows.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Row(string name)
    {
        SteadyStateRow row = Rows.Single(r => r.Name == name);
        Assert.Equal(row.Current, Cell(row, "current"));
        Assert.Equal(row.V11, Cell(row, "v11"));
        Assert.Equal(row.Merged, Cell(row, "merged"));
    }

    [Fact]
    public void Every_row_of_the_spec_is_played_or_says_why_not()
    {
        IEnumerable<int> played = Rows.Select(row => Number(row.Name)).Concat(NotPlayed.Keys);
        Assert.Equal(Enumerable.Range(1, SpecRows), played.Distinct().Order());
        Assert.All(NotPlayed.Values, reason => Assert.NotEmpty(reason));
    }

    [Theory]
    [InlineData("current@6.8", -1, 1)]
    [InlineData("current@6.12", 0, 0)]
    [InlineData("v11@posted", 0, 0)]
    [InlineData("merged", 0, 0)]
    public void Row_47_and_T10_fsdax_pmd_read_at_page_5(string model, int atBlock, int atPage)
    {
        Scenario s = new Scenario(model).Slot(Gfn, 512).VmaOf(PageKind.D1, Hva, 512, VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared);
        s.Pte(Hva + 0x5000, Pfn + 5, writable: true, level: 2);
        FaultContext fault = s.Fault(Gfn + 5, write: false);
        Assert.Equal((FaultOutcome.Fixed, 2), (fault.Outcome, (int)fault.Level));
        Assert.Equal((atBlock, atPage), (s.Pages.Delta(Pfn), s.Pages.Delta(Pfn + 5)));
    }

    private static int Number(string name) => int.Parse(name.AsSpan(0, name.IndexOf(' ', StringComparison.Ordinal)), CultureInfo.InvariantCulture);

    /// <summary>The kernel of the row; two rows speak of a parameter that is off by default.</summary>
    private static Scenario Kernel(string model, string row)
    {
        bool nx = row.Contains("NX huge", StringComparison.Ordinal);
        bool allow = row.Contains("unsafe allowed", StringComparison.Ordinal);
        ModelSettings settings = (model == "merged" ? ModelSettings.Kernel7 : ModelSettings.Kernel68) with { NxHugePages = nx, AllowUnsafeMappings = allow };
        if (row.EndsWith("arm64", StringComparison.Ordinal))
        {
            return new Scenario(ModelCatalog.Create(model, settings.Name, SpteLayout.Stage2), arm64: true);
        }

        return new Scenario(model switch
        {
            "current" => new X86Model<CurrentRules, NotCounted>(model, settings, SpteLayout.Npt),
            "v11" => new X86Model<V11Rules, NotCounted>(model, settings, SpteLayout.Npt),
            _ => new X86Model<MergedRules, NotCounted>(model, settings, SpteLayout.Npt),
        });
    }

    private static string Cell(SteadyStateRow row, string model)
    {
        Scenario s = Kernel(model, row.Name);
        FaultContext fault = row.Play(s);
        string references = fault.RefsGot + fault.RefsPut == 0 ? "r0" : $"+{fault.RefsGot}{PathLetter(fault.Path)}-{fault.RefsPut}";
        if (fault.Caller == LookupCaller.VcpuMap)
        {
            return $"{(fault.Outcome == FaultOutcome.Fixed ? "MAP" : "REF")}; {references}";
        }

        (int A, int D) atFault = (fault.MarkedAccessed, fault.MarkedDirty);
        ulong leaf = s.Leaf(fault.Gfn, out int level);
        ulong folio = s.Pages.Folio(fault.Pfn);
        (int A, int D) before = (s.Pages.AccessedMarks(folio), s.Pages.DirtyMarks(folio));
        bool logged = s.TakeDirtyLog(fault.Gfn);
        bool elsewhere = s.Pages.Delta(folio) > 0;
        s.WindowBegins(Hva, Hva + (1UL << 31));
        (int A, int D) atZap = (s.Pages.AccessedMarks(folio) - before.A, s.Pages.DirtyMarks(folio) - before.D);

        StringBuilder cell = new();
        string access = (fault.Writable ? "rw" : "ro") + ((fault.Access & Operations.FaultAccess.Exec) != 0 ? "+x" : "");
        cell.Append(fault.Outcome switch
        {
            FaultOutcome.Fixed => "MAP" + access,
            FaultOutcome.FixedFast => "FAST " + access,
            FaultOutcome.Spurious => "SPUR " + access,
            FaultOutcome.Efault => "EF",
            FaultOutcome.Emulate => "EMU",
            FaultOutcome.Retry => "RT",
            FaultOutcome.Async => "APF",
            _ => fault.Outcome.Name(),
        });
        if (fault.Outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious)
        {
            cell.Append(CultureInfo.InvariantCulture, $" L{level}");
            cell.Append((leaf & SpteLayout.RefcountedBit) != 0 ? " b59" : "").Append((leaf & SpteLayout.Npt.Accessed) == 0 ? " idle" : "");
        }

        cell.Append("; ").Append(references).Append(elsewhere ? " of another" : "");
        cell.Append("; ").Append(Marks(atFault, "")).Append("; ").Append(Marks(atZap, "@Z"));
        cell.Append(logged ? "; log" : "").Append(fault.Warned ? "; WARN" : "");
        return cell.ToString();
    }

    private static string PathLetter(FaultPath path) => path switch
    {
        FaultPath.GupFast => "f",
        FaultPath.GupSlow => "s",
        FaultPath.Remapped => "r",
        FaultPath.GuestMemfd => "g",
        _ => "",
    };

    private static string Marks((int A, int D) marks, string place) =>
        (marks.A > 0, marks.D > 0) switch { (true, true) => "A,D" + place, (true, false) => "A" + place, (false, true) => "D" + place, _ => "-" };
}
