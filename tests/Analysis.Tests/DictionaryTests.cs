using System.Reflection;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Cost;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Nightly;
using TraceReplay.Analysis.Views;
using TraceReplay.Analysis.Views.Dictionary;
using TraceReplay.Replay.Vocabularies;
using Xunit;

namespace TraceReplay.Analysis.Tests;

/// <summary>The dictionary is complete, and the pages say what it says. TRACEREPLAY_WRITE_DOCS=1 writes them anew.</summary>
public class DictionaryTests
{
    private static readonly string s_root = LibraryTests.RepositoryRoot();

    private static bool Writes => Environment.GetEnvironmentVariable("TRACEREPLAY_WRITE_DOCS") == "1";

    public static TheoryData<string> Vocabularies => [.. DatasetDictionary.Vocabularies.Select(v => v.Name)];

    [Fact]
    public void Every_column_of_every_view_of_ours_has_a_text_in_the_schemas_order()
    {
        TableSchema[] ours = [Tables.Traces, Tables.LostEvents, Tables.ProbeSites, Tables.HostMaps, Tables.EventCounts, .. Tables.Results, FindingsSql.Schema];
        Assert.Equal(ours.Select(t => t.Name).Order(), DatasetDictionary.All.Select(t => t.Schema.Name).Order());
        Assert.All(DatasetDictionary.All, table => Assert.Equal(table.Schema.Columns.Select(c => c.Name), table.Columns.Select(c => c.Name)));
    }

    [Fact]
    public void An_empty_dataset_has_no_view_that_the_dictionary_does_not_tell_of()
    {
        using var data = new FakeDataset();
        using DatasetSession session = data.Open();
        HashSet<string> told = [.. DatasetDictionary.All.Select(t => t.Schema.Name), .. KnownEvents.All.Select(t => t.Name)];
        Assert.DoesNotContain(session.ViewNames, name => !told.Contains(name) && !name.StartsWith(Relation.Prefix, StringComparison.Ordinal));
        Assert.Equal(FindingsSql.Schema.Columns, session.Select("DESCRIBE findings", r => new Column(r.GetString(0), r.GetString(1))));
    }

    [Fact]
    public void Texts_are_one_sentence_without_capital_and_full_stop()
    {
        IEnumerable<string> texts =
        [
            .. DatasetDictionary.All.Select(t => t.Row),
            .. DatasetDictionary.All.SelectMany(t => t.Columns).SelectMany(c => new[] { c.Meaning, c.Null }).OfType<string>(),
            .. DatasetDictionary.Vocabularies.Select(v => v.Of),
        ];
        Assert.All(texts, text =>
        {
            Assert.NotEmpty(text);
            Assert.False(text.EndsWith('.') || text.Contains(". ", StringComparison.Ordinal), text);
        });
    }

    [Fact]
    public void The_page_in_docs_is_what_the_program_prints()
    {
        string file = Path.Combine(s_root, "docs", "dataset.md");
        if (Writes)
        {
            File.WriteAllText(file, DictionaryPage.Write());
        }

        Assert.Equal(DictionaryPage.Write(), File.ReadAllText(file));
    }

    [Fact]
    public void The_comments_of_views_sql_are_the_dictionary()
    {
        string file = Path.Combine(s_root, "src", "Analysis", "Views", "comments.sql");
        if (Writes)
        {
            File.WriteAllText(file, DictionaryPage.Comments());
        }

        Assert.Equal(DictionaryPage.Comments(), File.ReadAllText(file));
    }

    [Fact]
    public void The_views_of_findings_are_what_the_catalogue_makes()
    {
        string file = Path.Combine(s_root, "src", "Analysis", "Findings", "views.tsv");
        if (Writes)
        {
            File.WriteAllText(file, FindingsSql.Lines());
        }

        Assert.Equal(FindingsSql.Lines(), File.ReadAllText(file));
        if (!Writes)
        {
            Assert.Equal(FindingsSql.Made().Select(view => (view.Name, view.Select, string.Join(' ', view.Over))), FindingsSql.Views().Select(view => (view.Name, view.Select, string.Join(' ', view.Over))));
        }
    }

