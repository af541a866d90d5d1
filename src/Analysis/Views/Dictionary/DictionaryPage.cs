using System.Text;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>The dictionary as a page in Markdown: docs/dataset.md.</summary>
public static class DictionaryPage
{
    private static readonly string s_head = $$"""
        # The dataset

        Every view of ours, every column, every value. This page is what `tracereplay query --schema --format markdown` prints: the texts stand in
        src/Analysis/Views/Dictionary and src/Replay/Vocabularies, and the same texts are the comments of the views in `views.sql` (in DuckDB:
        `SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'faults'`).

        - **Every view** hides rows of captures that are not in the dataset whole, and joins with `traces` by `trace_id`, with `outcomes` by `trace_id, fault_id`. Positions (`seq`, `start_seq`, ...) are the `seq` of the event views of the same trace.
        - **Times** named `_ns` that are said to be of the capture's clock are nanoseconds only if `traces.clock_unit` says so.
        - **A frame number** counts pages of 4 KiB: the address shifted right by 12 bits. `printf('0x%x', gfn)` shows it as the kernel prints it.
        - **NULL** is not known or does not apply, never 0.
        - **`date` and `host`** of the capture are columns of every view that has rows, whatever the tables below say: the files are partitioned by them.
        - **A table without files** is an empty view, so that a query runs on any dataset. `cost_*` are filled by `tracereplay cost`, `night_stats` by `tracereplay nightly`. Views called `finding_*` are steps on the way to `findings` and may change.
        - **Format**: a dataset says its format in `dataset.json`; this page is of format {{DatasetFormat.Current}}. What a later one than the first has brought says "since format N" (column `since` of `query --schema`). An older dataset is read, or refused in one line.


        """;

    private const string Events = """
        ## Events

        Each recorded event is a view of its own name (`kvm_exit`; `SYSTEM_EVENT` where two systems have one of that name), one row a record. It has
        these columns, then the event's own fields as the capture's format describes them; a field that bears one of these names is called `field_NAME`.


        """;

    /// <summary>The texts as statements: src/Analysis/Views/comments.sql, which views.sql ends with.</summary>
    public static string Comments()
    {
        var sql = new StringBuilder();
        foreach (TableText table in DatasetDictionary.All)
        {
            string name = Sql.Identifier(table.Schema.Name);
            sql.Append($"COMMENT ON VIEW {name} IS {Sql.Literal("One row is " + table.Row)};\n");
            foreach (ColumnText column in table.Columns)
            {
                sql.Append($"COMMENT ON COLUMN {name}.{Sql.Identifier(column.Name)} IS {Sql.Literal(DatasetDictionary.Comment(column))};\n");
            }
        }

        return sql.ToString();
    }

    public static string Write()
    {
        var page = new StringBuilder(s_head);
        page.Append("| view | one row is |\n|---|---|\n");
        foreach (TableText table in DatasetDictionary.All)
        {
            page.Append($"| [{table.Schema.Name}](#{table.Schema.Name}) | {Cell(table.Row)} |\n");
        }

        foreach (TableText table in DatasetDictionary.All)
        {
            page.Append($"\n## {table.Schema.Name}\nOne row is {table.Row}.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n");
            foreach ((Column column, ColumnText text) in table.Schema.Columns.Zip(table.Columns))
            {
                page.Append($"| {column.Name} | {column.Type} | {Cell(text.Unit ?? "")} | {Cell(Sentences(text))} |\n");
            }
        }

        page.Append('\n').Append(Events).Append("| column | unit | meaning |\n|---|---|---|\n");
        foreach (ColumnText text in DatasetDictionary.EventColumns)
        {
            page.Append($"| {text.Name} | {Cell(text.Unit ?? "")} | {Cell(Sentences(text))} |\n");
        }

        page.Append("\n# Values\nAll values of the columns that have few.\n");
        foreach (Vocabulary vocabulary in DatasetDictionary.Vocabularies)
        {
            page.Append($"\n## Values: {vocabulary.Name}\n").Append(Table(vocabulary));
        }

        return page.ToString();
    }

    /// <summary>The section of docs/model.md: what `models --vocabulary` prints.</summary>
    public static string Words() =>
        "## Words\nWhat `tracereplay models --vocabulary` prints; [dataset.md](dataset.md) has the words of every column.\n"
        + string.Concat(ModelVocabulary.All.Select(vocabulary => $"\n### {vocabulary.Name}\n{Table(vocabulary)}"));

    private static string Table(Vocabulary vocabulary)
    {
        var table = new StringBuilder($"{Prose.Sentence(vocabulary.Of)}\n\n| value | meaning |\n|---|---|\n");
        foreach (Word word in vocabulary.Words)
        {
            table.Append($"| {Cell(word.Value)} | {Cell(word.Meaning)} |\n");
        }

        return table.ToString();
    }

    private static string Sentences(ColumnText text)
    {
        string nothing = text.Null is null ? "" : $" NULL: {text.Null}.";
        string values = text.Values is null ? "" : $" {(text.IsSet ? "One or more, with | between them, of" : "One of")} [{text.Values.Name}](#values-{text.Values.Name}).";
        return Prose.Sentence(text.Meaning) + nothing + values;
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
