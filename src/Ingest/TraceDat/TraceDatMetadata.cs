using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Reads numbers and texts at a moving position; knows where in the file it is, for messages.</summary>
internal interface IMetadataReader
{
    long FileOffset { get; }

    uint U32(string what);

    ulong U64(string what);

    /// <summary>Bytes up to a NUL, which is consumed.</summary>
    string CString(string what);

    /// <summary>The next bytes; of more than <paramref name="most"/> only these, the others are passed over.</summary>
    byte[] Bytes(ulong count, int most, string what);

    CaptureException Damaged(string found, string expected);
}

/// <summary>
/// The bodies of the metadata sections, which v6 and v7 share (spec/trace-formats 1.1). What was complete before damage stays.
/// </summary>
internal sealed class TraceDatMetadata(bool bigEndian, CaptureInfo info)
{
    private long _formats;
    private long _formatBytes;

    public HeaderPage? Page { get; private set; }

    public CommandLines CommandLines { get; } = new();

    public void ReadHeaderInfo(IMetadataReader r)
    {
        Expect(r, "header_page");
        long at = r.FileOffset;
        string text = Latin1(r.Bytes(r.U64("the size of header_page"), MetadataLimits.Format, "header_page"));
        Page = HeaderPage.Parse(text) ?? throw r.Damaged($"no usable page layout after 0x{at:x}", "expected the fields timestamp, commit and data");
        Expect(r, "header_event");
        _ = r.Bytes(r.U64("the size of header_event"), 0, "header_event");
    }

    public void ReadFtraceEvents(IMetadataReader r)
    {
        uint count = r.U32("the number of ftrace formats");
        for (uint i = 0; i < count; i++)
        {
            AddFormat("ftrace", r);
        }
    }

    public void ReadEventFormats(IMetadataReader r)
    {
        uint systems = r.U32("the number of event systems");
        if (systems > ushort.MaxValue)
        {
            throw r.Damaged($"{systems} systems of events", $"expected {ushort.MaxValue} at most");
        }

        for (uint s = 0; s < systems; s++)
        {
            string system = r.CString("the name of an event system");
            uint count = r.U32("the number of events of " + system);
            for (uint i = 0; i < count; i++)
            {
                AddFormat(system, r);
            }
        }
    }

    public void ReadCommandLines(IMetadataReader r)
    {
        ulong size = r.U64("the size of saved_cmdlines");
        CommandLines.AddComms(r.Bytes(size, MetadataLimits.Texts, "saved_cmdlines"));
        WarnOfRest(info, size, MetadataLimits.Texts, "names of threads (saved_cmdlines)");
    }

    /// <summary>Says what of a long text was not looked at.</summary>
    public static void WarnOfRest(CaptureInfo info, ulong size, int most, string what)
    {
        if (size > (ulong)most)
        {
            info.Warnings.Add($"of {size} bytes of {what} the first {most} were read");
        }
    }

    private void AddFormat(string system, IMetadataReader r)
    {
        if (++_formats > MetadataLimits.Formats)
        {
            throw r.Damaged($"more than {MetadataLimits.Formats} event formats", "expected no more than there are ids");
        }

        ulong size = r.U64("the size of an event format");
        byte[] text = r.Bytes(size, MetadataLimits.Format, "an event format");
        EventFormat? format = size > MetadataLimits.Format ? null : EventFormatParser.Parse(system, Latin1(text), bigEndian);
        if (format is null)
        {
            string first = Latin1(text.AsSpan(0, Math.Min(text.Length, 60)).ToArray()).ReplaceLineEndings(" ");
            info.Warnings.Add($"a format of system {system} is not usable and its events are left out: {first}");
        }
        else
        {
            _formatBytes += text.Length;
            format.Text = _formatBytes > MetadataLimits.FormatsKept ? null : text;
            _ = info.Events.Add(format);
        }
    }

    private static void Expect(IMetadataReader r, string tag)
    {
        string found = r.CString(tag);
        if (found != tag)
        {
            throw r.Damaged("other bytes", $"expected the tag \"{tag}\"");
        }
    }

    private static string Latin1(byte[] bytes) => Encoding.Latin1.GetString(bytes);
}
