using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.TextCompare;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Reads a text that a test spells out.</summary>
internal sealed class Texts : IEventSink
{
    private readonly CapturedRows _rows = new();

    public List<CapturedRows.Row> Rows => _rows.Rows;

    public List<int> Tgids { get; } = [];

    public List<string> Instances { get; } = [];

    public List<LostRecords> Losses { get; } = [];

    public required CaptureInfo Info { get; init; }

    public static Texts Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    public static Texts Read(byte[] text)
    {
        using ICapture capture = CaptureFormats.Open(CaptureFormats.Spool(new MemoryStream(text), "test.txt"));
        Texts read = new() { Info = capture.Info };
        capture.ReadEvents(read, new ReadOptions(), Xunit.TestContext.Current.CancellationToken);
        return read;
    }

    public void Event(ref readonly EventRecord record)
    {
        _rows.Event(in record);
        Tgids.Add(record.Tgid);
        Instances.Add(Info.Instances[record.Instance]);
    }

    public void Lost(in LostRecords lost) => Losses.Add(lost);

    /// <summary>The fields named on the left, as <c>name=value</c> with numbers in hexadecimal; <c>?</c> for unknown.</summary>
    public static string Fields(CapturedRows.Row row, IEnumerable<string> names) =>
        string.Join(' ', names.Select(n => $"{n}={GoldenTextTests.Value(row, n) ?? "?"}"));
}
