using System.Globalization;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>
/// Parses the text of <c>events/SYSTEM/NAME/format</c>: name, ID and fields. <c>print fmt</c> is never looked at, because no
/// reader but the kernel can evaluate all of them.
/// </summary>
public static class EventFormatParser
{
    // A record is never larger than a sub-buffer, and its length field would not hold more than 64 KiB of a data_loc anyway.
    private const int MaxRecordSize = 1 << 16;

    // The kernel's longest event has some hundred fields.
    private const int MaxFields = 2048;

    // Longer than any name that the kernel takes (tracepoints: an identifier; probes: 64 bytes).
    private const int MaxName = 1024;

    /// <returns>null if the text has no name, no ID, or a field that lies outside of any possible record, or more fields than any event has.</returns>
    public static EventFormat? Parse(string system, ReadOnlySpan<char> text, bool bigEndian = false)
    {
        string? name = null;
        int id = -1;
        int fixedSize = 0;
        List<EventField> fields = [];
        bool common = true;
        bool inFormat = false;
        foreach (ReadOnlySpan<char> raw in text.EnumerateLines())
        {
            ReadOnlySpan<char> line = raw.Trim();
            if (line.StartsWith("name:"))
            {
                name = line[5..].Trim().ToString();
            }
            else if (line.StartsWith("ID:"))
            {
                if (!int.TryParse(line[3..].Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out id))
                {
                    return null;
                }
            }
            else if (line.StartsWith("format:"))
            {
                inFormat = true;
            }
            else if (line.StartsWith("print fmt:"))
            {
                break;
            }
            else if (line.IsEmpty && inFormat && fields.Count > 0)
            {
                common = false;
            }
            else if (line.StartsWith("field:") || line.StartsWith("field "))
            {
                EventField? field = ParseField(line[6..], common);
                if (field is null)
                {
                    return null;
                }

                if (fields.Count == MaxFields)
                {
                    return null;
                }

                fields.Add(field);
                fixedSize = Math.Max(fixedSize, field.Kind == FieldKind.Bytes || field.Size == 0 ? 0 : field.Offset + field.Size);
            }
        }

        return string.IsNullOrEmpty(name) || name.Length > MaxName || id < 0
            ? null
            : new EventFormat { System = system, Name = name, Id = id, Fields = fields, FixedSize = fixedSize, BigEndian = bigEndian };
    }

    private static EventField? ParseField(ReadOnlySpan<char> line, bool common)
    {
        int semicolon = line.IndexOf(';');
        if (semicolon < 0)
        {
            return null;
        }

        ReadOnlySpan<char> declaration = line[..semicolon].Trim();
        int offset = Number(line, "offset:");
        int size = Number(line, "size:");
        if (offset < 0 || size < 0 || offset > MaxRecordSize || size > MaxRecordSize)
        {
            return null;
        }

        bool array = declaration.EndsWith("]") && declaration.Contains('[');
        ReadOnlySpan<char> head = array ? declaration[..declaration.LastIndexOf('[')].TrimEnd() : declaration;
        int nameStart = head.Length;
        while (nameStart > 0 && (char.IsAsciiLetterOrDigit(head[nameStart - 1]) || head[nameStart - 1] == '_'))
        {
            nameStart--;
        }

        string name = head[nameStart..].ToString();
        ReadOnlySpan<char> type = head[..nameStart].TrimEnd();
        if (name.Length == 0)
        {
            return null;
        }

        string shown = array ? string.Concat(type, declaration[declaration.LastIndexOf('[')..]) : type.ToString();
        bool signed = Number(line, "signed:") > 0;
        bool relative = type.StartsWith("__rel_loc");
        FieldKind kind = Classify(type, array, size, relative || type.StartsWith("__data_loc"));
        return new EventField(name, shown, offset, size, signed && kind == FieldKind.Integer, kind, relative, common);
    }

    private static FieldKind Classify(ReadOnlySpan<char> type, bool array, int size, bool dynamic)
    {
        if (dynamic)
        {
            ReadOnlySpan<char> element = type[Math.Max(0, type.IndexOf(' '))..].Trim();
            int bracket = element.IndexOf('[');
            element = bracket < 0 ? element : element[..bracket];
            return size != 4 ? FieldKind.Bytes : IsChar(element.Trim()) ? FieldKind.DynamicString : FieldKind.DynamicBytes;
        }

        if (array || size == 0)
        {
            // print of kernels up to 3.10 writes its tail as "char buf" without brackets.
            bool text = IsChar(type);
            return size == 0
                ? text ? FieldKind.TailString : FieldKind.TailBytes
                : text ? FieldKind.CharArray : FieldKind.Bytes;
        }

        return size is not (1 or 2 or 4 or 8) ? FieldKind.Bytes
            : type.EndsWith("*") && size >= 4 ? FieldKind.Pointer
            : FieldKind.Integer;
    }

    private static bool IsChar(ReadOnlySpan<char> type) => type is "char" or "const char";

    private static int Number(ReadOnlySpan<char> line, string key)
    {
        int at = line.IndexOf(key);
        if (at < 0)
        {
            return -1;
        }

        ReadOnlySpan<char> rest = line[(at + key.Length)..];
        int end = rest.IndexOf(';');
        return int.TryParse(end < 0 ? rest : rest[..end], NumberStyles.Integer, CultureInfo.InvariantCulture, out int n) ? n : -1;
    }
}
