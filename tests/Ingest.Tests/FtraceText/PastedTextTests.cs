using System.Net;
using System.Text.RegularExpressions;
using TraceReplay.TextCompare;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>
/// Texts as logs, trackers, editors and people leave them: whatever stands around or before the lines, their rows are those of the plain
/// text. Where a thread's name cannot be told from what stands before it, it is NULL, never both.
/// </summary>
public sealed partial class PastedTextTests
{
    private const string Kernel =
        """
               CPU 0/KVM-3021    [002] d....   901.100001: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0xffffffff820fe612 info1 0x0000000000000184 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000
               CPU 0/KVM-3021    [002] .....   901.100002: kvm_page_fault: vcpu 0 rip 0xffffffff820fe612 address 0x00000000020fe612 error_code 0x184
                  <...>-3022    [001] d....   901.100005: kvm_entry: vcpu 1, rip 0xffffffff820fe612
                   qemu-3022    [001] .....   901.100012: kvm_page_fault: vcpu 1 rip 0xffffffff81051f37 address 0x0000000113674000 error_code 0x182
                 <idle>-0       [001] d..1.   901.100025: kvm_unmap_hva_range: mmu notifier unmap range: 0x7f0000000000 -- 0x7f0000001000

        """;

    private const string Perf =
        """
               CPU 0/KVM  2301 [001]  1264.817407:               kvm:kvm_entry: vcpu 0, rip 0xffffffff81051f37
               CPU 0/KVM  2301 [001]  1264.817409:          kvm:kvm_page_fault: vcpu 0 rip 0xffffffff81051f37 address 0x0000000113674000 error_code 0x182
         qemu-system-x86  2302 [002]  1264.817410:  kvmmmu:kvm_mmu_set_spte: gfn 113674 spte 6000001c6e00b77 (rwxu) level 1 at 10052fa5020
         qemu-system-x86  2302 [002]  1264.817411:               kvm:kvm_entry: vcpu 1, rip 0xffffffff81051f37

        """;

    /// <summary>Of events so short that a terminal breaks each of them once.</summary>
    private const string ShortPerf =
        """
               CPU 0/KVM  2301 [001]  1264.817407:               kvm:kvm_fpu: load
               CPU 0/KVM  2301 [001]  1264.817409:               kvm:kvm_fpu: unload
         qemu-system-x86  2302 [002]  1264.817410:               kvm:kvm_fpu: load

        """;

    /// <summary>Prefixes that logs and people set before each line, with names padded as they were.</summary>
    private static readonly string[] s_prefixes =
    [
        "[   12.345678] ", "[Sun Nov 29 16:06:01 2026] ", "2026-11-29T16:06:01,123456+00:00 ", "6,1234,12345678,-;", "kern  :info  : [   12.345678] ", "<6>",
        "Nov 29 16:06:01 host1 trace[812]: ", "Nov 29 16:06:01 host1 kernel: [  219.180001] ", "Nov 29 16:06:01 host1 ", "[  219.180001] host1 trace[812]: ", "1764432361.123456 host1 trace[812]: ",
        "Sun 2026-11-29 16:06:01 UTC host1 trace[812]: ", "<13>1 2026-11-29T16:06:01.123456+00:00 host1 trace 812 - - ", "<13>1 2026-11-29T16:06:01.123456Z host1 trace 812 ID47 [meta sequenceId=\"1\"] ",
        "<13>Nov 29 16:06:01 host1 trace: ", "2026-11-29T16:06:01.123456789Z ", "qemu-1  | ", "[pod/virt-launcher-vm1-abcde/compute] ", "2026-11-29T16:06:01.123456789Z stdout F ",
        "I1129 16:06:01.123456   12345 trace.go:12] ", "2026-11-29 16:06:01,123 INFO trace: ", "2026-11-29 16:06:01,123 - INFO - ", "[2026-11-29T16:06:01.123Z] ", "16:06:01  ", "2026/11/29 16:06:01 ",
        "> ", ">> > ", ">\t", "  John> ", "> | ", "+", "+ ", "-", "// ", "* ", "  * ", "• ", "; ", "# ", "\t", "    ", "trace.txt:12:",
    ];

