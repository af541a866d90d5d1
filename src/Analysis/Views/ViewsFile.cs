using System.Text;

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
