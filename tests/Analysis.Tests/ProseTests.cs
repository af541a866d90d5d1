using TraceReplay.Analysis.Report.Html;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public sealed class ProseTests
{
    [Fact]
    public void No_line_ends_between_a_number_and_its_per_cent_sign()
    {
        for (int width = 20; width <= 100; width++)
        {
            StringWriter output = new() { NewLine = "\n" };
            Prose.Labelled(output, "fidelity", "outcome 14,337 of 14,337 decided (100 %), coverage 42.86 % of 14,337 faults; 7 % of all", indent: 11, width);
            Assert.DoesNotContain("\n           %", output.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_page_keeps_them_together_and_leaves_a_command_as_it_is()
    {
        StringWriter output = new();
        new HtmlWriter(output).Element("p", "100 % of 3").Element("code", "around 'a 5 %.dat'");
        Assert.Equal("<p>100&#xA0;% of 3</p><code>around &#x27;a 5 %.dat&#x27;</code>", output.ToString());
    }
}
