using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// The manifests of a dataset. A capture's is a file of its own, <c>traces/manifests/ID.json</c>, until the captures of a day are
/// folded into <c>traces/days/date=YYYY-MM-DD.json</c>, one a line. A capture's own file hides its line, so that each capture
/// is seen once at every moment.
/// </summary>
public static class Manifests
{
    // DuckDB reads objects of 16 MiB.
    private const long LargestManifest = 12 << 20;

    private static readonly ConcurrentDictionary<string, DayIndex> s_days = new(StringComparer.Ordinal);

    /// <summary>Whether the dataset has the capture.</summary>
    public static bool Contains(string dataset, string traceId) =>
        File.Exists(DatasetLayout.Manifest(dataset, traceId)) || Days(dataset).Any(day => day.Lines.ContainsKey(traceId));

    /// <returns>null if the dataset has no such capture.</returns>
    /// <exception cref="InvalidDataException">It is not a manifest.</exception>
    public static TraceManifest? Find(string dataset, string traceId)
    {
        string own = DatasetLayout.Manifest(dataset, traceId);
        if (File.Exists(own) && Own(own) is { } manifest)
        {
            return manifest;
        }

        foreach (DayIndex day in Days(dataset))
        {
            if (day.Lines.TryGetValue(traceId, out Range line))
            {
                return Parse(day.Path, day.Bytes.AsSpan(line));
            }
        }

        return null;
    }

    /// <summary>All captures, in no order. One whose manifest cannot be read is left out, and told to <see cref="DatasetDamage"/>.</summary>
    public static List<TraceManifest> All(string dataset)
    {
        // Own files first: one that is folded meanwhile is found in its day's file.
        List<TraceManifest> found = [];
        HashSet<string> own = new(StringComparer.Ordinal);
        foreach (FileInfo file in OwnFiles(dataset))
        {
            // One that cannot be read hides its line too: nobody can say which of the two is right.
            own.Add(Path.GetFileNameWithoutExtension(file.Name));
            Readable(file.FullName, () => Own(file.FullName), found);
        }

        foreach (DayIndex day in Days(dataset))
        {
            foreach ((string id, Range line) in day.Lines.Where(line => !own.Contains(line.Key)))
            {
                Readable(day.Path, () => Parse(day.Path, day.Bytes.AsSpan(line)), found);
            }
        }

        return found;
    }

    /// <summary>Files of manifests that no reader can read, each told to <see cref="DatasetDamage"/>.</summary>
    public static IReadOnlyList<string> Unreadable(string dataset)
    {
        List<string> bad = [];
        foreach (FileInfo file in OwnFiles(dataset))
        {
            if (Fault(file) is { } found)
            {
                DatasetDamage.Report(file.FullName, found, "its capture is");
                bad.Add(file.FullName);
            }
        }

        foreach (FileInfo file in Files(DatasetLayout.DayManifestDirectory(dataset)))
        {
            if (DayFault(file) is { } found)
            {
                DatasetDamage.Report(file.FullName, found, "its day's captures are");
                bad.Add(file.FullName);
            }
        }

        return bad;
    }

    private static string? Fault(FileInfo file)
    {
        try
        {
            _ = Own(file.FullName);
            return null;
        }
        catch (Exception e) when (e is InvalidDataException or UnauthorizedAccessException or IOException)
        {
            return e.Message.Replace(file.FullName + ": ", "", StringComparison.Ordinal);
        }
    }

    private static string? DayFault(FileInfo file)
    {
        try
        {
            ReadOnlySpan<byte> bytes = File.ReadAllBytes(file.FullName);
            while (!bytes.IsEmpty)
            {
                int end = bytes.IndexOf((byte)'\n');
                ReadOnlySpan<byte> line = end < 0 ? bytes : bytes[..end];
                if (line.Length > LargestManifest || !line.StartsWith("{\"trace_id\""u8) || !line.EndsWith("}"u8))
                {
                    return "a line that is no manifest";
                }

                bytes = end < 0 ? [] : bytes[(end + 1)..];
            }

            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return e.Message;
        }
    }

    /// <summary>Folds the captures' own files into the days'. Safe to kill: a day's file appears whole, and own files go last.</summary>
    /// <param name="step">Called after each file that was written or deleted.</param>
    /// <returns>Files folded, and files written.</returns>
    public static (int Folded, int Written) Fold(string dataset, Action<string> step, CancellationToken ct)
    {
        TemporaryFile.RemoveLeftovers(Path.Combine(DatasetLayout.ManifestDirectory(dataset), "any"), all: true);
        TemporaryFile.RemoveLeftovers(Path.Combine(DatasetLayout.Unnamed(dataset), "any"), all: true);
        int folded = 0;
        int written = 0;
        var days = OwnFiles(dataset)
            .Select(file => (File: file, file.Length, file.LastWriteTimeUtc, Manifest: Readable(file.FullName, () => Own(file.FullName), null)))
            .Where(own => own.Manifest is not null)
            .GroupBy(own => own.Manifest!.Date).OrderBy(day => day.Key).ToList();
        foreach (var day in days)
        {
            ct.ThrowIfCancellationRequested();
            string path = DayPath(dataset, day.Key);
            SortedDictionary<string, byte[]> lines = new(StringComparer.Ordinal);
            if (File.Exists(path))
            {
                DayIndex before = Index(path);
                foreach ((string id, Range line) in before.Lines)
                {
                    lines[id] = before.Bytes.AsSpan(line).ToArray();
                }
            }

            foreach (var own in day)
            {
                lines[own.Manifest!.TraceId] = Encoding.UTF8.GetBytes(JsonText.Escaped(JsonSerializer.Serialize(own.Manifest, ManifestJson.OneLine.TraceManifest)));
            }

            Write(path, lines.Values);
            written++;
            step("part");
        }

        foreach (var own in days.SelectMany(day => day))
        {
            // One that was written anew meanwhile stays, and hides its line.
            own.File.Refresh();
            if (own.File.Exists && own.File.Length == own.Length && own.File.LastWriteTimeUtc == own.LastWriteTimeUtc)
            {
                own.File.Delete();
                folded++;
                step("delete");
            }
        }

        return (folded, written);
    }

