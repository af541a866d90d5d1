using System.Text;
using TraceReplay.Analysis.Views.Dictionary;

namespace TraceReplay.Analysis.Views;

/// <summary>Responsible for: `views.sql` in the dataset, which gives stock DuckDB the same views when run inside that directory.</summary>
public static class ViewsFile
{
    public const string Name = "views.sql";

    /// <summary>Writes the file if what it says has changed.</summary>
    /// <returns>True if it was written.</returns>
    public static bool Write(string dataset)
    {
        var sql = new StringBuilder("-- The views of this dataset. Inside its directory: duckdb -init ").Append(Name).Append('\n');
        foreach (ViewDefinition view in ViewCatalog.Discover(dataset, root: ""))
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

        string path = Path.Combine(dataset, Name);
        string text = sql.ToString();
        if (File.Exists(path) && File.ReadAllText(path) == text)
        {
            return false;
        }

        WholeFile.Make(path, temporary => File.WriteAllText(temporary, text));
        return true;
    }
}
