using TraceReplay.Ingest.Capture;
using TraceReplay.TraceCmdCompare;

// trace-cmd report -R -t CAPTURE | TraceCmdCompare CAPTURE
if (args.Length != 1)
{
    Console.Error.WriteLine("usage: trace-cmd report -R -t CAPTURE | TraceCmdCompare CAPTURE");
    return 2;
}

try
{
    CompareResult result = ReportComparer.Compare(args[0], Console.In);
    Console.WriteLine($"{args[0]}: {result}");
    foreach (string difference in result.Differences)
    {
        Console.WriteLine("  " + difference);
    }

    return result.Differences.Count == 0 ? 0 : 1;
}
catch (CaptureException e)
{
    Console.Error.WriteLine(e.Message);
    return 3;
}
