using System.CommandLine;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Cli.Shell;

/// <summary>The option that names traces of a dataset.</summary>
internal static class TraceChoice
{
    public static Option<string[]> Option(string description) =>
        new("--trace") { Description = description, HelpName = "ID", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };

    /// <summary>The ids of the traces asked for, in the order of the dataset.</summary>
    /// <exception cref="AnalysisException">An id is no trace's beginning, or that of several.</exception>
    public static IReadOnlyList<string> Resolve(string dataset, IReadOnlyList<string> asked)
    {
        using DatasetSession session = DatasetSession.Open(dataset);
        List<string> all = session.Select("SELECT trace_id FROM traces ORDER BY date, path, trace_id", r => r.GetString(0));
        foreach (string id in asked.Where(id => all.Count(t => t.StartsWith(id, StringComparison.Ordinal)) != 1))
        {
            int found = all.Count(t => t.StartsWith(id, StringComparison.Ordinal));
            throw new AnalysisException(AnalysisFailure.Usage, $"--trace {id}: {(found == 0 ? "no trace" : $"{found} traces")} of {session.Dataset} begin so, expected one");
        }

        return asked.Count == 0 ? all : [.. all.Where(t => asked.Any(id => t.StartsWith(id, StringComparison.Ordinal)))];
    }
}
