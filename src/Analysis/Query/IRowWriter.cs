namespace TraceReplay.Analysis.Query;

/// <summary>One way to print rows.</summary>
internal interface IRowWriter
{
    void Begin(Cells cells);

    /// <summary>The row at which the reader stands.</summary>
    void Row(Cells cells);

    void End();
}
