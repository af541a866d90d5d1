using System.CommandLine;
using System.CommandLine.Completions;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Cli.Shell;

/// <summary>The option that names traces of a dataset.</summary>
internal static class TraceChoice
{
    public static Option<string[]> Option(string description)
    {
        var option = new Option<string[]>("--trace") { Description = description, HelpName = "ID", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
        option.CompletionSources.Add(Ids);
        return option;
    }

    /// <summary>For the shell: the ids of the dataset that the line names, with the captures' files.</summary>
    public static IEnumerable<CompletionItem> Ids(CompletionContext context)
    {
        const int most = 2000;
        try
        {
            return context.ParseResult.GetValue<string>("--dataset") is { Length: > 0 } dataset && Directory.Exists(dataset)
                ? [.. DatasetReader.Open(dataset).Traces.Take(most).Select(t => new CompletionItem(t.TraceId, detail: Path.GetFileName(t.Path)))]
                : [];
        }
        catch (Exception)
        {
            // Whoever presses the tabulator asks for names, not for what is wrong with a dataset.
            return [];
        }
    }

    /// <summary>The ids of the traces asked for, in the order of the dataset.</summary>
    /// <exception cref="AnalysisException">An id is no trace's beginning, or that of several.</exception>
    public static IReadOnlyList<string> Resolve(string dataset, IReadOnlyList<string> asked)
    {
        List<string> all = [.. DatasetSession.Traces(dataset).Select(trace => trace.TraceId)];
        foreach (string id in asked.Where(id => all.Count(t => t.StartsWith(id, StringComparison.Ordinal)) != 1))
        {
            int found = all.Count(t => t.StartsWith(id, StringComparison.Ordinal));
            throw new AnalysisException(AnalysisFailure.Usage, $"--trace {id}: {(found == 0 ? "no trace" : $"{found} traces")} of {dataset} begin so, expected one");
        }

        return asked.Count == 0 ? all : [.. all.Where(t => asked.Any(id => t.StartsWith(id, StringComparison.Ordinal)))];
    }
}