    private static readonly Dictionary<string, Func<string, string>> s_ways = new()
    {
        ["numbers as nl writes them"] = text => Numbered(text, n => $"{n,6}\t"),
        ["numbers and a bar"] = text => Numbered(text, n => $"{n,3} | "),
        ["numbers in brackets"] = text => Numbered(text, n => $"[{n}] "),
        ["numbers of a list"] = text => Numbered(text, n => $"{n}. "),
        ["numbers of frames"] = text => Numbered(text, n => $"#{n} "),
        ["a fence of three backquotes"] = text => $"It hangs:\n\n```\n{text}```\n\nThanks",
        ["each line between backquotes"] = text => Lines(text, line => $"`{line}`"),
        ["quoted as a field of CSV"] = text => Lines(text, line => $"\"{line}\""),
        ["a column of CSV behind a number"] = text => Numbered(Lines(text, line => $",\"{line}\""), n => $"{n}"),
        ["a table of one column"] = text => Lines(text, line => $"| {line} |"),
        ["escaped for HTML"] = WebUtility.HtmlEncode,
        ["escaped for HTML twice"] = text => WebUtility.HtmlEncode(WebUtility.HtmlEncode(text)),
        ["a page's lines"] = text => Lines(WebUtility.HtmlEncode(text), line => line + "<br>"),
        ["colours"] = text => Lines(text, line => $"\x1b[32m{line}\x1b[0m"),
        ["grep's colours"] = text => Event().Replace(text, "\x1b[01;31m\x1b[K$0\x1b[m\x1b[K"),
        ["grep's colours as cat -v shows them"] = text => Event().Replace(text, "^[[01;31m^[[K$0^[[m^[[K"),
        ["typographic marks"] = text => text.Replace("--", "–", StringComparison.Ordinal).Replace("...", "…", StringComparison.Ordinal),
        ["tabs for blanks"] = text => Blank().Replace(text, "\t"),
        ["tabs for eight blanks"] = text => text.Replace("        ", "\t", StringComparison.Ordinal),
        ["no-break blanks"] = text => text.Replace(' ', '\u00a0'),
        ["returns and feeds"] = text => text.ReplaceLineEndings("\r\n"),
        ["an empty line behind each"] = text => Lines(text, line => line + "\n"),
        ["a wrapped line's mark of a shell"] = text => Lines(text, line => Wrapped(line, 72, " \\\n")),
        ["a wrapped line's mark of an editor"] = text => Lines(text, line => Wrapped(line, 72, "\n↪ ")),
        ["wrapped and indented"] = text => Lines(text, line => Wrapped(line, 76, "\n    ")),
        ["all on one line"] = text => text.Replace('\n', ' ') + "\n",
        ["an answer's mail"] = text => $"On Sun, Nov 29, 2026 at 1:02 PM A B <a@b.c> wrote:\n> On Sat, C wrote:\n>> Trace:\n>>\n{Lines(text, line => ">> " + line)}>\n> What is this?\n\nNo idea.\n-- \nA B\n",
        ["only blanks before names gone"] = text => Lines(text, line => line.TrimStart()),
    };

