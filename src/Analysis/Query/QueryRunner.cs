using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Query;

/// <summary>Runs SQL over a dataset and prints what it returns.</summary>
public static class QueryRunner
{
    /// <summary>Runs the statements and prints the rows of the last one that returns any.</summary>
    /// <param name="session">The dataset.</param>
    /// <param name="sql">One or more statements.</param>
    /// <param name="parameters">Bound as prepared parameters `$name`; DuckDB turns the text into the type that the place asks for.</param>
    /// <param name="widest">Columns of the terminal: a table that is wider comes as records; null = no bound.</param>
    /// <param name="format">Any but <see cref="RowFormat.Parquet"/>, which needs a file: <see cref="CopyToParquet"/>.</param>
    /// <param name="output">Where the rows go.</param>
    /// <returns>Rows printed.</returns>
    /// <exception cref="AnalysisException">The SQL is wrong, or a file of the dataset could not be read.</exception>
    public static long Print(
        DatasetSession session, string sql, IReadOnlyDictionary<string, string> parameters, RowFormat format, TextWriter output, CancellationToken ct, int? widest = null) =>
        Frugally(session, begun =>
        {
            using DuckDBCommand command = Prepared(session, sql, parameters);
            command.UseStreamingMode = true;
            using CancellationTokenRegistration stop = ct.Register(command.Cancel);
            using DuckDBDataReader reader = command.ExecuteReader();
            while (reader.FieldCount == 0 && reader.NextResult())
            {
            }

            var cells = new CellReader(reader);
            if (!cells.OutliveRows || Environment.ProcessorCount == 1)
            {
                return Print(cells, format, output, widest, begun, ct);
            }

            using var ahead = new CellsAhead(cells, command.Cancel);
            return Print(ahead, format, output, widest, begun, ct);
        }, () => Whole(session, sql, parameters, ct), ct);

    /// <summary>Prints rows of our own. DuckDB, which takes longer to start than they to print, is asked only for what they do not hold as it would give it.</summary>
    public static long Print(RowSet rows, RowFormat format, TextWriter output, CancellationToken ct, int? widest = null)
    {
        if (rows.IsPlain)
        {
            return Print(new SetCells(rows), format, output, widest, static () => { }, ct);
        }

        using DatasetSession session = DatasetSession.WithoutDataset();
        return Print(session, rows.ToSql(), new Dictionary<string, string>(), format, output, ct, widest);
    }

    /// <summary>Writes the rows of one SELECT into a Parquet file; the file appears whole or not at all.</summary>
    /// <returns>Rows copied.</returns>
    public static long CopyToParquet(DatasetSession session, string sql, IReadOnlyDictionary<string, string> parameters, string file, CancellationToken ct)
    {
        long copied = 0;
        WholeFile.Make(file, temporary => copied = Frugally(session, _ =>
        {
            string select = sql.Trim().TrimEnd(';');
            // The closing bracket stands on a line of its own: the SELECT may end in a comment.
            using DuckDBCommand command = Prepared(session, $"COPY ({select}\n) TO {Sql.Literal(temporary)} (FORMAT parquet, COMPRESSION zstd)", parameters);
            using CancellationTokenRegistration stop = ct.Register(command.Cancel);
            return command.ExecuteNonQuery();
        }, null, ct));
        return copied;
    }

    private static long Print(Cells cells, RowFormat format, TextWriter output, int? widest, Action begun, CancellationToken ct)
    {
        IRowWriter writer = format switch
        {
            RowFormat.Csv => new CsvRowWriter(output),
            RowFormat.Json => new JsonRowWriter(output),
            RowFormat.Table => new TableRowWriter(output, widest),
            RowFormat.Records => new RecordRowWriter(output),
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };
        long rows = 0;

        // What fails before the first row has printed nothing.
        bool more = cells.Read();
        begun();
        writer.Begin(cells);
        for (; more; more = cells.Read())
        {
            ct.ThrowIfCancellationRequested();
            writer.Row(cells);
            rows++;
        }

        writer.End();
        return rows;
    }

    private static DuckDBCommand Prepared(DatasetSession session, string sql, IReadOnlyDictionary<string, string> parameters)
    {
        DuckDBCommand command = session.Command(sql);
        foreach ((string name, string value) in parameters)
        {
            command.Parameters.Add(new DuckDBParameter(name, value));
        }

        return command;
    }

    /// <summary>
    /// Where one thread of a streamed statement fails, DuckDB stops the others, and the reader may meet the stop before the failure:
    /// the statement as a whole fails with its own words.
    /// </summary>
    private static void Whole(DatasetSession session, string sql, IReadOnlyDictionary<string, string> parameters, CancellationToken ct)
    {
        using DuckDBCommand command = Prepared(session, sql, parameters);
        using CancellationTokenRegistration stop = ct.Register(command.Cancel);
        using DuckDBDataReader reader = command.ExecuteReader();
    }

    /// <summary>What has printed nothing can be run again.</summary>
    private static T Frugally<T>(DatasetSession session, Func<Action, T> run, Action? whole, CancellationToken ct) => Guarded(session, () =>
    {
        bool begun = false;
        return session.Frugally(
            () =>
            {
                try
                {
                    return run(() => begun = true);
                }
                catch (Exception e) when (whole is not null && SqlErrors.IsInterrupt(e) && !ct.IsCancellationRequested)
                {
                    whole();
                    throw new AnalysisException(AnalysisFailure.Environment, "DuckDB stopped the statement without a reason", e);
                }
            },
            () => !begun);
    });

    private static T Guarded<T>(DatasetSession session, Func<T> run)
    {
        try
        {
            return run();
        }
        catch (DuckDBException e) when (SqlErrors.UnknownView(e) is { } view)
        {
            throw new AnalysisException(AnalysisFailure.Usage, session.Missing(view), e);
        }
        catch (DuckDBException e) when (!SqlErrors.IsInterrupt(e))
        {
            throw new AnalysisException(SqlErrors.Kind(e), SqlErrors.OneLine(e), e);
        }
        catch (DuckDBException e)
        {
            throw new OperationCanceledException(e.Message, e);
        }
        catch (InvalidOperationException e) when (e.Message.StartsWith("Invalid number of parameters", StringComparison.Ordinal))
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"{e.Message}: each $NAME in the SQL needs --param NAME=VALUE", e);
        }
    }
}
