using System.Formats.Tar;
using System.IO.Compression;

namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>The one capture that an archive holds.</summary>
internal static class Archive
{
    private const int TarMagicOffset = 257;
    private const int MostNamed = 5;

    public static bool IsZip(ReadOnlySpan<byte> head) => head.StartsWith("PK\x03\x04"u8);

    public static bool IsTar(ReadOnlySpan<byte> head) => head.Length > TarMagicOffset + 5 && head[TarMagicOffset..].StartsWith("ustar"u8);

    /// <exception cref="CaptureException">It holds none or several, or does not unpack.</exception>
    public static CaptureFile FromZip(CaptureFile file, Unwrapper unwrapper)
    {
        ZipDirectory.Check(file, unwrapper.Budget);
        try
        {
            using SeekableCaptureStream stream = new(file);
            using ZipArchive zip = new(stream, ZipArchiveMode.Read);
            return OnlyCapture(file, "zip", zip.Entries.Where(e => e.Length > 0).Select(e => (e.FullName, (Func<Stream>)(() => Open(file, e)))), unwrapper);
        }
        catch (Exception e) when (Wrapping.IsDamage(e))
        {
            throw file.Damaged(0, "a zip archive that ends or does not unpack", "expected a whole archive");
        }
    }

    /// <exception cref="CaptureException">As above.</exception>
    public static CaptureFile FromTar(CaptureFile file, Unwrapper unwrapper)
    {
        try
        {
            using Stream stream = new CaptureFileStream(file);
            using TarReader tar = new(stream);
            return OnlyCapture(file, "tar", Members(tar, unwrapper.Budget), unwrapper);
        }
        catch (Exception e) when (Wrapping.IsDamage(e))
        {
            throw file.Damaged(0, "a tar archive that ends or does not unpack", "expected a whole archive");
        }
    }

    private static Stream Open(CaptureFile file, ZipArchiveEntry entry) =>
        entry.IsEncrypted ? throw file.Damaged(0, $"a zip archive whose member {ShownText.Of(entry.FullName)} is encrypted", "expected a capture: unpack it first") : entry.Open();

    private static IEnumerable<(string, Func<Stream>)> Members(TarReader tar, UnpackBudget budget)
    {
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry is { EntryType: TarEntryType.RegularFile or TarEntryType.V7RegularFile, DataStream: { } data, Length: > 0 })
            {
                yield return (entry.Name, () => data);
            }
            else
            {
                budget.Member();
            }
        }
    }

    /// <summary>The one member that is a capture: of several it is not known which is meant.</summary>
    /// <param name="file">The archive.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="members">Opened one after another.</param>
    /// <param name="unwrapper">For what members are packed in.</param>
    public static CaptureFile OnlyCapture(CaptureFile file, string kind, IEnumerable<(string Name, Func<Stream> Open)> members, Unwrapper unwrapper)
    {
        CaptureFile? found = null;
        List<string> names = [];
        List<string> unread = [];
        try
        {
            foreach ((string name, Func<Stream> open) in members)
            {
                unwrapper.Budget.Member();
                if (names.Count > MostNamed)
                {
                    break;
                }

                using Stream data = open();
                if (unwrapper.Known(data, file.DisplayName, out string? damage) is not { } member)
                {
                    if (damage is not null)
                    {
                        unread.Add($"{ShownText.Of(name)}: {damage}");
                    }

                    continue;
                }

                names.Add(ShownText.Of(name));
                if (found is null)
                {
                    found = member;
                }
                else
                {
                    member.Dispose();
                }
            }

            if (unread.Count > 0)
            {
                found?.Notes.Add($"{unread.Count} other members of the archive cannot be read, the first: {unread[0]}");
            }

            return names.Count switch
            {
                0 => throw file.Damaged(0, $"a {kind} archive without a capture{(unread.Count > 0 ? $" ({unread[0]})" : "")}", "expected a member that is one"),
                1 => found!,
                _ => throw file.Damaged(0, $"a {kind} archive with {Several(names)}", "expected one: unpack it and name the files"),
            };
        }
        catch
        {
            found?.Dispose();
            throw;
        }
    }

    private static string Several(List<string> names) =>
        names.Count > MostNamed ? $"more than {MostNamed} captures ({string.Join(", ", names.Take(MostNamed))}, ...)" : $"{names.Count} captures ({string.Join(", ", names)})";
}
