using System.Globalization;
using CsCheck;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Scripts;
using TraceReplay.Replay.Tests.Oracle;
using Xunit;

namespace TraceReplay.Replay.Tests.Scripts;

/// <summary>The scripts beside this file say in their comments what is expected of each model; the oracle has to agree too.</summary>
public class ScriptTests
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Scripts");

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(s_folder, "*.txt").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Scenario(string file)
    {
        string[] lines = File.ReadAllLines(Path.Combine(s_folder, file));
        List<Operation> operations = ScriptReader.Read(new StringReader(string.Join('\n', lines)), file);
        string[] expected = [.. lines.Where(line => line.StartsWith("# expect ", StringComparison.Ordinal))];
        Assert.NotEmpty(expected);
        foreach (string line in expected)
        {
            string[] parts = line["# expect ".Length..].Split(':', 2, StringSplitOptions.TrimEntries);
            string[] model = parts[0].Split('@');
            ScriptReport report = ScriptRunner.Run(operations, new ReplayOptions { Models = [model[0]], Setting = model[1] }, vendor: "npt");
            Assert.Equal((parts[1], 0), (string.Join("; ", report.Outcomes.Select(Cell)), report.Unfinished));
            Assert.All(report.Outcomes, row => Assert.Equal(model[1], row.Setting));
        }

        Assert.Null(Comparison.FirstDifference(operations, ept: false));
        Assert.Null(Comparison.FirstDifference(operations, ept: true));
    }

    [Fact]
    public void What_is_written_reads_back() =>
        Gen.ULong.Array[1, 50].Sample(moves =>
        {
            List<Operation> operations = Sequence.Of(moves).Operations;
            string script = ScriptWriter.Write(operations);
            List<Operation> back = ScriptReader.Read(new StringReader(script), "script");
            Assert.Equal(operations, back);
            Assert.Equal(script, ScriptWriter.Write(back));
        }, iter: 500);

    /// <summary>Every kind of operation, with numbers that no sequence has.</summary>
    [Theory]
    [InlineData("vm 3 as 1 slot 7 gfn 0x100 pages 16 hva 0x7f0000000000 log_dirty readonly flags 0x80")]
    [InlineData("window begin 0x1000 0x2000 event 6")]
    [InlineData("window end 0x1000 0x2000 seq 0 in_progress 1")]
    [InlineData("pte 0x1000 absent")]
    [InlineData("vma 0x1000 0x2000 bo 0xb0 read pfnmap flags 0x100000")]
    [InlineData("no_block_orders")]
    [InlineData("fault begin 4095 gpa 0x1234 slots_unknown 2 present shadow")]
    [InlineData("leaf gfn 0x10 level 1 old 0x8000000000000867 new 0x5a0 seq 12")]
    public void A_line_in_its_canonical_form_is_written_as_it_was_read(string line) =>
        Assert.Equal(line + "\n", ScriptWriter.Write(ScriptReader.Read(new StringReader(line), "script")));

    [Theory]
    [InlineData("slot", "the end of the line, expected a number for the slot's id")]
    [InlineData("slot 1 pages 3", "'pages', expected 'gfn'")]
    [InlineData("slot 1 gfn 0xg pages 3 hva 0", "'0xg', expected a number for gfn")]
    [InlineData("vm 64 zap_all", "vm '64', expected at most 63")]
    [InlineData("zap gfn 1 level 0", "level 0, expected at least 1")]
    [InlineData("zap gfn 1 level 4", "level '4', expected at most 3")]
    [InlineData("zap_all now", "'now', expected the end of 'zap_all'")]
    [InlineData("pte 0x1000 writable", "'writable', expected 'pfn' or 'absent'")]
    [InlineData("vma of kind Q1 0 1", "'Q1', expected one of Unknown Gup A1 A2 A3 F1 D1 P0 P1 P2 P3 P4 P5 P6 P7 P7Tail P8 P9 P10 Pz G1 N S H NoSlot Free")]
    [InlineData("fault map 0", "fault 0 is not open, expected 'fault begin 0' before")]
    [InlineData("explode", "'explode', expected an operation such as 'slot', 'window begin' or 'fault begin'")]
    public void A_line_that_is_no_operation_is_refused_in_one_line(string line, string complaint)
    {
        ScriptException refused = Assert.Throws<ScriptException>(() => ScriptReader.Read(new StringReader($"# comment\n\nzap_all # and more\n{line}"), "s.txt"));
        Assert.Equal($"s.txt:4: {complaint}", refused.Message);
    }

    private static string Cell(ScriptOutcome row) => string.Concat(
        row.Outcome,
        row.Level is { } level ? string.Create(CultureInfo.InvariantCulture, $" {(row.Writable == true ? "rw" : "ro")} L{level}") : "",
        row.RefsGot + row.RefsPut == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" +{row.RefsGot}-{row.RefsPut}"),
        row.MarkedAccessed + row.MarkedDirty == 0 ? "" : $" {(row.MarkedAccessed > 0 ? "A" : "")}{(row.MarkedDirty > 0 ? "D" : "")}");
}
