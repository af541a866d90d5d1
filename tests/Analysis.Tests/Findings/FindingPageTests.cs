using System.Text;
using TraceReplay.Analysis.Findings;
using Xunit;

namespace TraceReplay.Analysis.Tests.Findings;

/// <summary>
/// docs/findings says what the catalogue says, and its numbers are those of the captures. TRACEREPLAY_WRITE_DOCS=1 writes the pages anew,
/// and README.md where all captures are at hand.
/// </summary>
public class FindingPageTests(ShownCaptures captures)
{
    private static readonly string s_folder = Path.Combine(LibraryTests.RepositoryRoot(), "docs", "findings");

    private static bool Writes => Environment.GetEnvironmentVariable("TRACEREPLAY_WRITE_DOCS") == "1";

    [Fact]
    public void The_pages_are_the_catalogue()
    {
        if (Writes)
        {
            Directory.CreateDirectory(s_folder);
            foreach ((string file, string text) in FindingPages.All())
            {
                File.WriteAllText(Path.Combine(s_folder, file), text);
            }
        }

        Assert.Equal(
            FindingPages.All().Select(p => p.File).Append("README.md").Order(StringComparer.Ordinal),
            Directory.EnumerateFiles(s_folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.All(FindingPages.All(), page => Assert.Equal(page.Text, File.ReadAllText(Path.Combine(s_folder, page.File))));
    }

    [Fact]
    public void The_table_has_the_numbers_of_the_captures()
    {
        string file = Path.Combine(s_folder, "README.md");
        if (!AllAtHand(captures))
        {
            // The numbers are those of more captures than are here; what stands in front of them is not.
            string[] rows = [.. File.ReadLines(file).Where(line => line.StartsWith("| [", StringComparison.Ordinal))];
            Assert.Equal(Catalogue.All.Select(Head), rows.Select(row => row[..Math.Min(row.Length, Head(Catalogue.Named(row[3..row.IndexOf(']', StringComparison.Ordinal)])).Length)]));
            return;
        }

        if (Writes)
        {
            File.WriteAllText(file, Index());
        }

        Assert.Equal(Index(), File.ReadAllText(file));
    }

    /// <summary>The captures that the table counts are all there.</summary>
    internal static bool AllAtHand(ShownCaptures captures) =>
        ((string[])["traces/6.12/", "traces/variants/", "frontier/more/", "frontier/vgem/", "frontier/vmm/", "frontier/arm64/", "thirdparty/"]).All(folder => captures.Found.Keys.Any(c => c.StartsWith(folder, StringComparison.Ordinal)));

    private string Index()
    {
        Expected.Tally[] tallies = [.. Catalogue.All.Select(f => Expected.Tally.Of(f, captures))];
        int must = tallies.Sum(t => t.Must.Length), found = tallies.Sum(t => t.Found.Length), wrong = tallies.Sum(t => t.Wrong.Length);
        var text = new StringBuilder();
        text.Append($"""
            # Findings

            What `tracereplay run`, `findings`, the report and the nightly job look for. A page for each says what it means, on which kernels, how it is recognised and what to do; `tracereplay findings --list` prints the same, `tracereplay findings --pages DIR` writes these pages.

            The numbers are counted over {captures.Found.Count} captures: the samples, the captures of real kernels on x86 and arm64, texts that people sent, and files of other projects. Whether a finding is there is said by others: the truth file that the VMM wrote, the scenario's description, the person who sent the text (tests/Analysis.Tests/Findings/expected.txt, with the reason for each). **must** counts captures in which it is there, **found** those of them in which it is found, **may** those in which it is found and nobody says whether it is there, **wrong** those in which it is found and is not there, **absent** those in which it is not there and not found. Rules and table were made with these captures at hand: on others the numbers may be lower.

            Over all findings: {found} of {must} that are there are found (recall {Share(found, must)}), and of {found + wrong} that can be judged {wrong} are wrong (precision {Share(found, found + wrong)}). {Missed()} Findings with 0 under must have no capture yet; they are tested with a text or a dataset made by hand.

            | finding | severity | what | must | found | may | wrong | absent |
            |---|---|---|---:|---:|---:|---:|---:|

            """);
        foreach ((Finding finding, Expected.Tally tally) in Catalogue.All.Zip(tallies))
        {
            text.Append($"{Head(finding)}{tally.Must.Length} | {tally.Found.Length} | {tally.May.Length} | {tally.Wrong.Length} | {tally.Absent.Length} |\n");
        }

        return text.ToString();
    }

    private static string Missed() => string.Join(' ', Expected.All.Where(e => e.Kind == "missed").Select(e => $"Missed: {e.Finding} in {string.Join(", ", e.Captures)} ({e.Why})."));

    private static string Head(Finding finding) => $"| [{finding.Id}]({finding.Id}.md) | {Finding.Spell(finding.Severity)} | {finding.Title} | ";

    private static string Share(int part, int whole) => part == whole ? "100 %" : FormattableString.Invariant($"{Math.Floor(part * 1000.0 / whole) / 10:0.0} %");
}
