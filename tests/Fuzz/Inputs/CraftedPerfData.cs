using TraceReplay.Ingest.Tests.PerfData;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Files of perf's format with any events, sample types and records.</summary>
internal static class CraftedPerfData
{
    public static byte[] Of(Random random)
    {
        PerfDataBuilder b = new()
        {
            BigEndian = random.Next(6) == 0,
            Pipe = random.Next(3) == 0,
            OldMagic = random.Next(10) == 0,
            LongSize = random.Next(4) == 0 ? 4 : 8,
            AttrSize = Numbers.Of(random, 64, 72, 80, 96, 104, 112, 120, 128, 136, 144),
            Compressed = Numbers.Of(random, 0, 0, 0, 81, 83),
            CompressedPiece = random.Next(1, 400),
            SampleIdAll = random.Next(4) > 0,
            WithFormats = random.Next(8) > 0,
            ClockId = random.Next(3) == 0 ? (int)Numbers.Edge(random) : null,
        };
        for (int i = 0, n = random.Next(1, 4); i < n; i++)
        {
            ulong type = random.Next(3) > 0 ? PerfDataBuilder.Usual : random.Next(2) == 0 ? PerfDataBuilder.Usual ^ (1UL << random.Next(24)) : (ulong)random.NextInt64();
            if (random.Next(4) > 0)
            {
                b.AddTracepoint(random.Next(4) == 0 ? CraftedTraceDat.Name(random) : "kvm_fpu", 700 + i, type);
            }
            else
            {
                b.Events.Add((random.Next(2) == 0 ? null : CraftedTraceDat.Name(random), (uint)Numbers.Edge(random), Numbers.Edge(random), type, Numbers.Edge(random), [(ulong)(700 + i)]));
                b.Formats.Add((random.Next(2) == 0 ? "kvm" : CraftedTraceDat.Name(random), CraftedTraceDat.Format(random, 700 + i)));
            }
        }

        ulong time = 1000;
        for (int n = random.Next(40); n > 0; n--)
        {
            time = random.Next(10) == 0 ? Numbers.Edge(random) : time + (ulong)random.Next(1000);
            uint cpu = random.Next(10) == 0 ? (uint)Numbers.Edge(random) : (uint)random.Next(3);
            b.Records.Add(random.Next(12) switch
            {
                0 => b.Comm(42, 42, CraftedTraceDat.Name(random), time),
                1 => b.Fork(42, (uint)random.Next(100), time),
                2 => b.Lost(Numbers.Edge(random), time, cpu),
                3 => b.LostSamples(Numbers.Edge(random), time, cpu),
                4 => b.Round(),
                5 => b.Record((uint)(random.Next(3) == 0 ? random.Next(60, 90) : random.Next(1, 24)), Numbers.Bytes(random, 64), random.Next(4)),
                6 => b.Sample((ulong)(700 + random.Next(4)), time, Numbers.Bytes(random, 60), cpu),
                7 => b.Record(9, Numbers.Bytes(random, 120)),
                _ => b.Tracepoint(time, (uint)Numbers.Edge(random), cpu, 700 + random.Next(2)),
            });
        }

        byte[] file = b.Build();
        for (int n = random.Next(2) == 0 ? random.Next(1, 5) : 0; n > 0; n--)
        {
            int at = random.Next(2) == 0 || b.Boundaries.Count == 0 ? random.Next(file.Length) : b.Boundaries[random.Next(b.Boundaries.Count)] + (2 * random.Next(0, 12));
            Numbers.Strike(file, at, random);
        }

        return file;
    }

    public static byte[] Seed(bool pipe, int compressed = 0, bool bigEndian = false)
    {
        PerfDataBuilder b = new() { Pipe = pipe, Compressed = compressed, BigEndian = bigEndian, ClockId = 1 };
        b.AddTracepoint();
        b.Records.AddRange([b.Comm(42, 42, "worker", 900), b.Tracepoint(1000, 1), b.Tracepoint(1010, 2, cpu: 1), b.Lost(3, 1015, 0), b.Round(), b.Tracepoint(1020, 3)]);
        return b.Build();
    }
}
