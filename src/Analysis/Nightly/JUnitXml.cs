using System.Globalization;
using System.Text;
using System.Xml;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Nightly;

/// <summary>junit.xml: a test case for each comparison, new kind, finding and failed capture, with the captures that show it; without a verdict, or known before, it is skipped.</summary>
internal static class JUnitXml
{
    public static string Text(NightReport report)
    {
        List<(string Name, List<Case> Cases)> suites = Suites(report);
        using Utf8Text text = new();
        using (XmlWriter xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, NewLineChars = "\n", CheckCharacters = false }))
        {
            xml.WriteStartElement("testsuites");
            xml.WriteAttributeString("name", $"tracereplay nightly {SummaryJson.Day(report.Night)}");
            Totals(xml, [.. suites.SelectMany(s => s.Cases)]);
            foreach ((string name, List<Case> cases) in suites)
            {
                Suite(xml, name, cases);
            }

            xml.WriteEndElement();
        }

        return text + "\n";
    }

    private static List<(string Name, List<Case> Cases)> Suites(NightReport report)
    {
        List<(string Name, List<Case> Cases)> suites =
        [
            .. report.Comparisons.GroupBy(c => c.Subject).OrderBy(g => g.Key, StringComparer.Ordinal).Select(group => (group.Key, group.Select(c => new Case(
                NightText.Quantity(c),
                c.Verdict is Verdict.Regression or Verdict.Suspected ? $"{NightText.Sentence(c)}; {NightText.Evidence(c)}" : null,
                c.Verdict == Verdict.NotYet ? $"{NightText.Sentence(c)}; {NightText.Evidence(c)}" : null,
                SummaryJson.Name(c.Verdict),
                c.Leads)).ToList())),
            ("new kinds", [.. report.NewKinds.Select(k => new Case($"{k.Metric} {k.Kind}", NightText.Line(k), null, "new kind", k.Leads))]),
        ];
        if (report.Quantities > report.Judged)
        {
            suites.Add(("coverage", [new Case("quantities that could be judged", null, $"{NightText.Coverage(report)}; largest that could not: {string.Join("; ", report.Unjudged.Take(3).Select(c => $"{c.Subject}: {NightText.Sentence(c)}"))}")]));
        }

        suites.Add(("findings", [.. report.Findings.Select(f => new Case($"{f.Severity} {f.Finding}", null, NightFindings.Line(f), f.Severity, f.Leads))]));
        suites.Add(("captures", [.. report.Failures.Select(f => new Case(f.Split(": ")[0], f, null, "unreadable"))]));
        return suites;
    }

    private sealed record Case(string Name, string? Failure, string? Skipped, string Type = "", IReadOnlyList<NightLead>? Leads = null);

    private static void Totals(XmlWriter xml, IReadOnlyList<Case> cases)
    {
        Attribute(xml, "tests", Count(cases.Count));
        Attribute(xml, "failures", Count(cases.Count(c => c.Failure is not null)));
        Attribute(xml, "skipped", Count(cases.Count(c => c.Skipped is not null)));
    }

    private static void Suite(XmlWriter xml, string name, IReadOnlyList<Case> cases)
    {
        xml.WriteStartElement("testsuite");
        Attribute(xml, "name", name);
        Totals(xml, cases);
        foreach (Case c in cases)
        {
            xml.WriteStartElement("testcase");

            // A reader takes what stands before the last dot for a package.
            Attribute(xml, "classname", name.Replace('.', '_'));
            Attribute(xml, "name", c.Name);
            if ((c.Failure ?? c.Skipped) is { } why)
            {
                xml.WriteStartElement(c.Failure is null ? "skipped" : "failure");
                Attribute(xml, "message", why);
                if (c.Failure is not null)
                {
                    Attribute(xml, "type", c.Type);
                }

                if (c.Leads is { Count: > 0 })
                {
                    xml.WriteString(Fit(string.Join('\n', c.Leads.Select(lead => Printable.Line(lead.Line(NightLead.AnyDataset))))));
                }

                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    // Names come from captures and file names: what XML cannot hold becomes a question mark.
    private static void Attribute(XmlWriter xml, string name, string value) =>
        xml.WriteAttributeString(name, Fit(Printable.Line(value)));

    private static string Fit(string text) => string.Concat(text.Select(c => XmlConvert.IsXmlChar(c) || char.IsSurrogate(c) ? c : '?'));

    private static string Count(int n) => n.ToString(CultureInfo.InvariantCulture);

    private sealed class Utf8Text() : StringWriter(CultureInfo.InvariantCulture)
    {
        public override Encoding Encoding => Encoding.UTF8;
    }
}
