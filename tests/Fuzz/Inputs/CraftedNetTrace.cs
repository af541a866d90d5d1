using TraceReplay.Ingest.Tests.NetTrace;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Files of the runtime's event pipe with any descriptions, blocks and events.</summary>
internal static class CraftedNetTrace
{
    public static byte[] Of(Random random)
    {
        NetTraceBuilder b = new(Numbers.Of(random, 6, 6, 4), random.Next(8) == 0 ? (long)Numbers.Edge(random) : 1_000_000_000, random.Next(8) == 0 ? (int)Numbers.Edge(random) : 4);
        int kinds = random.Next(1, 4);
        for (int i = 1; i <= kinds; i++)
        {
            (string, int)[] fields = [.. Enumerable.Range(0, random.Next(6)).Select(_ => ($"{CraftedTraceDat.Name(random)}_", random.Next(40) == 0 ? random.Next(256) : Numbers.Of(random, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18)))];
            switch (random.Next(40))
            {
                case > 25:
                    b.Metadata(i, CraftedTraceDat.Name(random), CraftedTraceDat.Name(random), random.Next(100), fields);
                    break;
                case 0:
                    b.Description(Numbers.Bytes(random, 100));
                    break;
                default:
                    b.Tracepoint(i, "kvm", Numbers.Of(random, "kvm_page_fault", "kvm_exit", "kvm_entry", "kvm_fpu"), i, fields);
                    break;
            }
        }

        long time = 2000;
        for (int n = random.Next(1, 7); n > 0; n--)
        {
            switch (random.Next(30))
            {
                case 0:
                    b.Block(random.Next(8), Numbers.Of(random, "EventBlock", "StackBlock", "SPBlock", "MetadataBlock", "x"), Numbers.Bytes(random, 200));
                    break;
                case 1 or 2 or 3:
                    b.Lose(random.Next(4), (int)Numbers.Edge(random));
                    break;
                default:
                    b.Events([.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => (
                        random.Next(100) == 0 ? (int)Numbers.Edge(random) : random.Next(1, kinds + 1),
                        random.Next(1, 4),
                        random.Next(10) == 0 ? (int)Numbers.Edge(random) : random.Next(4),
                        time = random.Next(10) == 0 ? (long)Numbers.Edge(random) : time + random.Next(1000),
                        NetTraceBuilder.Padded(NetTraceBuilder.Common(random.Next(1, 800), random.Next(100)), Numbers.Bytes(random, 60))))]);
                    break;
            }
        }

        byte[] file = b.Build();
        for (int n = random.Next(3) == 0 ? random.Next(1, 5) : 0; n > 0; n--)
        {
            int at = random.Next(2) == 0 || b.Boundaries.Count == 0 ? random.Next(file.Length) : (int)b.Boundaries[random.Next(b.Boundaries.Count)] + random.Next(0, 24);
            Numbers.Strike(file, at, random);
        }

        return file;
    }

    public static byte[] Seed(int version)
    {
        NetTraceBuilder b = new(version);
        b.Tracepoint(1, "kvm", "kvm_fpu", 1, ("load", 10));
        b.Events(
            (1, 1, 0, 2000, NetTraceBuilder.Padded(NetTraceBuilder.Common(700, 42), NetTraceBuilder.Bytes(1))),
            (1, 2, 1, 2100, NetTraceBuilder.Padded(NetTraceBuilder.Common(700, 43), NetTraceBuilder.Bytes(0))));
        b.Lose(1, 2).Events((1, 1, 0, 2200, NetTraceBuilder.Padded(NetTraceBuilder.Common(700, 42), NetTraceBuilder.Bytes(1))));
        return b.Build();
    }
}
