using System.Text;
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
        // Of the size that it has in most datasets: a builder that grows copies, and takes new memory, for each part.
        var sql = new StringBuilder(head, 1 << 18).Append('\n');
        foreach (ViewDefinition view in ViewCatalog.Discover(dataset, root))
        {
            sql.Append(view.ToSql()).Append('\n');
        }

        // Made with the pages in docs: putting the dictionary together takes longer than the ingest of a small capture.
        sql.Append(Resource.Text("Views.comments.sql"));

        // Last: a DuckDB that does not know the setting has the views all the same.
        return sql.Append(DatasetSession.EachPairOnce).Append('\n').ToString();
    }
}
