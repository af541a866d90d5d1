using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using TraceReplay.Ingest.Capture;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Nothing in a text may crash or hang; what was complete before damage is kept.</summary>
public sealed partial class TextRobustnessTests
{
    private static readonly string s_text = string.Concat(Enumerable.Range(0, 40).Select(i =>
        $"  CPU {i % 2}/KVM-{100 + i}   [00{i % 2}] d..1.    1.{i:000000}: kvm_page_fault: vcpu 0 rip 0x1000 address 0x{i:x16} error_code 0x14\n"
        + $"  CPU {i % 2}/KVM-{100 + i} {200 + i} [00{i % 2}]     1.{i:000000}: kvm:kvm_fpu: load\n\tffff8881 a+0x1 (/x/y)\n"
        + $"CPU:{i % 2} [LOST {i} EVENTS]\n# comment\n"));

    private static (int Rows, CaptureDamage? Damage) ReadAny(byte[] text)
    {
        try
        {
            Texts read = Texts.Read(text);
            return (read.Rows.Count, read.Info.Damage);
        }
        catch (CaptureException e)
        {
            return (0, e.Damage);
        }
    }

    [Theory]
    [InlineData("a-1 [000] .....     1.000001: kvm_entry: vcpu 1, rip 0x1000\n", 20)]
    [InlineData("a 1 [000]     1.000001: kvm:kvm_entry: vcpu 1 rip 0x1000\n", 20)]
    public void A_text_cut_within_a_line_keeps_the_lines_before_it(string line, int lines)
    {
        byte[] whole = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(line, lines)));
        Assert.Equal((lines, null), ReadAny(whole));
        for (int cut = line.Length + 1; cut < whole.Length; cut++)
        {
            (int rows, CaptureDamage? damage) = ReadAny(whole[..cut]);

            // What is left of the line may be an event in itself.
            bool isEvent = LastNumber().IsMatch(line[..(cut % line.Length)]);
            bool ends = cut % line.Length == 0 || isEvent;
            Assert.Equal((cut / line.Length) + (isEvent ? 1 : 0), rows);
            Assert.Equal(ends, damage is null);
            Assert.Equal(damage?.Offset, ends ? null : cut / line.Length * line.Length);
        }
    }

    [Theory]
    [InlineData("a-1 [000] .....     1.000002: kvm_fpu: load", 2, true)]
    [InlineData("a-1 [000] .....     1.000002: kvm_fpu: lo", 1, false)]
    [InlineData("a-1 [000] .....     1.000002: kvm_fpu:", 1, false)]
    [InlineData("a-1 [000] .....     1.000002: some_event: a=1", 2, true)]
    [InlineData("a-1 [000] .....     1.0000", 1, false)]
    [InlineData("# the end", 1, true)]
    public void A_last_line_without_line_feed_counts_if_it_is_an_event(string last, int rows, bool whole)
    {
        Texts read = Texts.Read("a-1 [000] .....     1.000001: kvm_fpu: load\n" + last);
        Assert.Equal(rows, read.Rows.Count);
        Assert.Equal(whole ? null : "test.txt: offset 0x2c: a last line that is cut, expected the rest of it and a line feed", read.Info.Damage?.ToString());
        Assert.Equal(rows == 2, read.Info.Warnings.Any(w => w.StartsWith("no line feed ends the last line", StringComparison.Ordinal)));
    }

    [Fact]
    public void Garbage_in_the_middle_ends_the_reading_there()
    {
        byte[] text = Encoding.UTF8.GetBytes("a-1 [000] .....     1.000001: kvm_fpu: load\na-1 [000] .....     1.000002: kvm\0fpu: load\na-1 [000] .....     1.000003: kvm_fpu: load\n");
        (int rows, CaptureDamage? damage) = ReadAny(text);
        Assert.Equal(1, rows);
        Assert.Equal("test.txt: offset 0x4d: a NUL byte, expected a line of text", damage?.ToString());
    }

    [Fact]
    public void A_line_without_end_is_not_read_into_memory()
    {
        byte[] text = new byte[4 << 20];
        Array.Fill(text, (byte)'x');
        Encoding.UTF8.GetBytes("a-1 [000] .....     1.000001: kvm_fpu: load\n").CopyTo(text, 0);
        (int rows, CaptureDamage? damage) = ReadAny(text);
        Assert.Equal(1, rows);
        Assert.Contains("a line of more than", damage?.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_change_of_bytes_is_survived() =>
        Gen.Select(Gen.Int[0, s_text.Length - 1], Gen.Byte, Gen.Int[0, 40]).Array[1, 30].Sample(changes =>
        {
            List<byte> text = [.. Encoding.UTF8.GetBytes(s_text)];
            foreach ((int at, byte value, int kind) in changes)
            {
                int i = Math.Min(at, text.Count - 1);
                if (kind < 30)
                {
                    text[i] = value;
                }
                else if (kind < 36)
                {
                    text.RemoveRange(i, Math.Min(kind, text.Count - i - 1));
                }
                else
                {
                    text.Insert(i, value);
                }
            }

            (int rows, CaptureDamage? damage) = ReadAny([.. text]);
            Assert.InRange(rows, 0, 400);
            Assert.DoesNotContain('\n', damage?.ToString() ?? "");
        }, iter: 400);

    [GeneratedRegex("rip 0x[0-9]+$|vcpu [0-9] ?$")]
    private static partial Regex LastNumber();
}