    [Fact]
    public void The_page_on_models_ends_with_their_words()
    {
        string file = Path.Combine(s_root, "docs", "model.md");
        string page = File.ReadAllText(file);
        int words = page.IndexOf("## Words\n", StringComparison.Ordinal);
        if (Writes)
        {
            page = page[..words] + DictionaryPage.Words();
            File.WriteAllText(file, page);
        }

        Assert.Equal(DictionaryPage.Words(), page[words..]);
    }

    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void A_vocabulary_has_each_value_once_and_one_meaning_for_each(string name)
    {
        Vocabulary vocabulary = DatasetDictionary.Vocabularies.Single(v => v.Name == name);
        Assert.All(vocabulary.Words, word => Assert.NotEmpty(word.Meaning));
        Assert.Equal(vocabulary.Words.Count, vocabulary.Words.Select(w => w.Value).Distinct().Count());

        // Two vocabularies of one name would be one section of the page.
        IEnumerable<Vocabulary> sharing = DatasetDictionary.All.SelectMany(t => t.Columns).Select(c => c.Values).OfType<Vocabulary>().Where(v => v.Name == name);
        Assert.All(sharing, other => Assert.Equal(vocabulary.Words, other.Words));
    }

    [Fact]
    public void Vocabularies_of_analysis_are_complete()
    {
        Is(Of("prediction"), Constants(typeof(BridgeWords)).Where(w => !Notes.Contains(w)));
        Is(Of("note"), [.. Notes, ""]);
        Is(Of("traced"), Constants(typeof(TracedWords)).Where(w => !w.Contains(' ', StringComparison.Ordinal)));
        Is(Of("finding"), Catalogue.All.Select(f => f.Id));
        Assert.Superset(Catalogue.All.Select(f => f.Cause).ToHashSet(), Set(Of("cause")));
        Assert.Superset(Catalogue.All.Select(f => f.Certainty).ToHashSet(), Set(Of("finding_certainty")));
        Assert.Contains(NightFindings.Metric, Set(Of("metric")));
    }

    [Fact]
    public void The_metrics_of_nights_are_those_that_the_statement_makes()
    {
        using FakeDataset data = ReplayedDataset.Create();
        using DatasetSession session = data.Open();
        using (DuckDBCommand pending = session.Plain("CREATE TEMP TABLE pending AS SELECT 'cccccccccccccccc' AS trace_id"))
        {
            pending.ExecuteNonQuery();
        }

        List<string> metrics = session.Select($"SELECT DISTINCT metric FROM ({NightStats.Select}) WHERE metric NOT LIKE 'latency_%'", r => r.GetString(0));
        Assert.NotEmpty(metrics);
        Assert.Superset(metrics.ToHashSet(), Set(Of("metric")));
    }

    [Fact]
    public void Stock_DuckDB_has_the_texts_as_comments()
    {
        using var data = new FakeDataset();
        data.Manifest("a").Result("faults", "a", "SELECT 'a' AS trace_id, 7::BIGINT AS fault_id");
        ViewsFile.Write(data.Root);
        using DuckDBConnection stock = data.Stock();
        using DuckDBCommand command = stock.CreateCommand();
        command.CommandText = "SELECT table_name || '.' || column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE comment IS NOT NULL";
        Dictionary<string, string> comments = [];
        using (DuckDBDataReader reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                comments.Add(reader.GetString(0), reader.GetString(1));
            }
        }

        Assert.Equal(DatasetDictionary.All.Count + DatasetDictionary.All.Sum(t => t.Columns.Count), comments.Count);
        Assert.Equal("guest frame, gpa >> 12 [frame number (4 KiB pages)]; NULL: as gpa", comments["faults.gfn"]);
        Assert.StartsWith("One row is one guest page fault", comments["faults"], StringComparison.Ordinal);
        Assert.Contains("one or more, with | between them, of UNKNOWN, FIXED, ", comments["outcomes.outcomes"], StringComparison.Ordinal);
    }

    private static string[] Notes => [BridgeWords.NotApart, BridgeWords.TooFewKinds, BridgeWords.NotFromZero];

    private static Vocabulary Of(string name) => DatasetDictionary.Vocabularies.Single(v => v.Name == name);

    private static HashSet<string> Set(Vocabulary vocabulary) => [.. vocabulary.Words.Select(w => w.Value)];

    private static void Is(Vocabulary vocabulary, IEnumerable<string?> values) => Assert.Equal(values.OfType<string>().Distinct().Order(StringComparer.Ordinal), vocabulary.Words.Select(w => w.Value).Order(StringComparer.Ordinal));

    private static IEnumerable<string> Constants(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral && f.FieldType == typeof(string)).Select(f => (string)f.GetRawConstantValue()!);
}
