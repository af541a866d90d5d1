using System.Text;
using System.Text.Json;

namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>A log of which each line is a JSON object: containers' files, <c>journalctl -o json</c>, what a tracker's interface returns.</summary>
internal static class JsonLines
{
    // What loggers call the text of a line, the likeliest first.
    private static readonly string[] s_names = ["log", "MESSAGE", "message", "msg", "body", "line", "text"];

    public static bool Is(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> text = head.TrimStart(" \t\r\n"u8);
        if (!text.StartsWith("{"u8))
        {
            return false;
        }

        foreach (string name in s_names)
        {
            if (text.IndexOf(Encoding.ASCII.GetBytes($"\"{name}\"")) > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The texts of all lines. A line that is no object stays as it is.</summary>
    public static Stream Texts(Stream json) => new TextsStream(json);

    /// <summary>The text of a line; null if it has none.</summary>
    private static string? Text(string line)
    {
        if (!line.AsSpan().TrimStart().StartsWith("{"))
        {
            return line + "\n";
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            foreach (string name in s_names)
            {
                if (!document.RootElement.TryGetProperty(name, out JsonElement value))
                {
                    continue;
                }

                string? text = value.ValueKind switch
                {
                    JsonValueKind.String => value.GetString(),

                    // The journal writes what is no UTF-8 as numbers.
                    JsonValueKind.Array when value.EnumerateArray().All(b => b.ValueKind == JsonValueKind.Number && b.TryGetByte(out _)) => Encoding.UTF8.GetString([.. value.EnumerateArray().Select(b => b.GetByte())]),
                    _ => null,
                };
                if (text is not null)
                {
                    return text.EndsWith('\n') ? text : text + "\n";
                }
            }

            return null;
        }
        catch (JsonException)
        {
            return line + "\n";
        }
    }

    private sealed class TextsStream(Stream json) : ForwardStream
    {
        private readonly StreamReader _reader = new(json, Encoding.UTF8);
        private byte[] _bytes = [];
        private int _next;

        public override int Read(Span<byte> buffer)
        {
            while (_next == _bytes.Length)
            {
                if (_reader.ReadLine() is not { } line)
                {
                    return 0;
                }

                (_bytes, _next) = (Encoding.UTF8.GetBytes(Text(line) ?? ""), 0);
            }

            int taken = Math.Min(buffer.Length, _bytes.Length - _next);
            _bytes.AsSpan(_next, taken).CopyTo(buffer);
            _next += taken;
            return taken;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _reader.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
