using System.Text.RegularExpressions;
using DuckDB.NET.Data;

namespace TraceReplay.Analysis.Views;

/// <summary>DuckDB's messages, made to fit the rule of one line.</summary>
internal static partial class SqlErrors
{
    // Where another thread of a streamed statement failed before anybody asked for a row, its words stand behind these.
    private const string Pending = "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result";

    /// <summary>The view or table that a statement names and that is not there; null if that is not what is wrong.</summary>
    public static string? UnknownView(DuckDBException error) => Missing().Match(Words(error)) is { Success: true } m ? m.Groups[1].Value : null;

    /// <summary>What went wrong and DuckDB's suggestion, without the picture of the statement.</summary>
    public static string OneLine(DuckDBException error)
    {
        string[] lines = Words(error).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<string> kept = lines.TakeWhile(l => !l.StartsWith("LINE ", StringComparison.Ordinal));
        return string.Join(' ', kept);
    }

    public static bool IsOutOfMemory(DuckDBException error) => Words(error).StartsWith("Out of Memory", StringComparison.Ordinal);

    /// <summary>The statement was stopped: by who gave it, or by DuckDB where another thread of it failed.</summary>
    public static bool IsInterrupt(Exception error) =>
        error is OperationCanceledException || (error is DuckDBException failed && Words(failed).StartsWith("INTERRUPT", StringComparison.Ordinal));

    public static AnalysisFailure Kind(DuckDBException error) => Words(error) switch
    {
        string m when m.StartsWith("IO Error", StringComparison.Ordinal) => AnalysisFailure.Environment,
        _ when IsOutOfMemory(error) => AnalysisFailure.Environment,
        string m when m.StartsWith("Permission Error", StringComparison.Ordinal) => AnalysisFailure.Environment,
        _ => AnalysisFailure.Usage,
    };

    private static string Words(DuckDBException error) =>
        error.Message.StartsWith(Pending, StringComparison.Ordinal) && error.Message.IndexOf("Error: ", Pending.Length, StringComparison.Ordinal) is var words and >= 0
            ? error.Message[(words + "Error: ".Length)..]
            : error.Message;

    [GeneratedRegex("^Catalog Error: Table with name (.+?) does not exist!")]
    private static partial Regex Missing();
}