    /// <summary>Forgets the captures of the days before <paramref name="keepFrom"/>.</summary>
    /// <returns>Captures forgotten.</returns>
    public static int Forget(string dataset, DateOnly keepFrom)
    {
        List<TraceManifest> old = [.. All(dataset).Where(t => t.Date < keepFrom)];

        // A day's file first: an own file that went before it would show its line again.
        foreach (DateOnly day in old.Select(t => t.Date).Distinct())
        {
            string path = DayPath(dataset, day);
            if (File.Exists(path))
            {
                File.Delete(path);
            }
        }

        foreach (TraceManifest trace in old)
        {
            File.Delete(DatasetLayout.Manifest(dataset, trace.TraceId));
        }

        return old.Count;
    }

    private static string DayPath(string dataset, DateOnly date) =>
        Path.Combine(DatasetLayout.DayManifestDirectory(dataset), string.Create(CultureInfo.InvariantCulture, $"date={date:yyyy-MM-dd}.json"));

    private static IEnumerable<FileInfo> OwnFiles(string dataset) => Files(DatasetLayout.ManifestDirectory(dataset));

    private static IEnumerable<DayIndex> Days(string dataset) =>
        Files(DatasetLayout.DayManifestDirectory(dataset)).Select(f => IndexOrNull(f.FullName)).OfType<DayIndex>();

    private static DayIndex? IndexOrNull(string path)
    {
        try
        {
            return Index(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static TraceManifest? Readable(string path, Func<TraceManifest?> read, List<TraceManifest>? into)
    {
        try
        {
            TraceManifest? manifest = read();
            if (manifest is not null)
            {
                into?.Add(manifest);
            }

            return manifest;
        }
        catch (Exception e) when (e is InvalidDataException or UnauthorizedAccessException)
        {
            DatasetDamage.Report(e.Message.StartsWith(path, StringComparison.Ordinal) ? $"{e.Message}, the capture is left out" : $"{path}: {e.Message}, the capture is left out");
            return null;
        }
    }

    private static IEnumerable<FileInfo> Files(string directory)
    {
        DirectoryInfo folder = new(directory);
        return folder.Exists ? folder.EnumerateFiles("*.json") : [];
    }

    /// <returns>null if the file went meanwhile.</returns>
    /// <exception cref="InvalidDataException">It is not the manifest of the capture that it is named after.</exception>
    private static TraceManifest? Own(string path)
    {
        try
        {
            long length = new FileInfo(path).Length;
            TraceManifest manifest = length > LargestManifest ? throw new InvalidDataException($"{path}: a manifest of {length} bytes") : Parse(path, File.ReadAllBytes(path));
            return manifest.TraceId == Path.GetFileNameWithoutExtension(path) ? manifest : throw new InvalidDataException($"{path}: the manifest of another capture");
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static TraceManifest Parse(string path, ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ManifestJson.SnakeCase.TraceManifest) ?? throw new InvalidDataException($"{path}: empty manifest");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException)
        {
            throw new InvalidDataException($"{path}: not a manifest ({e.Message})", e);
        }
    }

    private static void Write(string path, IEnumerable<byte[]> lines)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = TemporaryFile.For(path);
        using (FileStream file = new(temporary, FileMode.Create, FileAccess.Write))
        {
            foreach (byte[] line in lines)
            {
                file.Write(line);
                file.WriteByte((byte)'\n');
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    // A night asks once for each of its captures whether the dataset has it: a day's file is searched once, not each time.
    private static DayIndex Index(string path)
    {
        FileInfo file = new(path);
        (long Length, DateTime Written) stamp = (file.Length, file.LastWriteTimeUtc);
        if (s_days.TryGetValue(path, out DayIndex? known) && known.Stamp == stamp)
        {
            return known;
        }

        byte[] bytes = File.ReadAllBytes(path);
        Dictionary<string, Range> lines = new(StringComparer.Ordinal);
        for (int at = 0; at < bytes.Length;)
        {
            int length = bytes.AsSpan(at).IndexOf((byte)'\n');
            int end = length < 0 ? bytes.Length : at + length;
            if (end > at && TraceIdOf(bytes.AsSpan(at, end - at)) is { } id)
            {
                lines[id] = at..end;
            }
            else if (end > at)
            {
                DatasetDamage.Report($"{path}: a line at byte {at} that is no manifest, its capture is left out");
            }

            at = end + 1;
        }

        return s_days[path] = new DayIndex(path, stamp, bytes, lines);
    }

    private static string? TraceIdOf(ReadOnlySpan<byte> line)
    {
        try
        {
            Utf8JsonReader json = new(line);
            if (json.Read() && json.Read() && json.ValueTextEquals("trace_id"u8) && json.Read() && json.GetString() is { Length: > 0 } id)
            {
                return id;
            }
        }
        catch (JsonException)
        {
        }

        return null;
    }

    private sealed record DayIndex(string Path, (long Length, DateTime Written) Stamp, byte[] Bytes, Dictionary<string, Range> Lines);
}
