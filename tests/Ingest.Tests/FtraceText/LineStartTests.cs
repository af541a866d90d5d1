using System.Text;
using CsCheck;
using TraceReplay.Ingest.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>A line says what it says, whatever lines stood before it: a dialect that has read some against one that has read none.</summary>
public sealed class LineStartTests
{
    private static readonly string[] s_comms = ["minivmm", "CPU 0/KVM", "<...>", "a[0]", "top:  inner", "a-b", "x:", "kworker/0:1-events_unbound", "", "#", "a] [001] 1.5: b"];
    private static readonly string[] s_ids = ["-12", "-12345", "-2147483648", "12", "- 7", "-12 (   99)", "-12 (-----)", "-1 (x)"];
    private static readonly string[] s_cpus = ["[000]", "[003]", "[65535]", "[65536]", "[00", "[]", "[ 1]", "003d..1."];
    private static readonly string[] s_rests = [" 1.000001: f: x", " d..1. 7.5: f: x", " 12: f: x", " 1.000001 f: x", " [001] 1.000001: f: x", "", " .: f", " 12us+: f: x"];

    // The names at the widths that kernel and trace-cmd give them, and shorter than any start that is kept.
    private static readonly Gen<string> s_lines = Gen.Select(
        Gen.Int[0, s_comms.Length - 1], Gen.Int[0, s_ids.Length - 1], Gen.Int[0, s_cpus.Length - 1], Gen.Int[0, s_rests.Length - 1], Gen.Bool,
        (comm, id, cpu, rest, wide) => $"{(wide ? s_comms[comm].PadLeft(16) : s_comms[comm])}{s_ids[id].PadRight(wide ? 8 : 0)} {s_cpus[cpu]}{s_rests[rest]}");

    [Fact]
    public void A_line_says_the_same_behind_any_other() => s_lines.Array[1, 60].Sample(
        lines =>
        {
            FtraceDialect dialect = new();
            TextRecord record = new();
            NameCache names = new();
            foreach (string line in lines.Concat(lines))
            {
                byte[] bytes = Encoding.ASCII.GetBytes(line);
                Assert.Equal(Said(bytes, new FtraceDialect(), new TextRecord(), new NameCache()), Said(bytes, dialect, record, names));
            }
        },
        iter: 2_000);

    private static string Said(byte[] line, FtraceDialect dialect, TextRecord record, NameCache names)
    {
        LineKind kind = dialect.Classify(line, out LineHeader h);
        if (kind != LineKind.Event)
        {
            return kind.ToString();
        }

        record.Start(h, 0, names);
        return $"{h.Pid} {h.Tgid} {h.Cpu} {h.Timestamp} {h.HasUnit} {h.Latency} {h.Period} {h.NoPid} "
            + $"{Encoding.ASCII.GetString(h.Comm)}|{Encoding.ASCII.GetString(h.Instance)}|{Encoding.ASCII.GetString(h.Flags)}|{Encoding.ASCII.GetString(h.Body)}|"
            + $"{record.Comm ?? "?"}|{record.Instance}|{record.CommFits}";
    }
}
