namespace TraceReplay.Analysis.Query;

/// <summary>How rows are printed.</summary>
public enum RowFormat
{
    /// <summary>Aligned columns for people.</summary>
    Table,

    /// <summary>A block of lines for each row, one line for each column.</summary>
    Records,

    /// <summary>RFC 4180 with a header; NULL is an empty field, the empty string is "".</summary>
    Csv,

    /// <summary>One array with one object a line; integers with all their digits, BLOBs as hexadecimal text.</summary>
    Json,

    /// <summary>One Parquet file.</summary>
    Parquet,
}
