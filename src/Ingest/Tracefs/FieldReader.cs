using System.Buffers.Binary;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>Reads one field out of one record.</summary>
public static class FieldReader
{
    /// <summary>The bits of a number, zero-extended; sign-extended if the field is signed.</summary>
    /// <returns>null if the record ends before the field does, or the field is no number.</returns>
    public static ulong? Number(EventFormat format, EventField field, ReadOnlySpan<byte> payload)
    {
        if (!field.IsNumber || field.Offset + field.Size > payload.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> at = payload.Slice(field.Offset, field.Size);
        ulong bits = field.Size switch
        {
            1 => at[0],
            2 => format.BigEndian ? BinaryPrimitives.ReadUInt16BigEndian(at) : BinaryPrimitives.ReadUInt16LittleEndian(at),
            4 => format.BigEndian ? BinaryPrimitives.ReadUInt32BigEndian(at) : BinaryPrimitives.ReadUInt32LittleEndian(at),
            _ => format.BigEndian ? BinaryPrimitives.ReadUInt64BigEndian(at) : BinaryPrimitives.ReadUInt64LittleEndian(at),
        };
        if (!field.Signed)
        {
            return bits;
        }

        int shift = 64 - (8 * field.Size);
        return (ulong)((long)(bits << shift) >> shift);
    }

    /// <summary>
    /// The bytes of a field that is no number. Texts are cut at NUL. A slot that points outside of the record gives what lies
    /// inside of it.
    /// </summary>
    public static ReadOnlySpan<byte> Bytes(EventField field, ReadOnlySpan<byte> payload, bool bigEndian)
    {
        int offset = field.Offset;
        int length = field.Size;
        if (field.Kind is FieldKind.DynamicString or FieldKind.DynamicBytes)
        {
            if (offset + 4 > payload.Length)
            {
                return [];
            }

            uint slot = bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(payload[offset..]) : BinaryPrimitives.ReadUInt32LittleEndian(payload[offset..]);
            offset = (int)(slot & 0xffff) + (field.Relative ? offset + 4 : 0);
            length = (int)(slot >> 16);
        }
        else if (length == 0)
        {
            length = int.MaxValue;
        }

        if (offset >= payload.Length)
        {
            return [];
        }

        ReadOnlySpan<byte> bytes = payload.Slice(offset, Math.Min(length, payload.Length - offset));
        if (field.IsString)
        {
            int nul = bytes.IndexOf((byte)0);
            bytes = nul < 0 ? bytes : bytes[..nul];
        }

        return bytes;
    }
}
