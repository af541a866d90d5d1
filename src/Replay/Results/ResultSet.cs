using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Results;

/// <summary>The tables that a replay of one trace writes, each declared here and nowhere else.</summary>
internal sealed class ResultSet : IDisposable
{
    private readonly DatasetReader _reader;
    private readonly List<IResultTable> _tables = [];

    /// <param name="models">All that are replayed.</param>
    /// <param name="captured">The model of the captured kernel; null if none is replayed.</param>
    /// <param name="kernel">The captured kernel.</param>
    /// <param name="source">The event that tells the faults.</param>
    /// <param name="leavesRecorded">The trace records changes of leaves one by one.</param>
    public ResultSet(DatasetReader reader, TraceManifest trace, IReadOnlyList<IFaultModel> models, IFaultModel? captured, CapturedKernel kernel, string source, bool leavesRecorded)
    {
        string traceId = trace.TraceId;
        _reader = reader;
        TraceId = traceId;

        // Before the first table is begun, which removes what a dead process left of it.
        Placement.Finish(reader.Directory, traceId);
        try
        {
            Outcomes = Own(new OutcomeTable(Path(ResultTables.Outcomes), traceId, models));
            Divergences = Own(new DivergenceTable(Path(ResultTables.Divergences), traceId));
            Violations = Own(new ViolationTable(Path(ResultTables.Violations), traceId));
            Invariants = Own(InvariantTable.Open(Path(ResultTables.Invariants)));
            Assumptions = Own(AssumptionTable.Open(Path(ResultTables.Assumptions)));
            Windows = Own(WindowTable.Open(Path(ResultTables.Windows), leavesRecorded));
            BoMoves = Own(BoMoveTable.Open(Path(ResultTables.BoMoves)));
            Fidelity = Own(new FidelityTables(Path(ResultTables.Fidelity), Path(ResultTables.FidelityMisses), traceId, captured, kernel.Layout));

            // The last to get its name: a trace that has it has been replayed.
            Faults = Own(new FaultTable(Path(ResultTables.Faults), traceId, source, kernel.IsArm64Machine, trace.ClockUnit));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string TraceId { get; }

    public FaultTable Faults { get; }

    public OutcomeTable Outcomes { get; }

    public DivergenceTable Divergences { get; }

    public FidelityTables Fidelity { get; }

    public ViolationTable Violations { get; }

    public ResultTable<InvariantRow> Invariants { get; }

    public ResultTable<AssumptionRow> Assumptions { get; }

    public ResultTable<WindowRow> Windows { get; }

    public ResultTable<BoMoveRow> BoMoves { get; }

    /// <summary>Gives every table its name, all of them together.</summary>
    public void Complete()
    {
        List<SealedFile> files = [];
        try
        {
            foreach (IResultTable table in _tables)
            {
                table.Seal(files);
            }

            Placement.Place(_reader.Directory, TraceId, files);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>Removes what was written of tables that are not complete.</summary>
    public void Dispose()
    {
        foreach (IResultTable table in _tables)
        {
            table.Dispose();
        }
    }

    private string Path(string table) => _reader.ResultPath(TraceId, table);

    private TTable Own<TTable>(TTable table)
        where TTable : IResultTable
    {
        _tables.Add(table);
        return table;
    }
}
