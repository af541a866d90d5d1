namespace TraceReplay.Analysis.Query;

/// <summary>A query of the library: a file `NAME.sql` whose leading comment says the question it answers.</summary>
/// <param name="Name">Path below the library without `.sql`, with forward slashes.</param>
/// <param name="Question">First line of the leading comment.</param>
/// <param name="Path">The file.</param>
public sealed record LibraryQuery(string Name, string Question, string Path);

/// <summary>Finds queries: those in the working directory's `queries` go before those that came with the program.</summary>
public sealed class QueryLibrary
{
    private readonly IReadOnlyList<string> _folders;

    public QueryLibrary(IReadOnlyList<string> folders) => _folders = folders;

    /// <summary>The library as a user of the program sees it.</summary>
    public static QueryLibrary Default { get; } =
        new([Path.Combine(Environment.CurrentDirectory, "queries"), Path.Combine(AppContext.BaseDirectory, "queries")]);

    /// <summary>All queries by name.</summary>
    public IReadOnlyList<LibraryQuery> List() =>
        [.. _folders.Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*.sql", SearchOption.AllDirectories).Select(q => new LibraryQuery(Name(f, q), Question(q), q)))
            .DistinctBy(q => q.Name)
            .OrderBy(q => q.Name, StringComparer.Ordinal)];

    /// <summary>The text of a query.</summary>
    /// <exception cref="AnalysisException">There is none of that name.</exception>
    public string Text(string name)
    {
        IReadOnlyList<LibraryQuery> all = List();
        LibraryQuery? query = all.FirstOrDefault(q => q.Name == name);
        return query is not null
            ? File.ReadAllText(query.Path)
            : throw new AnalysisException(AnalysisFailure.Usage, $"no query named '{name}'{Nearest.Hint(name, all.Select(q => q.Name))}; there are: {string.Join(", ", all.Select(q => q.Name))}");
    }

    private static string Name(string folder, string file) =>
        Path.ChangeExtension(Path.GetRelativePath(folder, file), null).Replace(Path.DirectorySeparatorChar, '/');

    private static string Question(string file)
    {
        string first = File.ReadLines(file).FirstOrDefault() ?? "";
        return first.StartsWith("--", StringComparison.Ordinal) ? first.TrimStart('-').Trim() : "";
    }
}
