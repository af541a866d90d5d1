using System.Reflection;
using System.Text;
using System.Text.Json;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// The version of a dataset's layout, in <c>dataset.json</c>. A dataset without that file is of the time before it and has the layout
/// of version 1.
/// </summary>
public static class DatasetFormat
{
    /// <summary>What this program writes, and the newest that it reads.</summary>
    public const int Current = 1;

    public const string FileName = "dataset.json";

    /// <summary>This program and its version, as it signs what it writes.</summary>
    public static string Program { get; } = "tracereplay " + (typeof(DatasetFormat).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown");

    /// <summary>Says what the dataset is, unless it says so itself.</summary>
    /// <exception cref="EnvironmentFailedException">It cannot be written.</exception>
    public static void Sign(string dataset)
    {
        string path = Path.Combine(dataset, FileName);
        if (File.Exists(path))
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(dataset);
            string temporary = TemporaryFile.For(path);
            File.WriteAllText(temporary, $"{{\"format\": {Current}, \"written_by\": {JsonSerializer.Serialize(Program, ManifestJson.OneLine.String)}}}\n", new UTF8Encoding(false));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }
    }

    /// <exception cref="NotADatasetException">The dataset is of a later version, or what it says of itself cannot be read.</exception>
    public static void Require(string dataset)
    {
        string path = Path.Combine(dataset, FileName);
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            int format = json.RootElement.GetProperty("format").GetInt32();
            if (format is < 1 or > Current)
            {
                string by = json.RootElement.TryGetProperty("written_by", out JsonElement writer) ? $" (written by {writer.GetString()})" : "";
                throw new NotADatasetException($"{dataset}: a dataset of format {format}{by}, expected at most {Current}: a later version of tracereplay reads it");
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new NotADatasetException($"{path}: not what a dataset says of itself, expected {{\"format\": {Current}}}");
        }
    }
}