    public static TheoryData<string, string> Ways
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string form in (string[])["kernel", "perf"])
            {
                foreach (string way in s_ways.Keys.Concat(s_prefixes.Select(prefix => "prefix " + prefix)))
                {
                    data.Add(form, way);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Rows_are_those_of_the_plain_text(string form, string way)
    {
        string plain = (form == "kernel" ? Kernel : Perf).ReplaceLineEndings("\n");
        string pasted = s_ways.TryGetValue(way, out Func<string, string>? change) ? change(plain) : Lines(plain, line => way["prefix ".Length..] + line);
        Assert.Equal(Rows(plain), Rows(pasted));
    }

    /// <summary>Without the padding it is not always told where a name begins.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public void Without_padding_a_name_is_right_or_null(string form, string way)
    {
        string plain = Lines((form == "kernel" ? Kernel : Perf).ReplaceLineEndings("\n"), line => line.TrimStart());
        string? possible = way == "prefix Nov 29 16:06:01 host1 " ? "host1 CPU 0/KVM" : null; // no longer than a name may be
        string pasted = s_ways.TryGetValue(way, out Func<string, string>? change) ? change(plain) : Lines(plain, line => way["prefix ".Length..] + line);
        List<CapturedRows.Row> rows = Texts.Read(pasted).Rows;
        List<CapturedRows.Row> right = Texts.Read(plain).Rows;
        Assert.Equal(right.Select(Payload), rows.Select(Payload));
        Assert.All(rows.Zip(right), pair => Assert.True(pair.First.Comm is null || pair.First.Comm == pair.Second.Comm || pair.First.Comm == possible, $"{pair.First.Comm}, expected {pair.Second.Comm}"));
    }

    /// <summary>A terminal of any width breaks within whatever stands at it: in the time of every line, say, where each second half is a header without a thread.</summary>
    [Theory]
    [InlineData("kernel", "")]
    [InlineData("perf", "")]
    [InlineData("kernel", "2026-11-29T16:06:01.123456+00:00 host1 kernel: ")]
    [InlineData("perf", "2026-11-29T16:06:01.123456+00:00 host1 kernel: ")]
    [InlineData("short", "")]
    [InlineData("short", "2026-11-29T16:06:01.123456+00:00 host1 kernel: ")]
    public void A_terminal_may_have_any_width(string form, string prefix)
    {
        string plain = (form switch { "kernel" => Kernel, "short" => ShortPerf, _ => Perf }).ReplaceLineEndings("\n");
        List<string> right = Rows(plain);
        List<string> wrong = [];
        for (int width = 30 + prefix.Length; width < 140 + prefix.Length; width++)
        {
            List<string> rows = Rows(Lines(plain, line => string.Join('\n', (prefix + line).Chunk(width).Select(piece => new string(piece)))));
            wrong.AddRange(rows.Where(row => !right.Any(other => IsSame(row, other))).Take(1).Select(row => $"{width}: {row}"));
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        // A value that ends where the terminal does may go on: it is NULL.
        static bool IsSame(string row, string other) => row.Split(' ').Zip(other.Split(' '), (a, b) => a == b || (a.EndsWith("=?", StringComparison.Ordinal) && b.StartsWith(a[..^1], StringComparison.Ordinal))).All(same => same);
    }

    /// <summary>Two events behind one another on a line, whatever the first is.</summary>
    [Theory]
    [InlineData("sched_switch: prev_comm=swapper/2 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=sh next_pid=3021 next_prio=120")]
    [InlineData("kvm_emulate_insn: 0:fd11d: 66 0f 1f (prot32)")]
    [InlineData("rcu_utilization: Start context switch")]
    public void Events_on_one_line_are_parted(string first)
    {
        List<CapturedRows.Row> rows = Texts.Read($"          <idle>-0     [002] d..2.   100.000001: {first}        CPU 0/KVM-3021  [002] d....   100.000006: kvm_entry: vcpu 0, rip 0xffffffff820fe612\n").Rows;
        Assert.Equal(2, rows.Count);
        Assert.Equal(("CPU 0/KVM", "vcpu_id=0 rip=ffffffff820fe612"), (rows[1].Comm, Texts.Fields(rows[1], ["vcpu_id", "rip"])));
    }

    /// <summary>A thread may call itself what looks like a prefix: with no other line to compare, it is its name.</summary>
    [Theory]
    [InlineData("a [001] b", "a [001] b")]
    [InlineData("(sd-pam)", "(sd-pam)")]
    [InlineData("kworker/u8:2-ev", "kworker/u8:2-ev")]
    [InlineData("trace: qemu", null)]
    [InlineData("12 qemu", "qemu")]
    public void Names_stay_what_they_are(string comm, string? expected) =>
        Assert.Equal(expected, Assert.Single(Texts.Read($"{comm,16}-77 [000] .....     1.000001: kvm_fpu: load\n").Rows).Comm);

    private static List<string> Rows(string text) => [.. Texts.Read(text).Rows.Select(row => $"{row.Comm}-{row.Pid} {Payload(row)}")];

    private static string Payload(CapturedRows.Row row) => $"{row.Pid} {row.Timestamp} {row.Cpu} {row.Format.FullName} {Texts.Fields(row, row.Format.Fields.Where(f => !f.Common && f.Name is not ("text" or "stack")).Select(f => f.Name))}";

    private static string Lines(string text, Func<string, string> change) => string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => change(line) + "\n"));

    private static string Numbered(string text, Func<int, string> number)
    {
        int n = 0;
        return Lines(text, line => number(++n) + line);
    }

    private static string Wrapped(string line, int width, string between)
    {
        List<string> pieces = [];
        while (line.Length > width && line.LastIndexOf(' ', width) is > 0 and int blank && line[..blank].Trim().Length > 0)
        {
            pieces.Add(line[..blank]);
            line = line[(blank + 1)..].TrimStart();
        }

        return string.Join(between, [.. pieces, line]);
    }

    [GeneratedRegex("kvm_page_fault|kvm_exit")]
    private static partial Regex Event();

    [GeneratedRegex(@"(?<=\S) (?=\S)")]
    private static partial Regex Blank();
}
