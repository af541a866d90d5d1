using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Xml;

namespace TraceReplay.Analysis.Nightly;

/// <summary>The files of a night that other programs read (contract, section 5): each whole or not at all, the same to the byte for the same night.</summary>
internal static class NightOutputs
{
    public const string Summary = "summary.json";
    public const string Junit = "junit.xml";
    public const string Metrics = "metrics.prom";
    public const string Report = "report.html";

    public static IReadOnlyList<string> All { get; } = [Summary, Junit, Metrics, Report];

    public static void WriteSummary(Stream output, NightSummary night) => JsonSerializer.Serialize(output, night, SummaryJson.Readable.NightSummary);

    public static NightSummary? ReadSummary(string path)
    {
        using FileStream file = File.OpenRead(path);
        return JsonSerializer.Deserialize(file, SummaryJson.Readable.NightSummary);
    }

    /// <summary>A test case for each comparison and each capture that was refused, in the form that CI servers read.</summary>
    public static void WriteJunit(Stream output, NightSummary night)
    {
        using var xml = XmlWriter.Create(output, new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), NewLineChars = "\n", CheckCharacters = false });
        int failures = night.Comparisons.Count(c => c.IsRegression);
        int skipped = night.Comparisons.Count(c => c.Verdict == NightVerdict.None);
        xml.WriteStartElement("testsuites");
        xml.WriteStartElement("testsuite");
        Attributes(xml, ("name", $"tracereplay night {night.Date:yyyy-MM-dd}"), ("tests", Number(night.Comparisons.Count + night.Refusals.Count)), ("failures", Number(failures)), ("errors", Number(night.Refusals.Count)), ("skipped", Number(skipped)), ("timestamp", $"{night.Date:yyyy-MM-dd}T00:00:00"));
        foreach (NightComparison c in night.Comparisons)
        {
            xml.WriteStartElement("testcase");
            Attributes(xml, ("classname", Printable($"{c.Class}.{c.Kernel}.{c.Scenario}")), ("name", Printable(c.Host is null ? c.Quantity : $"{c.Quantity} on {c.Host}")));
            if (c.IsRegression)
            {
                xml.WriteStartElement("failure");
                Attributes(xml, ("type", c.Verdict), ("message", Printable(Say(c))));
                xml.WriteEndElement();
            }
            else if (c.Verdict == NightVerdict.None)
            {
                xml.WriteStartElement("skipped");
                Attributes(xml, ("message", Printable(c.Test)));
                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        foreach (NightRefusal refusal in night.Refusals)
        {
            xml.WriteStartElement("testcase");
            Attributes(xml, ("classname", Printable($"inbox.{refusal.Host}")), ("name", Printable(refusal.Name)));
            xml.WriteStartElement("error");
            Attributes(xml, ("message", Printable(refusal.Reason)));
            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    /// <summary>Prometheus text, for a node exporter's textfile directory.</summary>
    public static void WriteMetrics(Stream output, NightSummary night)
    {
        var text = new StringBuilder();
        Gauge("captures", "Captures of the night.", night.Captures);
        Gauge("hosts", "Hosts that sent captures.", night.Hosts);
        Gauge("events", "Events in them.", night.Events);
        Gauge("faults", "Page faults in them.", night.Faults);
        Gauge("lost_records", "Records that their recorders lost.", night.Lost);
        Gauge("refused_captures", "Captures that could not be read, or only in part.", night.Refusals.Count);
        if (night.Fidelity is { } fidelity)
        {
            Gauge("fidelity_ratio", "Share of compared faults whose outcome the captured kernel's model predicted.", fidelity);
        }

        Gauge("violations", "Breaches of invariants that are certain.", night.Violations);
        Gauge("divergences", "Faults that two models end differently.", night.Divergences);
        Gauge("infidelities", "Misses of the captured kernel's model without a recorded cause.", night.Infidelities);
        Gauge("regressions", "Comparisons with the baseline that ended in a regression or a new kind of finding.", night.Comparisons.Count(c => c.IsRegression));
        Gauge("tests", "Statistical tests made.", night.Tests);
        Gauge("night_seconds", "The night's date, midnight UTC.", new DateTimeOffset(night.Date.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc)).ToUnixTimeSeconds());
        List<NightComparison> latencies = [.. night.Comparisons.Where(c => c.Host is null && c.Quantity == "latency p50 all" && c.Tonight is not null)];
        if (latencies.Count > 0)
        {
            text.Append("# HELP tracereplay_latency_p50_seconds Median over hosts of the median latency of a fault.\n# TYPE tracereplay_latency_p50_seconds gauge\n");
            foreach (NightComparison c in latencies.OrderBy(c => c.Class, StringComparer.Ordinal).ThenBy(c => c.Kernel, StringComparer.Ordinal).ThenBy(c => c.Scenario, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"tracereplay_latency_p50_seconds{{class=\"{Label(c.Class)}\",kernel=\"{Label(c.Kernel)}\",scenario=\"{Label(c.Scenario)}\"}} {c.Tonight / 1e9:R}\n");
            }
        }

        output.Write(Encoding.UTF8.GetBytes(text.ToString()));

        void Gauge(string name, string help, double value) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP tracereplay_{name} {help}\n# TYPE tracereplay_{name} gauge\ntracereplay_{name} {value:R}\n");
    }

    /// <summary>A comparison in one sentence, the effect first.</summary>
    public static string Say(NightComparison c)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        if (c.Verdict == NightVerdict.NewKind)
        {
            return string.Create(culture, $"{c.Quantity}: {c.Tonight:0} found {c.Test}");
        }

        string effect = c.Unit == "ns"
            ? string.Create(culture, $"{c.Effect:0.00} times ({c.Baseline / 1000:0.00} us before, {c.Tonight / 1000:0.00} us tonight)")
            : string.Create(culture, $"{c.Effect * 100:+0.00;-0.00} points ({c.Baseline * 100:0.00} % before, {c.Tonight * 100:0.00} % tonight)");
        return string.Create(culture, $"{c.Quantity}{(c.Host is null ? "" : " on " + c.Host)}: {effect}, p = {c.CorrectedP:0.0e+0} corrected ({c.P:0.0e+0} alone), {c.Test}, {c.TonightCaptures} captures against {c.BaselineCaptures}");
    }

    private static void Attributes(XmlWriter xml, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        foreach ((string name, string value) in attributes)
        {
            xml.WriteAttributeString(name, value);
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>What XML 1.0 has no character for is shown as a replacement: names come from file names and traces.</summary>
    private static string Printable(string text) => string.Concat(text.Select(c => XmlConvert.IsXmlChar(c) ? c : '\uFFFD'));

    private static string Label(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}

[JsonSerializable(typeof(NightSummary))]
internal sealed partial class SummaryJson : JsonSerializerContext
{
    public static SummaryJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    });
}
