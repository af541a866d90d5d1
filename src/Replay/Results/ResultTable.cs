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
    public const string Windows = "windows";
    public const string BoMoves = "bo_moves";
    public const string Violations = "violations";
    public const string Invariants = "invariants";
    public const string CostCounts = "cost_counts";
    public const string CostMeasured = "cost_measured";
    public const string CostTraced = "cost_traced";
    public const string CostPrices = "cost_prices";
    public const string CostPredictions = "cost_predictions";
}

/// <summary>One table, or several that are filled together, of one trace.</summary>
internal interface IResultTable : IDisposable
{
    /// <summary>Ends the files, which get their names together with the other tables'; an empty table is a file too.</summary>
    void Seal(List<SealedFile> files);
}

/// <summary>One result table of one trace: each column is a name and what it takes from a row.</summary>
internal sealed class ResultTable<TRow> : IResultTable
    where TRow : class
{
    private readonly ResultColumn<TRow>[] _columns;
    private readonly TableWriter _writer;

    public ResultTable(string path, params ResultColumn<TRow>[] columns)
    {
        _columns = columns;
        _writer = new TableWriter(path, [.. columns.Select(column => column.Column)]);
    }

    public void Add(TRow row)
    {
        foreach (ResultColumn<TRow> column in _columns)
        {
            column.Append(row);
        }

        _writer.EndRow();
    }

    /// <summary>For a table that stands alone.</summary>
    public void Complete() => _writer.Complete();

    public SealedFile Seal() => _writer.Seal();

    public void Seal(List<SealedFile> files) => files.Add(_writer.Seal());

    public void Dispose() => _writer.Dispose();
}

/// <summary>A column of a result table.</summary>
internal sealed class ResultColumn<TRow>
{
    private ResultColumn(Column column, Action<TRow> append)
    {
        Column = column;
        Append = append;
    }

    public Column Column { get; }

    public Action<TRow> Append { get; }

    public static ResultColumn<TRow> Text(string name, Func<TRow, string> value)
    {
        StringColumn column = new(name, nullable: false);
        return new(column, row => column.Add(value(row)));
    }

    public static ResultColumn<TRow> TextOrNull(string name, Func<TRow, string?> value)
    {
        StringColumn column = new(name);
        return new(column, row => column.Add(value(row)));
    }

    public static ResultColumn<TRow> Number<T>(string name, Func<TRow, T> value)
        where T : unmanaged
    {
        Column<T> column = new(name);
        return new(column, row => column.Add(value(row)));
    }

    public static ResultColumn<TRow> NumberOrNull<T>(string name, Func<TRow, T?> value)
        where T : unmanaged
    {
        Column<T> column = new(name, nullable: true);
        return new(column, row => column.Add(value(row)));
    }
}
