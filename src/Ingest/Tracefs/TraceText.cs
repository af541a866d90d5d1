using System.Text;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>Bytes of a capture as text.</summary>
internal static class TraceText
{
    /// <summary>UTF-8 text; a byte that is none is shown as <c>\xNN</c>, so that no value is lost.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        StringBuilder text = new();
        while (!bytes.IsEmpty)
        {
            bool good = Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed) == System.Buffers.OperationStatus.Done;
            if (good)
            {
                text.Append(rune.ToString());
            }
            else
            {
                consumed = Math.Max(1, consumed);
                foreach (byte b in bytes[..consumed])
                {
                    text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\x{b:x2}");
                }
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }
}
