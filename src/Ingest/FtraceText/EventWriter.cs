using System.Buffers.Binary;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// Builds the record that the kernel would have written from the values that its text shows. A field that was not set is
/// marked as unknown.
/// </summary>
internal sealed class EventWriter
{
    // Offset and length of a dynamic field are 16 bits wide each; a longer text would not have been recorded either.
    private const int LargestRecord = ushort.MaxValue;

    private byte[] _payload = new byte[1024];
    private RecordShape.Slot[] _slots = [];
    private int _length;

    /// <summary>Bit n: field n is unknown.</summary>
    public ulong Nulls { get; private set; }

    /// <summary>Whether trace-cmd printed the event, whose texts differ from the kernel's here and there.</summary>
    public bool FromReport { get; set; }

    public ReadOnlySpan<byte> Payload => _payload.AsSpan(0, _length);

    public void Begin(RecordShape shape)
    {
        _slots = shape.Slots;
        _length = shape.FixedSize;
        Reserve(_length);
        _payload.AsSpan(0, _length).Clear();
        Nulls = shape.AllUnknown;
    }

    /// <returns>false if the field cannot hold the value.</returns>
    public bool Number(int field, ulong value)
    {
        ref readonly RecordShape.Slot f = ref _slots[field];
        Span<byte> at = _payload.AsSpan(f.Offset);
        if (f.Size < 8)
        {
            long signed = (long)value >> ((f.Size * 8) - 1);
            if (value >> (f.Size * 8) != 0 && signed != -1)
            {
                return false;
            }
        }

        switch (f.Size)
        {
            case 1:
                at[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)value);
                break;
            case 4:
                BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)value);
                break;
            default:
                BinaryPrimitives.WriteUInt64LittleEndian(at, value);
                break;
        }

        Nulls &= ~(1UL << field);
        return true;
    }

    /// <summary>The lowest byte of a number; null if it is unknown.</summary>
    public byte? Byte(int field) => (Nulls >> field & 1) != 0 ? null : _payload[_slots[field].Offset];

    /// <summary>The field is unknown after all.</summary>
    public void Forget(int field) => Nulls |= 1UL << field;

    /// <summary>The most digits that a value of the field has.</summary>
    public int HexDigits(int field) => _slots[field].Size * 2;

    public bool Text(int field, ReadOnlySpan<byte> text)
    {
        ref readonly RecordShape.Slot f = ref _slots[field];
        if (f.Kind == FieldKind.CharArray)
        {
            if (text.Length > f.Size)
            {
                return false;
            }

            text.CopyTo(_payload.AsSpan(f.Offset));
        }
        else
        {
            text = text[..Math.Min(text.Length, LargestRecord - _length)];
            Reserve(_length + text.Length);
            text.CopyTo(_payload.AsSpan(_length));
            if (f.Kind == FieldKind.DynamicString)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(_payload.AsSpan(f.Offset), ((uint)text.Length << 16) | (uint)_length);
            }

            _length += text.Length;
        }

        Nulls &= ~(1UL << field);
        return true;
    }

    private void Reserve(int length)
    {
        if (length > _payload.Length)
        {
            Array.Resize(ref _payload, Math.Max(length, _payload.Length * 2));
        }
    }
}
