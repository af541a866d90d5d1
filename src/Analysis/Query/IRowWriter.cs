namespace TraceReplay.Analysis.Query;

/// <summary>One way to print rows.</summary>
internal interface IRowWriter
{
    void Begin(CellReader cells);

    /// <summary>The row at which the reader stands.</summary>
    void Row(CellReader cells);

    void End();
}
