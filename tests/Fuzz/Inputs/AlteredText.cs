using System.Text;
using System.Text.RegularExpressions;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Texts of recordings whose lines, columns and numbers are changed, as mails and terminals change them, or as nobody would.</summary>
internal static partial class AlteredText
{
    private static readonly string[] s_lines =
    [
        "# tracer: nop", "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION", "CPU:1 [LOST 5 EVENTS]", "##### CPU 2 buffer started ####", "# tracer: function_graph",
        "# entries-in-buffer/entries-written: 9/10   #P:2", "qemu 1234 [001] 12.5: kvm:kvm_exit: x", "\tffffffff81000000 symbol+0x4 ([kernel.kallsyms])", "", "> quoted", "<stack trace>", " => f <ffffffff81000000>",
    ];

    public static byte[] Of(IReadOnlyList<byte[]> seeds, Random random)
    {
        List<string> lines = [.. Encoding.Latin1.GetString(seeds[random.Next(seeds.Count)]).Split('\n')];
        int head = random.Next(4) == 0 ? 0 : lines.TakeWhile(l => l.StartsWith('#')).Count();
        int from = random.Next(Math.Max(1, lines.Count - 20));
        List<string> text = [.. lines.Take(head), .. lines.Skip(Math.Max(from, head)).Take(random.Next(1, 80))];
        for (int n = random.Next(1, 12); n > 0 && text.Count > 0; n--)
        {
            int at = random.Next(text.Count);
            string line = text[at];
            int column = random.Next(line.Length + 1);
            switch (random.Next(14))
            {
                case 0:
                    text.RemoveAt(at);
                    break;
                case 1:
                    text.Insert(at, line);
                    break;
                case 2:
                    text[at] = line[..column];
                    text.Insert(at + 1, line[column..]);
                    break;
                case 3 when at + 1 < text.Count:
                    text[at] = line + text[at + 1];
                    text.RemoveAt(at + 1);
                    break;
                case 4:
                    text[at] = new string(' ', random.Next(60)) + line.TrimStart();
                    break;
                case 5:
                    text[at] = "> " + line;
                    break;
                case 6:
                    text.Insert(at, Numbers.Of<string>(random, s_lines));
                    break;
                case 7:
                    text[at] = line.Insert(column, Numbers.Of(random, "\0", "\u001b", "\t", "é", "=", ":", "[", "]", "(", ")", " ", "\\x", "\"", "|", "+0x", new string('9', random.Next(1, 400)), new string('(', random.Next(1, 3000))));
                    break;
                case 8:
                    text[at] = line[..column] + line[Math.Min(line.Length, column + random.Next(1, 20))..];
                    break;
                case 9:
                    int other = random.Next(text.Count);
                    (text[at], text[other]) = (text[other], text[at]);
                    break;
                default:
                    MatchCollection numbers = Number().Matches(line);
                    if (numbers.Count > 0)
                    {
                        Match number = numbers[random.Next(numbers.Count)];
                        text[at] = line[..number.Index] + Numbers.EdgeText(random) + line[(number.Index + number.Length)..];
                    }

                    break;
            }
        }

        byte[] file = Encoding.Latin1.GetBytes(string.Join(random.Next(8) == 0 ? "\r\n" : "\n", text) + (random.Next(8) == 0 ? "" : "\n"));
        return random.Next(6) == 0 ? Blind.Of([file], random) : file;
    }

    [GeneratedRegex("0x[0-9a-f]+|[0-9]+(\\.[0-9]+)?")]
    private static partial Regex Number();
}
