using System.Globalization;
using TraceReplay.GrowTraceDat;

// Makes a large trace.dat out of a small one: the ring buffer's pages again and again, each copy later than the one before, so
// that the result is what a longer recording of the same load would be. Pages are written unpacked: BYTES is what they take.
if (args.Length != 3 || !long.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out long wanted))
{
    Console.Error.WriteLine("usage: GrowTraceDat TRACE.DAT BYTES OUT");
    return 2;
}

try
{
    SmallCapture small = SmallCapture.Read(args[0]);
    int copies = (int)Math.Max(1, (wanted + (small.PageBytes / 2)) / small.PageBytes);
    small.Write(args[2], copies);
    Console.WriteLine(copies);
    return 0;
}
catch (InvalidDataException e)
{
    Console.Error.WriteLine($"{args[0]}: {e.Message}");
    return 3;
}
