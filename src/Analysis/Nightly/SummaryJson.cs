using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Nightly;

/// <summary>summary.json: the same text for the same dataset and night, whoever made it and when.</summary>
internal static class SummaryJson
{
    private static readonly JsonWriterOptions s_options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int MostNamed = 100;

    public static string Text(NightReport report)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, s_options))
        {
            json.WriteStartObject();
            json.WriteString("night", Day(report.Night));
            json.WriteString("verdict", report.Verdict);
            json.WriteNumber("quantities", report.Quantities);
            json.WriteNumber("judged", report.Judged);
            json.WriteNumber("captures", report.Captures);
            json.WriteNumber("hosts", report.Hosts);
            json.WriteNumber("events", report.Events);
            json.WriteNumber("lost", report.Lost);
            json.WriteNumber("faults", report.Faults);
            json.WriteStartObject("fidelity");
            json.WriteNumber("missed", report.Missed);
            json.WriteStartObject("outcome");
            json.WriteNumber("total", report.Outcomes.Total);
            json.WriteNumber("matched", report.Outcomes.Matched);
            json.WriteNumber("in_set", report.Outcomes.InSet);
            json.WriteNumber("missed", report.Outcomes.Missed);
            json.WriteNumber("lost", report.Outcomes.Lost);
            json.WriteNumber("read_off", report.Outcomes.ReadOff);
            json.WriteNumber("unknown", report.Outcomes.Unknown);
            json.WriteNumber("unobserved", report.Outcomes.Unobserved);
            Number(json, "coverage", report.Outcomes.Total == 0 ? null : (double)report.Outcomes.Covered / report.Outcomes.Total);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteStartObject("baseline");
            json.WriteNumber("captures", report.BaselineCaptures);
            Array(json, "nights", report.BaselineNights, night => json.WriteStringValue(Day(night)));
            json.WriteEndObject();
            json.WriteStartObject("test");
            json.WriteString("name", "Wilcoxon-Mann-Whitney, one-sided: a class by a value for each host and night, a host by one for each capture");
            json.WriteString("correction", "Holm");
            json.WriteNumber("level", report.Level);
            json.WriteNumber("comparisons", report.Comparisons.Count(c => c.P is not null));
            json.WriteEndObject();
            Array(json, "new_kinds", report.NewKinds, kind =>
            {
                json.WriteStartObject();
                json.WriteString("metric", kind.Metric);
                json.WriteString("kind", kind.Kind);
                json.WriteString("sentence", NightText.Sentence(kind));
                json.WriteNumber("captures", kind.Captures);
                json.WriteString("example", kind.Example);
                Leads(json, kind.Leads);
                json.WriteEndObject();
            });
            Array(json, "findings", report.Findings, finding => NightFindings.Write(json, finding));
            Array(json, "regressions", report.Regressions, c => Write(json, c));
            Array(json, "unjudged", report.Unjudged.Take(MostNamed), c =>
            {
                json.WriteStartObject();
                json.WriteString("subject", c.Subject);
                json.WriteString("quantity", NightText.Quantity(c));
                json.WriteString("sentence", NightText.Sentence(c));
                Number(json, "effect", c.Effect);
                json.WriteString("needs", NightText.Needs(c));
                json.WriteEndObject();
            });
            if (report.Retention is { } retention)
            {
                json.WriteStartObject("retention");
                json.WriteNumber("captures", retention.Captures);
                Array(json, "days", retention.Days, day => json.WriteStringValue(Day(day)));
                json.WriteString("refused", retention.Refused);
                json.WriteString("future", retention.Future);
                json.WriteEndObject();
            }

            Array(json, "failures", report.Failures, json.WriteStringValue);
            Array(json, "unread", report.Unread.Take(MostNamed), json.WriteStringValue);
            json.WriteNumber("unread_events", report.Unread.Count);
            Array(json, "ignored", report.Ignored.Take(MostNamed), json.WriteStringValue);
            json.WriteNumber("ignored_files", report.Ignored.Count);
            Array(json, "comparisons", report.Comparisons.Where(c => c.Verdict is not (Verdict.Regression or Verdict.Suspected)), c => Write(json, c));
            json.WriteEndObject();
        }

        return JsonText.Escaped(Encoding.UTF8.GetString(buffer.WrittenSpan)) + "\n";
    }

    internal static string Day(DateOnly date) => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    internal static string Name(Verdict verdict) => verdict switch
    {
        Verdict.Regression => "regression",
        Verdict.Quiet => "quiet",
        Verdict.Suspected => "suspected",
        _ => "no verdict yet",
    };

    /// <summary>The captures that show a thing most, worst first.</summary>
    internal static void Leads(Utf8JsonWriter json, IReadOnlyList<NightLead> leads) => Array(json, "worst", leads, lead => lead.Write(json));

    private static void Write(Utf8JsonWriter json, Comparison c)
    {
        json.WriteStartObject();
        json.WriteString("verdict", Name(c.Verdict));
        json.WriteString("class", c.Group.HostClass);
        json.WriteString("scenario", c.Group.Scenario);
        json.WriteString("kernel", c.Group.Kernel);
        json.WriteString("host", c.Host);
        json.WriteString("metric", c.Metric);
        json.WriteString("key", c.Key);
        json.WriteString("sentence", NightText.Sentence(c));
        Number(json, "effect", c.Effect);
        Number(json, "tonight", c.Tonight);
        Number(json, "baseline", c.Baseline);
        json.WriteString("clock", c.Clock);
        json.WriteString("unit", c.Host is null ? "host and night" : c.IsWeak ? "night" : "capture");
        json.WriteString("test", c.IsWeak && c.Host is not null ? "spread of the host's nights" : "ranks");
        Number(json, "shows", c.Shows);
        json.WriteNumber("n", c.Units);
        json.WriteNumber("baseline_n", c.BaselineUnits);
        Number(json, "p", c.P);
        Number(json, "corrected_p", c.CorrectedP);
        if (c.Leads.Count > 0)
        {
            Leads(json, c.Leads);
        }

        json.WriteEndObject();
    }

    // Nine digits: sums that threads formed in another order still print alike.
    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is not { } v || !double.IsFinite(v))
        {
            json.WriteNull(name);
            return;
        }

        json.WritePropertyName(name);
        json.WriteRawValue(double.Parse(v.ToString("G9", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture));
    }

    private static void Array<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            write(item);
        }

        json.WriteEndArray();
    }
}
