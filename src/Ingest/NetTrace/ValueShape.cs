using System.Buffers.Binary;
using System.Text;
using Microsoft.Diagnostics.Tracing;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>
/// An event whose values TraceEvent decodes. A record of our own holds them: numbers first, then slots of
/// <c>__data_loc</c> kind for texts and bytes, so that the one decoder of the house reads them.
/// </summary>
internal sealed class ValueShape : EventShape
{
    // Enough to see a type even if the first events leave a field out.
    private const int Sample = 16;
    private const int MostFields = 1024;
    private const int LargestRecord = ushort.MaxValue;

    private readonly Type?[] _types;
    private byte[] _record = [];
    private int _fixedSize;
    private long _failed;
    private long _cut;

    public ValueShape(string system, string name, int id, string[] names)
        : base(system, name, id, names) => _types = new Type?[names.Length <= MostFields ? names.Length : 0];

    public override string? Warning => (_failed, _cut) switch
    {
        (0, 0) => null,
        (0, _) => $"{System}.{Name}: {_cut} values are cut to what 64 KiB hold",
        _ => $"{System}.{Name}: {_failed} values could not be decoded; 0 or nothing stands in their place",
    };

    public void Decide()
    {
        List<EventField> fields = [];
        if (_types.Length == 0)
        {
            fields.Add(new EventField("payload", "u8[]", 0, 0, false, FieldKind.TailBytes, false, false));
        }

        foreach (Type? type in _types)
        {
            (int size, bool signed, FieldKind kind) = Storage(type);
            fields.Add(new EventField(NetTraceNames.Field(Names[fields.Count]), type?.Name ?? "unknown", _fixedSize, size, signed, kind, false, false));
            _fixedSize += size;
        }

        Format = new EventFormat { System = System, Name = Name, Id = Id, Fields = fields, FixedSize = _fixedSize };
        _record = new byte[LargestRecord];
    }

    /// <summary>What a delivery before this one could not decode counts no more.</summary>
    public void BeginDelivery() => _failed = _cut = 0;

    public override ReadOnlySpan<byte> Record(TraceEvent e)
    {
        if (_types.Length == 0)
        {
            return Payload(e);
        }

        _record.AsSpan(0, _fixedSize).Clear();
        int end = _fixedSize;
        Span<byte> bits = stackalloc byte[8];
        using PayloadValues values = new(e);
        for (int i = 0; i < _types.Length; i++)
        {
            object? value = values.Read(i);
            EventField field = Format!.Fields[i];
            if (value is null || value.GetType() != _types[i])
            {
                // A field at the end that this event does not have is null; anything else went wrong.
                _failed += value is null && _types[i] is not { IsPrimitive: true } ? 0 : 1;
                continue;
            }

            if (field.Kind is FieldKind.Integer or FieldKind.Float)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bits, ValueText.Bits(value));
                bits[..field.Size].CopyTo(_record.AsSpan(field.Offset));
            }
            else
            {
                end = Append(field.Offset, value, end);
            }
        }

        return _record.AsSpan(0, end);
    }

    protected override void Look(TraceEvent e)
    {
        if (Events > Sample)
        {
            return;
        }

        using PayloadValues values = new(e);
        for (int i = 0; i < _types.Length; i++)
        {
            _types[i] ??= values.TypeOf(i);
        }
    }

    private static (int Size, bool Signed, FieldKind Kind) Storage(Type? type) => type switch
    {
        null => (4, false, FieldKind.DynamicString),
        { IsEnum: true } => Storage(Enum.GetUnderlyingType(type)),
        _ when type == typeof(bool) || type == typeof(byte) => (1, false, FieldKind.Integer),
        _ when type == typeof(sbyte) => (1, true, FieldKind.Integer),
        _ when type == typeof(ushort) || type == typeof(char) => (2, false, FieldKind.Integer),
        _ when type == typeof(short) => (2, true, FieldKind.Integer),
        _ when type == typeof(uint) => (4, false, FieldKind.Integer),
        _ when type == typeof(int) => (4, true, FieldKind.Integer),
        _ when type == typeof(ulong) => (8, false, FieldKind.Integer),
        _ when type == typeof(long) => (8, true, FieldKind.Integer),
        _ when type == typeof(float) => (4, true, FieldKind.Float),
        _ when type == typeof(double) => (8, true, FieldKind.Float),
        _ when type == typeof(byte[]) => (4, false, FieldKind.DynamicBytes),
        _ => (4, false, FieldKind.DynamicString),
    };

    private int Append(int slot, object value, int end)
    {
        ReadOnlySpan<byte> bytes = value as byte[] ?? Encoding.UTF8.GetBytes(ValueText.Of(value));
        int length = Math.Min(bytes.Length, LargestRecord - end);
        _cut += length < bytes.Length ? 1 : 0;
        bytes[..length].CopyTo(_record.AsSpan(end));
        BinaryPrimitives.WriteUInt32LittleEndian(_record.AsSpan(slot), ((uint)length << 16) | (uint)end);
        return end + length;
    }
}
