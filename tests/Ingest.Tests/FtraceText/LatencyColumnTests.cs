using TraceReplay.Ingest.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>The columns between CPU and time, each as the kernel's trace_print_lat_fmt writes it.</summary>
public sealed class LatencyColumnTests
{
    private static readonly Dictionary<char, int> s_irqs = new() { ['.'] = 0, ['d'] = 0x01, ['b'] = 0x80, ['D'] = 0x81 };
    private static readonly Dictionary<char, int> s_resched = new() { ['.'] = 0, ['n'] = 0x04, ['p'] = 0x20, ['N'] = 0x24, ['l'] = 0x02, ['b'] = 0x06, ['L'] = 0x22, ['B'] = 0x26 };
    private static readonly Dictionary<char, int> s_context = new() { ['.'] = 0, ['s'] = 0x10, ['h'] = 0x08, ['H'] = 0x18 };

    [Fact]
    public void Three_columns_are_the_flags()
    {
        byte[] columns = "...."u8.ToArray();
        for (int i = 0; i < 1 << 24; i++)
        {
            (columns[0], columns[1], columns[2]) = ((byte)(i >> 16), (byte)(i >> 8), (byte)i);
            byte? expected = s_irqs.TryGetValue((char)columns[0], out int irqs) && s_resched.TryGetValue((char)columns[1], out int resched) && s_context.TryGetValue((char)columns[2], out int context)
                ? (byte)(irqs | resched | context)
                : null;
            (byte? flags, byte? count) = LatencyColumns.Decode(columns);
            if (flags != expected || count != 0)
            {
                Assert.Fail($"{string.Join(' ', columns)}: {flags} {count}, not {expected} 0");
            }
        }
    }

    [Fact]
    public void The_rest_are_depths_in_hexadecimal()
    {
        for (int i = 0; i < 1 << 16; i++)
        {
            byte[] columns = [.. "..."u8, (byte)(i >> 8), (byte)i];
            (int? depth, int? migrate) = (Depth((char)columns[3]), Depth((char)columns[4]));
            Assert.Equal(((byte?)0, (byte?)(depth | migrate << 4)), LatencyColumns.Decode(columns));
            Assert.Equal(((byte?)0, (byte?)depth), LatencyColumns.Decode(columns.AsSpan(0, 4)));
            Assert.Equal((null, null), LatencyColumns.Decode(columns.AsSpan(0, i % 4)));
        }
    }

    private static int? Depth(char column) => column == '.' ? 0 : char.IsAsciiHexDigit(column) ? Convert.ToInt32(column.ToString(), 16) : null;
}
