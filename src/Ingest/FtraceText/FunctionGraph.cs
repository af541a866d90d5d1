namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// The function-graph tracer's column, as trace-cmd prints it: <c>  1.773 us   |    function();</c>, with <c>{</c> where the function's
/// own calls follow, and <c>}</c> at its end. A leaf's two records are one line.
/// </summary>
internal static class FunctionGraph
{
    private const int IndentOfDepth = 2;

    public static SpecialElements.Taker Create(int depth, int duration) => (text, field, into) =>
    {
        int bar = text.IndexOf((byte)'|');
        if (bar < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> time = AsciiText.TrimStart(text[..bar]).TrimStart("+!#*@$ "u8);
        int us = time.IndexOf(" us"u8);
        if (us > 0 && Nanoseconds(time[..us], out ulong ns) && !into.Number(duration, ns))
        {
            return false;
        }

        ReadOnlySpan<byte> code = text[(bar + 1)..];
        int indent = code.IndexOfAnyExcept((byte)' ');
        if (indent < 0)
        {
            return false;
        }

        // The bar is followed by two blanks for depth 0.
        into.Number(depth, (ulong)Math.Max(0, (indent / IndentOfDepth) - 1));
        ReadOnlySpan<byte> function = code[indent..];
        int parenthesis = function.IndexOf((byte)'(');
        int comment = function.IndexOf("/*"u8);
        if (parenthesis > 0)
        {
            return into.Text(field, function[..parenthesis]);
        }

        return function[0] == '}' && (comment < 0 || function.EndsWith("*/"u8));
    };

    private static bool Nanoseconds(ReadOnlySpan<byte> text, out ulong ns)
    {
        ns = 0;
        int whole = AsciiText.Unsigned(text, out ulong us);
        if (whole == 0 || whole + 4 != text.Length || text[whole] != '.' || us > ulong.MaxValue / 1000 - 1)
        {
            return false;
        }

        _ = AsciiText.Unsigned(text[(whole + 1)..], out ulong fraction);
        ns = (us * 1000) + fraction;
        return true;
    }
}
