using System.Globalization;
using TraceReplay.MemslotMaker;

if (args.Length < 2 || !int.TryParse(args[0], CultureInfo.InvariantCulture, out int calls) || !int.TryParse(args[1], CultureInfo.InvariantCulture, out int seed))
{
    Console.Error.WriteLine("usage: MemslotMaker CALLS SEED [without-calls]   writes an ftrace text of 7.2");
    return 2;
}

bool withoutCalls = args.Contains("without-calls");
using StreamWriter output = new(Console.OpenStandardOutput());
foreach (string line in new MemslotStorm(calls, seed).Make().Split('\n'))
{
    if (!withoutCalls || !line.Contains(": set_region", StringComparison.Ordinal))
    {
        output.Write(line + '\n');
    }
}

return 0;
