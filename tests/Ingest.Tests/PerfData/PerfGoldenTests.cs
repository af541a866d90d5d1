using TraceReplay.PerfScriptCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.PerfData;

/// <summary>Real captures against what perf made of them; Golden/README.md says where both come from.</summary>
public sealed class PerfGoldenTests
{
    private static string Directory => Path.Combine(AppContext.BaseDirectory, "PerfData", "Golden");

    private static string Unpacked(string name)
    {
        using StreamReader reader = new(new ZstdSharp.DecompressionStream(File.OpenRead(Path.Combine(Directory, name + ".zst"))));
        return reader.ReadToEnd();
    }

    private static PerfScriptComparer Compare(string name, string fields, string text)
    {
        PerfScriptComparer comparer = new();
        comparer.Compare(Path.Combine(Directory, name + ".perf.data.zst"), new StringReader(fields), new StringReader(text));
        return comparer;
    }

    [Theory]
    [InlineData("mmio-6.1", 10020)]
    [InlineData("mono-g", 2745)]
    [InlineData("zpipe", 2745)]
    public void Every_row_and_field_equals_perf_scripts(string name, long events)
    {
        PerfScriptComparer comparer = Compare(name, Unpacked(name + ".fields"), Unpacked(name + ".text"));
        Assert.Empty(comparer.Differences);
        Assert.Equal(events, comparer.Events);
    }

    [Theory]
    [InlineData("\"len\": 1368064", "\"len\": 1368065", "len is 1368064, perf has 1368065")]
    [InlineData("\"fd\": 4294967295", "\"fd\": 4294967294", "fd is 4294967295, perf has 4294967294")]
    [InlineData("\"tid\": 621", "\"tid\": 622", "tid is 621, perf has 622")]
    [InlineData("\"comm\": \"minivmm\"", "\"comm\": \"minivm\"", "comm is minivmm, perf has minivm")]
    [InlineData("\"event\": \"kvm.kvm_exit\"", "\"event\": \"kvm.kvm_exot\"", "event is kvm_kvm_exit, perf has kvm_kvm_exot")]
    public void The_comparison_sees_a_single_changed_value(string from, string to, string difference)
    {
        string fields = Unpacked("zpipe.fields");
        int at = fields.IndexOf(from, StringComparison.Ordinal);
        PerfScriptComparer comparer = Compare("zpipe", string.Concat(fields.AsSpan(0, at), to, fields.AsSpan(at + from.Length)), Unpacked("zpipe.text"));
        Assert.EndsWith(difference, Assert.Single(comparer.Differences), StringComparison.Ordinal);
    }

    [Fact]
    public void The_comparison_sees_a_missing_event()
    {
        string fields = Unpacked("zpipe.fields");
        string text = Unpacked("zpipe.text");
        Assert.NotEmpty(Compare("zpipe", fields[..(fields.TrimEnd().LastIndexOf('\n') + 1)], text).Differences);
    }
}
