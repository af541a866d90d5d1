namespace TraceReplay.Ingest.Dataset;

/// <summary>The directory is not a dataset; the message is one line.</summary>
public sealed class NotADatasetException(string message) : Exception(message);

/// <summary>A dataset opened for reading.</summary>
public sealed class DatasetReader
{
    private readonly Dictionary<string, TraceManifest> _byId;

    private DatasetReader(string directory, IReadOnlyList<TraceManifest> traces)
    {
        Directory = directory;
        Traces = traces;
        _byId = traces.ToDictionary(t => t.TraceId);
    }

    public string Directory { get; }

    /// <summary>Ordered by date, host, id.</summary>
    public IReadOnlyList<TraceManifest> Traces { get; }

    /// <exception cref="NotADatasetException">There is no <c>traces/manifests</c> in it.</exception>
    public static DatasetReader Open(string directory)
    {
        string manifests = DatasetLayout.ManifestDirectory(directory);
        if (!System.IO.Directory.Exists(manifests))
        {
            string found = System.IO.Directory.Exists(directory) ? "no traces/manifests in it" : "no such directory";
            throw new NotADatasetException($"{directory}: {found}, expected a dataset made by 'tracereplay ingest'");
        }

        DatasetFormat.Require(directory);
        List<TraceManifest> traces = Manifests.All(directory);

        return new DatasetReader(directory, [.. traces.OrderBy(t => t.Date).ThenBy(t => t.Host, StringComparer.Ordinal).ThenBy(t => t.TraceId, StringComparer.Ordinal)]);
    }

    /// <summary>One trace of a dataset, without reading the manifests of all others.</summary>
    /// <returns>null if the dataset has no such trace.</returns>
    public static DatasetReader? OpenTrace(string directory, string traceId) =>
        Manifests.Find(directory, traceId) is { } manifest ? new DatasetReader(directory, [manifest]) : null;

    /// <summary>The file of one event table; it exists only if the capture has such events.</summary>
    /// <param name="fullName"><c>system.event</c></param>
    public string EventPath(string traceId, string fullName)
    {
        TraceManifest t = _byId[traceId];
        return DatasetLayout.Event(Directory, fullName, t.Date, t.Host, traceId);
    }

    public string ResultPath(string traceId, string table)
    {
        TraceManifest t = _byId[traceId];
        return DatasetLayout.Result(Directory, table, t.Date, t.Host, traceId);
    }

    /// <param name="table"><see cref="DatasetLayout.LostEvents"/> or <see cref="DatasetLayout.ProbeSites"/>.</param>
    public string TraceTablePath(string traceId, string table)
    {
        TraceManifest t = _byId[traceId];
        return DatasetLayout.TraceTable(Directory, table, t.Date, t.Host, traceId);
    }
}
