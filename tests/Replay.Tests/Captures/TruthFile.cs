using System.Globalization;
using System.Text.RegularExpressions;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>What the VMM of a capture saw: one pass of guest accesses a line, <c>op key=value …</c>.</summary>
public sealed partial class TruthFile
{
    private TruthFile(IReadOnlyList<Op> ops) => Ops = ops;

    public IReadOnlyList<Op> Ops { get; }

    /// <summary>Whether the file is of the form that tells where KVM_RUN returned EFAULT, if its VMM made any passes.</summary>
    public static bool TellsEfaults(string path) => File.ReadLines(path).FirstOrDefault(line => line.StartsWith("op ", StringComparison.Ordinal))?.Contains("efault_ranges=", StringComparison.Ordinal) ?? true;

    public static TruthFile Read(string path)
    {
        List<Op> ops = [];
        foreach (string line in File.ReadLines(path).Where(line => line.StartsWith("op ", StringComparison.Ordinal)))
        {
            Dictionary<string, string> fields = KeyValue().Matches(line).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
            ops.Add(new Op(
                int.Parse(fields["n"], CultureInfo.InvariantCulture),
                Hex(fields["start"]),
                Hex(fields["end"]),
                int.Parse(fields["efault"], CultureInfo.InvariantCulture),
                Ranges(fields["efault_ranges"]),
                Count("mmio_r") + Count("mmio_w"),
                Count("nisv"),
                Count("guest_exc")));

            int Count(string field) => fields.TryGetValue(field, out string? count) ? int.Parse(count, CultureInfo.InvariantCulture) : 0;
        }

        return new TruthFile(ops);
    }

    private static List<(ulong Start, ulong End)> Ranges(string text) => text == "-"
        ? []
        : [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(range => range.Split('-')).Select(r => (Hex(r[0]), Hex(r[1])))];

    private static ulong Hex(string text) => ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\w+)=(\S+)")]
    private static partial Regex KeyValue();

    /// <param name="N">Number of the pass; the markers in the trace carry it.</param>
    /// <param name="Start">First guest physical address touched.</param>
    /// <param name="End">Behind the last.</param>
    /// <param name="Efaults">KVM_RUN calls that returned EFAULT.</param>
    /// <param name="EfaultRanges">Guest addresses where they did.</param>
    /// <param name="Mmio">Accesses that KVM_RUN returned as MMIO.</param>
    /// <param name="NoSyndrome">KVM_RUN calls that returned ENOSYS (arm64).</param>
    /// <param name="Aborts">Aborts that the guest took (arm64).</param>
    public sealed record Op(int N, ulong Start, ulong End, int Efaults, IReadOnlyList<(ulong Start, ulong End)> EfaultRanges, int Mmio, int NoSyndrome, int Aborts)
    {
        public IEnumerable<ulong> EfaultGfns() =>
            EfaultRanges.SelectMany(r => Enumerable.Range(0, (int)((r.End - r.Start) >> 12)).Select(i => (r.Start >> 12) + (ulong)i));
    }
}
