using System.Buffers.Binary;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Whether a record can be one of a format, by its size and by the values that not every byte can be.</summary>
internal static class LayoutFit
{
    private const int LargestPadding = 16;

    public static bool Fits(EventFormat format, ReadOnlySpan<byte> record)
    {
        int end = 0;
        foreach (EventField field in format.Fields)
        {
            end = Math.Max(end, field.Offset + field.Size);
        }

        if (record.Length < end)
        {
            return false;
        }

        int dynamicEnd = -1;
        foreach (EventField field in format.Fields)
        {
            if (field is { Type: "bool", Size: 1 } && record[field.Offset] > 1)
            {
                return false;
            }

            if (field.Kind is FieldKind.TailString or FieldKind.TailBytes)
            {
                dynamicEnd = record.Length;
            }
            else if (field.Kind is FieldKind.DynamicString or FieldKind.DynamicBytes)
            {
                uint slot = BinaryPrimitives.ReadUInt32LittleEndian(record[field.Offset..]);
                int offset = (int)(slot & 0xffff) + (field.Relative ? field.Offset + 4 : 0);
                int length = (int)(slot >> 16);
                if (offset < end || offset + length > record.Length)
                {
                    return false;
                }

                dynamicEnd = Math.Max(dynamicEnd, offset + length);
            }
        }

        // The compiler rounds a record up to its largest field, which a field's size does not tell for structures.
        return dynamicEnd >= 0
            ? record.Length - dynamicEnd <= LargestPadding
            : record.Length == TracepointShape.Padded(end) || record.Length == TracepointShape.Padded((end + 3) & ~3) || record.Length == TracepointShape.Padded((end + 7) & ~7);
    }
}
