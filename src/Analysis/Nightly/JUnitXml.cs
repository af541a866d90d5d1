using System.Globalization;
using System.Text;
using System.Xml;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Nightly;

/// <summary>junit.xml: a test case for each comparison, new kind, finding and failed capture; without a verdict, or known before, it is skipped.</summary>
internal static class JUnitXml
{
    public static string Text(NightReport report)
    {
        using Utf8Text text = new();
        using (XmlWriter xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, NewLineChars = "\n", CheckCharacters = false }))
        {
            xml.WriteStartElement("testsuites");
            xml.WriteAttributeString("name", $"tracereplay nightly {SummaryJson.Day(report.Night)}");
            foreach (IGrouping<string, Comparison> group in report.Comparisons.GroupBy(c => c.Subject).OrderBy(g => g.Key, StringComparer.Ordinal))
            {
                Suite(xml, group.Key, [.. group.Select(c => new Case(
                    NightText.Quantity(c),
                    c.Verdict is Verdict.Regression or Verdict.Suspected ? $"{NightText.Effect(c)}; {NightText.Evidence(c)}" : null,
                    c.Verdict == Verdict.NotYet ? NightText.Evidence(c) : null))]);
            }

            Suite(xml, "new kinds", [.. report.NewKinds.Select(k => new Case($"{k.Metric} {k.Kind}", NightText.Line(k), null))]);
            if (report.Quantities > report.Judged)
            {
                Suite(xml, "coverage", [new Case("quantities that could be judged", null, $"{NightText.Coverage(report)}; largest that could not: {string.Join("; ", report.Unjudged.Take(3).Select(c => $"{c.Subject}: {NightText.Quantity(c)} {NightText.Effect(c)}"))}")]);
            }

            Suite(xml, "findings", [.. report.Findings.Select(f => new Case($"{f.Severity} {f.Finding}", null, NightFindings.Line(f)))]);
            Suite(xml, "captures", [.. report.Failures.Select(f => new Case(f.Split(": ")[0], f, null))]);
            xml.WriteEndElement();
        }

        return text + "\n";
    }

    private sealed record Case(string Name, string? Failure, string? Skipped);

    private static void Suite(XmlWriter xml, string name, IReadOnlyList<Case> cases)
    {
        xml.WriteStartElement("testsuite");
        Attribute(xml, "name", name);
        Attribute(xml, "tests", Count(cases.Count));
        Attribute(xml, "failures", Count(cases.Count(c => c.Failure is not null)));
        Attribute(xml, "skipped", Count(cases.Count(c => c.Skipped is not null)));
        foreach (Case c in cases)
        {
            xml.WriteStartElement("testcase");
            Attribute(xml, "classname", name);
            Attribute(xml, "name", c.Name);
            if ((c.Failure ?? c.Skipped) is { } why)
            {
                xml.WriteStartElement(c.Failure is null ? "skipped" : "failure");
                Attribute(xml, "message", why);
                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    // Names come from captures and file names: what XML cannot hold becomes a question mark.
    private static void Attribute(XmlWriter xml, string name, string value) =>
        xml.WriteAttributeString(name, string.Concat(Printable.Line(value).Select(c => XmlConvert.IsXmlChar(c) || char.IsSurrogate(c) ? c : '?')));

    private static string Count(int n) => n.ToString(CultureInfo.InvariantCulture);

    private sealed class Utf8Text() : StringWriter(CultureInfo.InvariantCulture)
    {
        public override Encoding Encoding => Encoding.UTF8;
    }
}
