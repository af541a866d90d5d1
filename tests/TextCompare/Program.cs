using System.Globalization;
using TraceReplay.Ingest.Capture;
using TraceReplay.TextCompare;

// TextCompare TRACE.DAT TEXT [--subset]: the text's rows must be those of the trace.dat, in order, each field equal or unknown.
// --subset: two recordings of one run; what only one of them holds is counted, not wrong.
if (args.Length < 2)
{
    Console.Error.WriteLine("usage: TextCompare TRACE.DAT TEXT [--subset]");
    return 2;
}

using ICapture binary = CaptureFormats.Open(args[0]);
using ICapture text = CaptureFormats.Open(args[1]);
CapturedRows expected = CapturedRows.Read(binary);
CapturedRows actual = CapturedRows.Read(text);
foreach (string warning in args.Contains("--verbose") ? text.Info.Warnings : [])
{
    Console.WriteLine($"  text: {warning}");
}


// A text has microseconds at least, rounded or cut.
bool subset = args.Contains("--subset");
RowComparer comparer = new(subset ? Pairing.Window : 1000, sameRecording: !subset);
IEnumerable<(CapturedRows.Row Binary, CapturedRows.Row Text)> pairs = subset
    ? Pairing.ByContent(expected.Rows, actual.Rows)
    : expected.Rows.Zip(actual.Rows);
foreach ((CapturedRows.Row b, CapturedRows.Row t) in pairs)
{
    comparer.Compare(b, t);
}

bool counts = subset || expected.Rows.Count == actual.Rows.Count;
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{Path.GetFileName(args[1])}: rows {expected.Rows.Count} and {actual.Rows.Count}, {comparer.Rows} compared; fields {comparer.Fields}, equal {comparer.Equal}, not in the text {comparer.Unknown}, different {comparer.Different}; lost {expected.Lost} and {actual.Lost}"));
foreach (string line in comparer.Report(args.Contains("--verbose")))
{
    Console.WriteLine("  " + line);
}

return counts && comparer.Different == 0 && comparer.Rows > 0 ? 0 : 1;
