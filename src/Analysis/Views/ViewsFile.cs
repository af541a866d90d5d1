using System.Text;
using TraceReplay.Analysis.Views.Dictionary;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Views;

/// <summary>Responsible for: `views.sql` in the dataset, which gives stock DuckDB the same views when run inside that directory.</summary>
public static class ViewsFile
{
    public const string Name = "views.sql";

    /// <summary>Writes the file if what it says has changed.</summary>
    /// <returns>True if it was written.</returns>
    public static bool Write(string dataset)
    {
        string path = Path.Combine(dataset, Name);
        string text = Text(dataset, "", $"-- The views of this dataset. Inside its directory: duckdb -init {Name}");
        if (File.Exists(path) && File.ReadAllText(path) == text)
        {
            return false;
        }

        WholeFile.Make(path, temporary => File.WriteAllText(temporary, text));
        return true;
    }

    /// <summary>The same views for a copy of the dataset that lies elsewhere: in an object store, or below another directory.</summary>
    /// <param name="dataset">The dataset here, whose folders say which views there are.</param>
    /// <param name="place">Where its copy lies, as DuckDB takes it: <c>s3://bucket/night</c>, <c>/mnt/night</c>.</param>
    /// <exception cref="AnalysisException">The directory is not a dataset.</exception>
    public static string At(string dataset, string place)
    {
        // Says in one line what is no dataset.
        using DatasetSession session = DatasetSession.Open(dataset);
        return Text(dataset, place.TrimEnd('/') + "/", $"-- The views of the dataset at {Printable.Line(place)}");
    }

    private static string Text(string dataset, string root, string head)
    {
        var sql = new StringBuilder(head).Append('\n');
        foreach (ViewDefinition view in ViewCatalog.Discover(dataset, root))
        {
            sql.Append(view.ToSql()).Append('\n');
        }

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
}
