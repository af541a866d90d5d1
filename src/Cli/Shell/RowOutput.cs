using TraceReplay.Analysis;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Cli.Shell;

/// <summary>Brings rows to standard output or into a file, in the format asked for.</summary>
/// <param name="Format">Value of --format, null if not given.</param>
/// <param name="File">Value of --output, null for standard output.</param>
internal sealed record RowOutput(string? Format, string? File)
{
    // A table that was not asked for turns to records where the terminal is too narrow for it.
    private int? Widest => Format is null && Terminal.OutputIsTerminal ? Terminal.Columns : null;

    public void Write(RowSet rows, Terminal terminal, CancellationToken ct)
    {
        RowFormat format = CommonOptions.FormatOf(Format, File is not null);
        if (format == RowFormat.Parquet)
        {
            using DatasetSession session = DatasetSession.WithoutDataset();
            WriteParquet(session, rows.ToSql(), new Dictionary<string, string>(), terminal, ct);
        }
        else if (File is null)
        {
            WhileRead(terminal, either => QueryRunner.Print(rows, format, terminal.Out, either, Widest), ct);
        }
        else
        {
            WriteFile(File, output => QueryRunner.Print(rows, format, output, ct));
        }
    }

    /// <summary>Runs the SQL and brings out its rows.</summary>
    /// <returns>Rows; null where the reader left before the last.</returns>
    public long? Write(DatasetSession session, string sql, IReadOnlyDictionary<string, string> parameters, Terminal terminal, CancellationToken ct)
    {
        RowFormat format = CommonOptions.FormatOf(Format, File is not null);
        if (format == RowFormat.Parquet)
        {
            return WriteParquet(session, sql, parameters, terminal, ct);
        }

        long? rows = null;
        if (File is null)
        {
            WhileRead(terminal, either => rows = QueryRunner.Print(session, sql, parameters, format, terminal.Out, either, Widest), ct);
        }
        else
        {
            WriteFile(File, output => rows = QueryRunner.Print(session, sql, parameters, format, output, ct));
        }

        return rows;
    }

    /// <summary>Whoever closes the pager has seen enough: that ends the rows, and fails nothing.</summary>
    private static void WhileRead(Terminal terminal, Action<CancellationToken> print, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, terminal.ReaderLeft);
        try
        {
            print(either.Token);
        }
        catch (OperationCanceledException) when (terminal.ReaderLeft.IsCancellationRequested && !ct.IsCancellationRequested)
        {
        }
    }

    private static void WriteFile(string file, Action<TextWriter> write) => WholeFile.Make(file, temporary =>
    {
        using var output = new StreamWriter(temporary);
        using var printable = new PrintableWriter(output);
        write(printable);
    });

    private long WriteParquet(DatasetSession session, string sql, IReadOnlyDictionary<string, string> parameters, Terminal terminal, CancellationToken ct)
    {
        if (File is not null)
        {
            return QueryRunner.CopyToParquet(session, sql, parameters, File, ct);
        }

        if (Terminal.OutputIsTerminal)
        {
            throw new AnalysisException(AnalysisFailure.Usage, "--format parquet would fill the terminal with bytes: give --output FILE, or redirect");
        }

        string temporary = Path.Combine(Path.GetTempPath(), $"tracereplay-{Guid.NewGuid():N}.parquet");
        try
        {
            long copied = QueryRunner.CopyToParquet(session, sql, parameters, temporary, ct);
            terminal.Flush();
            using FileStream rows = System.IO.File.OpenRead(temporary);
            using Stream output = Console.OpenStandardOutput();
            rows.CopyTo(output);
            return copied;
        }
        finally
        {
            System.IO.File.Delete(temporary);
        }
    }
}
