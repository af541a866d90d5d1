using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests.Findings;

/// <summary>Each finding is found where it is, and only there.</summary>
public class FindingTests(ShownCaptures captures)
{
    public static TheoryData<string> Ids => [.. Catalogue.All.Select(f => f.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_finding_is_found_where_others_say_that_it_is_and_nowhere_else(string id)
    {
        Expected.Tally tally = Expected.Tally.Of(Catalogue.Named(id), captures);
        string[] missed = [.. Expected.All.Where(e => e.Finding == id && e.Kind == "missed").SelectMany(e => captures.Found.Keys.Concat(captures.Refused.Keys).Where(e.Names))];
        Assert.Equal(missed, tally.Must.Except(tally.Found));
        Assert.Empty(tally.Wrong);
        if (ShownCaptures.More.Length > 0)
        {
            Assert.True(tally.Absent.Length >= 10, $"not found in {tally.Absent.Length} captures that have it not, expected 10 or more");
        }
    }

    [Fact]
    public void Every_line_of_what_is_expected_names_a_finding_and_if_all_captures_are_at_hand_captures()
    {
        Assert.All(Expected.All, e => Assert.Contains(Catalogue.All, f => f.Id == e.Finding));
        Assert.All(Expected.All, e => Assert.Contains(e.Kind, (string[])["must", "may", "missed"]));
        if (FindingPageTests.AllAtHand(captures))
        {
            Assert.All(Expected.All, e => Assert.Contains(captures.Found.Keys.Concat(captures.Refused.Keys), e.Names));
        }
    }

    [Fact]
    public void What_cannot_be_read_is_no_capture_or_says_so_itself()
    {
        foreach ((string name, string why) in captures.Refused)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {why}");
        }

        // rawopt: the option `raw` prints numbers of events, and their names stand nowhere.
        string[] known = ["field/cpu-count/", "field/refusals/", "field/latency-verbose/", "thirdparty/", "traces/variants/ttmsmall.rawopt."];
        Assert.All(captures.Refused.Keys, name => Assert.Contains(known, k => name.StartsWith(k, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_sentence_for_each_row_without_numbers_that_are_missing()
    {
        foreach ((string name, FindingRow[] rows) in captures.Found)
        {
            Assert.All(rows, f => Assert.False(string.IsNullOrWhiteSpace(f.Title) || f.Title.Contains("NULL", StringComparison.Ordinal) || f.Title.Contains("{}", StringComparison.Ordinal), $"{name}: {f.Finding}: {f.Title}"));
            Assert.All(rows, f => Assert.True(f.Evidence.Length > 0, $"{name}: {f.Finding} has no evidence"));
            Assert.All(rows, f => Assert.Contains(f.Cause, (string[])["kernel", "driver", "vmm", "guest", "host", "model", "capture", "unknown"]));
        }
    }

    [Fact]
    public void A_large_trace_is_read_another_way_and_has_the_same_findings()
    {
        Assert.NotEmpty(captures.FoundInFiles);
        Assert.All(captures.FoundInFiles, found => Assert.Equal(captures.Found[found.Key], found.Value));
    }

    [Fact]
    public void The_view_finds_what_the_reader_finds_and_the_rows_it_rests_on_can_be_asked_for()
    {
        string folder = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
        string id = ShownCaptures.Replayed(Path.Combine(LibraryTests.RepositoryRoot(), "sample-traces", "6.12-ttmsmall.trace.dat"), folder, null);
        using (DatasetSession session = DatasetSession.Open(folder))
        {
            IReadOnlyList<FindingRow> read = FindingsReader.Read(session, id);
            Assert.Equal(
                read.Select(f => f.Title).Order(StringComparer.Ordinal),
                session.Select("SELECT title FROM findings", r => r.GetString(0)).Order(StringComparer.Ordinal));
            Assert.All(Catalogue.All, f => session.Select($"SELECT count(*) FROM ({f.Rows.Replace("TRACE", id, StringComparison.Ordinal)})", r => r.GetInt64(0)));
        }

        Directory.Delete(folder, recursive: true);
    }
}
