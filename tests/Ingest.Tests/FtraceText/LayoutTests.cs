using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using TraceReplay.Ingest.FtraceText;
using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Layouts against regular expressions that say the same.</summary>
public sealed class LayoutTests
{
    private static readonly IReadOnlyList<EventField> s_fields = [.. LayoutFile.CommonFields, LayoutFile.Field("a", 'u', 8, 8), LayoutFile.Field("b", 'u', 8, 16), LayoutFile.Field("c", 'u', 8, 24)];

    // Literals of all lengths around those that are compared at once; a blank never stands beside another.
    private static readonly Gen<string> s_literal = Gen.Char["ghij,= "].Array[1, 22].Select(c => Regex.Replace(new string(c), " +", " "));

    private static readonly string[] s_insteadOfBlanks = [" ", " ", " ", "  ", "\t", "\n", "", "x"];
    private static readonly Gen<string> s_blanks = Gen.Int[0, s_insteadOfBlanks.Length - 1].Select(i => s_insteadOfBlanks[i]);

    [Fact]
    public void Literals_and_numbers_are_read_as_a_regular_expression_reads_them() =>
        Gen.Select(s_literal.Array[3], Gen.ULong.Array[3], s_blanks.Array[12], Gen.Int[0, 80]).Sample(
            (literals, numbers, blanks, cut) =>
            {
                Layout layout = Layout.Compile($"{literals[0]}{{a}}{literals[1]}{{b:x}}{literals[2]}{{c:#x}}", s_fields, new Dictionary<string, ValueTable>());
                int blank = 0;
                string Altered(string literal) => string.Concat(literal.Select(c => c == ' ' ? blanks[blank++ % blanks.Length] : c.ToString()));
                string text = $"{Altered(literals[0])}{numbers[0]}{Altered(literals[1])}{numbers[1]:x}{Altered(literals[2])}0x{numbers[2]:x}";
                text = cut < text.Length && cut % 4 == 0 ? text[..cut] : text;
                Match match = Regex.Match(text.TrimEnd(' ', '\t'), $"^{Pattern(literals[0])}([0-9]+){Pattern(literals[1])}([0-9a-f]+){Pattern(literals[2])}(?:0x)?([0-9a-f]+)\\z");

                EventWriter writer = new();
                writer.Begin(new RecordShape(s_fields, 32));
                byte[] bytes = Encoding.ASCII.GetBytes(text);
                bool matches = layout.Match(bytes, writer, sure: true);
                Assert.Equal(match.Success, matches);
                Assert.True(!matches || layout.MayMatch(bytes));
                if (matches)
                {
                    ulong[] read = [.. Enumerable.Range(0, 3).Select(i => BitConverter.ToUInt64(writer.Payload[(8 + (8 * i))..]))];
                    Assert.Equal([ulong.Parse(match.Groups[1].Value, null), Convert.ToUInt64(match.Groups[2].Value, 16), Convert.ToUInt64(match.Groups[3].Value, 16)], read);
                }
            },
            iter: 20_000);

    private static string Pattern(string literal) => string.Concat(literal.Select(c => c == ' ' ? "(?>[ \\t\\n]+)" : Regex.Escape(c.ToString())));
}
