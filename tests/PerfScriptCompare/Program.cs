using TraceReplay.Ingest.Capture;
using TraceReplay.PerfScriptCompare;

// PerfScriptCompare CAPTURE FIELDS TEXT: FIELDS is what perf script -s fields.py wrote, TEXT the output of
// perf script -F comm,tid,pid,cpu,time,event,trace --ns, or - where perf has no such text of this file.
if (args.Length != 3)
{
    Console.Error.WriteLine("usage: PerfScriptCompare CAPTURE FIELDS TEXT");
    return 2;
}

try
{
    PerfScriptComparer comparer = new();
    using StreamReader fields = new(args[1]);
    using StreamReader? text = args[2] == "-" ? null : new StreamReader(args[2]);
    comparer.Compare(args[0], fields, text);
    Console.WriteLine($"{args[0]}: {comparer}");
    foreach (string difference in comparer.Differences)
    {
        Console.WriteLine("  " + difference);
    }

    return comparer.Differences.Count == 0 ? 0 : 1;
}
catch (CaptureException e)
{
    Console.Error.WriteLine(e.Message);
    return 3;
}
