using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Results;

/// <summary>Names of the tables that a replay writes (contract, section 2).</summary>
public static class ResultTables
{
    public const string Faults = "faults";
    public const string Outcomes = "outcomes";
    public const string Divergences = "divergences";
    public const string Fidelity = "fidelity";
    public const string FidelityMisses = "fidelity_misses";
    public const string Assumptions = "assumptions";
}

/// <summary>One result table of one trace: named columns, rows appended through them.</summary>
internal abstract class ResultTable : IDisposable
{
    private readonly List<Column> _columns = [];
    private readonly string _path;
    private TableWriter? _writer;

    protected ResultTable(string path) => _path = path;

    /// <summary>Gives the file its name; an empty table is a file too.</summary>
    public void Complete()
    {
        Writer.Complete();
        Writer.Dispose();
    }

    public void Dispose() => _writer?.Dispose();

    protected Column<T> Number<T>(string name, bool nullable = false)
        where T : unmanaged => Declare(new Column<T>(name, nullable));

    protected StringColumn Text(string name, bool nullable = false) => Declare(new StringColumn(name, nullable));

    protected void EndRow() => Writer.EndRow();

    private TableWriter Writer => _writer ??= new TableWriter(_path, _columns);

    private TColumn Declare<TColumn>(TColumn column)
        where TColumn : Column
    {
        _columns.Add(column);
        return column;
    }
}
