using TraceReplay.Analysis.Query;
using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>Every view of ours and every column, in words: the one place from which docs/dataset.md, the comments in views.sql and `query --schema` come.</summary>
public static class DatasetDictionary
{
    /// <summary>The tables in the order in which they are told.</summary>
    public static IReadOnlyList<TableText> All { get; } = [.. CaptureTexts.All, .. ReplayTexts.All, FindingTexts.Findings, .. CostTexts.All];

    /// <summary>Columns that every view over recorded events has before the event's own fields.</summary>
    public static IReadOnlyList<ColumnText> EventColumns { get; } =
    [
        Units.TraceId,
        new("seq", "position of the event among all events of its trace, from 0, in time order"),
        new("ts_ns", "its time", Units.Clock),
        new("cpu", "the CPU that recorded it", Null: "the recording does not say it"),
        new("pid", "host thread", Null: "the recording does not say it"),
        new("tgid", "host process of that thread", Null: "the recording does not say it"),
        new("comm", "name of that thread", Null: "the recording does not say it"),
        new("instance", "buffer instance of ftrace, only in captures that have several"),
    ];

    /// <summary>The vocabularies of all columns, each once, in the order in which they first come.</summary>
    public static IReadOnlyList<Vocabulary> Vocabularies { get; } = [.. All.SelectMany(table => table.Columns).Select(column => column.Values).OfType<Vocabulary>().DistinctBy(values => values.Name)];

    /// <summary>The table of a view; null if it is none of ours.</summary>
    public static TableText? Find(string view) => All.FirstOrDefault(table => string.Equals(table.Schema.Name, view, StringComparison.OrdinalIgnoreCase));

    /// <summary>Views and columns as rows.</summary>
    /// <param name="view">Only this one; null = all.</param>
    /// <exception cref="AnalysisException">There is no such view of ours.</exception>
    public static RowSet Rows(string? view)
    {
        IReadOnlyList<TableText> tables = view is null ? All
            : Find(view) is { } table ? [table]
            : throw new AnalysisException(AnalysisFailure.Usage, $"no view of ours is called '{view}'{Nearest.Hint(view, All.Select(t => t.Schema.Name))}; the views over recorded events have the events' own fields: `tracereplay query -d DATASET --sql \"DESCRIBE {view}\"`");
        return new RowSet(
            [new("view", "VARCHAR"), new("column", "VARCHAR"), new("type", "VARCHAR"), new("unit", "VARCHAR"), new("meaning", "VARCHAR"), new("null_means", "VARCHAR"), new("values", "VARCHAR"), new("since", "INTEGER")],
            [.. tables.SelectMany(t => t.Schema.Columns.Zip(t.Columns, (column, text) => new object?[] { t.Schema.Name, column.Name, column.Type, text.Unit, text.Meaning, text.Null, text.Values is null ? null : string.Join(", ", text.Values.Words.Select(word => word.Value)), text.Since }))]);
    }

    /// <summary>The text of a column for the catalogue of a database: meaning, unit, NULL, values.</summary>
    public static string Comment(ColumnText column)
    {
        string unit = column.Unit is null ? "" : $" [{column.Unit}]";
        string nothing = column.Null is null ? "" : $"; NULL: {column.Null}";
        string values = column.Values is null ? "" : $"; {(column.IsSet ? "one or more, with | between them," : "one")} of {string.Join(", ", column.Values.Words.Select(word => word.Value.Length == 0 ? "''" : word.Value))}";
        string since = column.Since == 1 ? "" : $"; since format {column.Since}";
        return column.Meaning + unit + nothing + values + since;
    }
}
