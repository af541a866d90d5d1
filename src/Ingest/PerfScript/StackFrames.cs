using System.Text;
using Microsoft.Diagnostics.Tracing.StackSources;
using Microsoft.Diagnostics.Tracing.Utilities;

namespace TraceReplay.Ingest.PerfScript;

/// <summary>
/// Reads the frames of a sample with TraceEvent's parser. Only them: of the line before, that parser keeps milliseconds with three
/// digits, no event fields, and it passes over samples without a CPU.
/// </summary>
internal sealed class StackFrames
{
    // The parser wants a sample before the frames; this one is its simplest.
    private static readonly byte[] s_sample = "x 1/1 [000] 1.000000: 1 cpu-clock: \n"u8.ToArray();

    private readonly LinuxPerfScriptEventParser _parser = new();
    private readonly StringBuilder _text = new();
    private byte[] _block = new byte[4096];

    /// <returns>A line <c>address module!symbol</c> for each frame, innermost first.</returns>
    public string Read(ReadOnlySpan<byte> lines)
    {
        int length = s_sample.Length + lines.Length + 2;
        if (_block.Length < length)
        {
            _block = new byte[length * 2];
        }

        s_sample.CopyTo(_block, 0);
        lines.CopyTo(_block.AsSpan(s_sample.Length));
        "\n\n"u8.CopyTo(_block.AsSpan(length - 2));
        _text.Clear();
        try
        {
            using FastStream stream = new(_block, 0, length);
            foreach (StackFrame frame in _parser.Parse(stream).SelectMany(e => e.CallerStacks).OfType<StackFrame>())
            {
                _text.Append(_text.Length == 0 ? "" : "\n").Append(frame.Address).Append(' ').Append(frame.DisplayName);
            }
        }
        catch (Exception e) when (e is FormatException or IndexOutOfRangeException or ArgumentException or InvalidOperationException)
        {
            // What it cannot read is kept as it is.
            return Tracefs.TraceText.Decode(lines);
        }

        return _text.ToString();
    }
}
