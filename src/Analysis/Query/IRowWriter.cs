using System.Data.Common;

namespace TraceReplay.Analysis.Query;

/// <summary>One way to print rows.</summary>
internal interface IRowWriter
{
    void Begin(DbDataReader reader);

    void Row(DbDataReader reader);

    void End();
}
