using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>What a dataset knows of one capture: the contract's <c>traces</c> view, and the rows of each event table.</summary>
public sealed record TraceManifest
{
    public required string TraceId { get; init; }

    /// <summary>The capture as it was named when ingested.</summary>
    public required string Path { get; init; }

    /// <summary>What ran in it (<see cref="ScenarioName"/>); null in manifests of the time before it was said.</summary>
    public string? Scenario { get; init; }

    /// <summary>Of the unpacked content, 64 hex digits.</summary>
    public required string Sha256 { get; init; }

    public required string Format { get; init; }

    public string? FormatVersion { get; init; }

    public required string Host { get; init; }

    public required DateOnly Date { get; init; }

    public string? Kernel { get; init; }

    public string? Arch { get; init; }

    public string? CpuVendor { get; init; }

    public string? Clock { get; init; }

    public required string ClockUnit { get; init; }

    public required int Cpus { get; init; }

    /// <summary>Time of the first event; null if there is none.</summary>
    public long? StartNs { get; init; }

    public long? EndNs { get; init; }

    /// <summary>Events in the dataset.</summary>
    public required long Events { get; init; }

    /// <summary>Lost records whose number is known, and the holes of unknown size each as one.</summary>
    public required long Lost { get; init; }

    /// <summary>false where the capture was damaged; <see cref="Warnings"/> says how.</summary>
    public required bool Complete { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    public IReadOnlyList<string> Instances { get; init; } = [""];

    /// <summary>Rows by <c>system.event</c>.</summary>
    public required IReadOnlyDictionary<string, long> EventCounts { get; init; }

    /// <summary>The patterns of <c>--events</c> if only some events were taken; empty = all.</summary>
    public IReadOnlyList<string> EventGlobs { get; init; } = [];

    /// <summary>The layout of the dataset that the capture was written into; 0 in manifests of the time before it was said.</summary>
    public int DatasetFormat { get; init; }

    /// <summary>The program and its version; null in manifests of the time before it was said.</summary>
    public string? WrittenBy { get; init; }

    /// <summary>Whole or not at all.</summary>
    public void Write(string path)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        string temporary = TemporaryFile.For(path);
        using (FileStream f = new(temporary, FileMode.Create, FileAccess.Write))
        {
            f.Write(Encoding.UTF8.GetBytes(JsonText.Escaped(JsonSerializer.Serialize(this, ManifestJson.SnakeCase.TraceManifest))));
            f.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }
}

[JsonSerializable(typeof(TraceManifest))]
[JsonSerializable(typeof(string))]
internal sealed partial class ManifestJson : JsonSerializerContext
{
    /// <summary>Manifests are read by people too and never by a browser: a kernel's <c>+deb12</c> is written as it is.</summary>
    public static ManifestJson SnakeCase { get; } = Of(indented: true);

    /// <summary>The same without line breaks.</summary>
    public static ManifestJson OneLine { get; } = Of(indented: false);

    private static ManifestJson Of(bool indented) => new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = indented,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
