namespace TraceReplay.Ingest.Tracefs;

/// <summary>Layout of a ring-buffer page, from the text of <c>events/header_page</c>.</summary>
/// <param name="CommitOffset">Where the count of used bytes lies.</param>
/// <param name="LongSize">Size of the kernel's long, which is that of the commit field.</param>
/// <param name="DataOffset">Where the records start.</param>
/// <param name="DataSize">Room for records as the text says; 0 if it does not.</param>
public sealed record HeaderPage(int CommitOffset, int LongSize, int DataOffset, int DataSize)
{
    /// <summary>The layout of a 64-bit kernel with 4 KiB pages.</summary>
    public static HeaderPage Default { get; } = new(8, 8, 16, 4080);

    public static HeaderPage For(int longSize) => new(8, longSize, 8 + longSize, 0);

    /// <returns>null if a field is missing or the layout is not a possible one.</returns>
    public static HeaderPage? Parse(string text)
    {
        EventFormat? f = EventFormatParser.Parse("ftrace", "name: header_page\nID: 0\nformat:\n" + text);
        return f?.Field("commit") is { } commit && f.Field("data") is { } data && f.Field("timestamp") is { Offset: 0, Size: 8 }
            && commit.Size is 4 or 8 && commit.Offset is >= 8 and < 64 && data.Offset >= commit.Offset + commit.Size && data.Offset < 256
            ? new HeaderPage(commit.Offset, commit.Size, data.Offset, data.Size)
            : null;
    }
}
