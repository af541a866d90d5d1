using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>A Parquet file that appears under its name only when it is whole.</summary>
internal sealed class ParquetFile : IDisposable
{
    private static readonly Dictionary<string, string> s_signature = new()
    {
        ["tracereplay.dataset_format"] = DatasetFormat.Current.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["tracereplay.written_by"] = DatasetFormat.Program,
    };

    private readonly string _finalPath;
    private readonly string _temporary;
    private readonly DirectStream _stream;
    private readonly ParquetWriter _writer;
    private bool _completed;

    public ParquetFile(string finalPath, ParquetSchema schema)
    {
        _finalPath = finalPath;
        _temporary = TemporaryFile.For(finalPath);
        ParquetOptions options = new() { CompressionMethod = CompressionMethod.Snappy };
        _stream = Environment(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(finalPath)!);
            TemporaryFile.RemoveLeftovers(finalPath);
            return new DirectStream(_temporary);
        });
        _writer = Await(ParquetWriter.CreateAsync(schema, _stream, options));
        _writer.CustomMetadata = s_signature;
        Schema = schema;
    }

    public ParquetSchema Schema { get; }

    public ParquetRowGroupWriter RowGroup() => _writer.CreateRowGroup();

    public void Complete()
    {
        Environment(() =>
        {
            Await(_writer.DisposeAsync().AsTask());
            _stream.Dispose();
            File.Move(_temporary, _finalPath, overwrite: true);
            return true;
        });
        _completed = true;
    }

    public void Dispose()
    {
        if (_completed)
        {
            return;
        }

        _completed = true;
        _stream.Dispose();
        File.Delete(_temporary);
    }

    /// <summary>Every await of Parquet.Net completes at once over a <see cref="DirectStream"/>: nothing blocks here.</summary>
    internal static void Await(Task task) => Environment(() =>
    {
        task.GetAwaiter().GetResult();
        return true;
    });

    private static T Await<T>(Task<T> task) => Environment(() => task.GetAwaiter().GetResult());

    private static T Environment<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }
    }
}
