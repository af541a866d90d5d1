using System.Text;
using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>
/// Thrift's compact protocol, as much of it as Parquet's headers and footer need. Nothing throws: what does not fit sets
/// <see cref="Failed"/>, after which every value is 0 and every struct ends.
/// </summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    // Parquet's own structs are six deep.
    private const int Deepest = 16;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private ThriftType _type;

    public bool Failed { get; private set; }

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>The next field of a struct; <paramref name="id"/> is that of the field before, 0 at first.</summary>
    /// <returns>false at the struct's end.</returns>
    public bool Next(ref int id)
    {
        byte head = Byte();
        if (Failed || head == 0)
        {
            return false;
        }

        _type = (ThriftType)(head & 15);
        id = head >> 4 is var step and > 0 ? id + step : (int)Zigzag();
        return !Failed;
    }

    /// <summary>The field's number, of any width.</summary>
    public long Number()
    {
        if (_type == ThriftType.Byte)
        {
            return (sbyte)Byte();
        }

        if (_type is not (ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64))
        {
            Failed = true;
        }

        return Zigzag();
    }

    public bool Bool()
    {
        Failed |= _type is not (ThriftType.True or ThriftType.False);
        return _type == ThriftType.True;
    }

    /// <summary>Enters a field that is a struct.</summary>
    public void Struct() => Failed |= _type != ThriftType.Struct;

    /// <summary>The first field of a field that is a struct, a number; -1 if it has none.</summary>
    public long FirstNumber()
    {
        long first = -1;
        Struct();
        for (int id = 0; Next(ref id);)
        {
            if (id == 1)
            {
                first = Number();
            }
            else
            {
                Skip();
            }
        }

        return first;
    }

    /// <summary>Enters a list, whose items follow.</summary>
    /// <returns>Its length: no more than bytes are left, as each item takes one at least.</returns>
    public int List(ThriftType items)
    {
        int count = ListHead(out ThriftType type);
        Failed |= type != items;
        return Failed ? 0 : count;
    }

    public string Text() => Encoding.UTF8.GetString(Binary());

    /// <summary>What is of no interest.</summary>
    public void Skip() => Skip(_type, 0);

    /// <summary>Reads a struct to its end; fails where a field is not of the type that <paramref name="shape"/> has for it.</summary>
    public void Pass(ThriftShape shape)
    {
        for (int id = 0; !Failed && Next(ref id);)
        {
            if (shape.Find(id) is { } field)
            {
                Pass(field, _type);
            }
            else
            {
                Skip();
            }
        }
    }

    private void Pass(ThriftShape shape, ThriftType type)
    {
        // A boolean's type is its value.
        if ((type == ThriftType.False ? ThriftType.True : type) != shape.Type)
        {
            Failed = true;
        }
        else if (type == ThriftType.Struct)
        {
            Pass(shape);
        }
        else if (type == ThriftType.List)
        {
            int count = ListHead(out ThriftType items);
            for (int i = 0; i < count && !Failed; i++)
            {
                Pass(shape.Items!, items);
            }
        }
        else
        {
            Skip(type, 0);
        }
    }

    private ReadOnlySpan<byte> Binary()
    {
        Failed |= _type != ThriftType.Binary;
        return Take(Varint());
    }

    private void Skip(ThriftType type, int depth)
    {
        if (depth > Deepest)
        {
            Failed = true;
        }

        switch (type)
        {
            case ThriftType.True or ThriftType.False:
                break;
            case ThriftType.Byte:
                Byte();
                break;
            case ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64:
                Varint();
                break;
            case ThriftType.Double:
                Take(sizeof(double));
                break;
            case ThriftType.Binary:
                Take(Varint());
                break;
            case ThriftType.List:
                int count = ListHead(out ThriftType items);
                for (int i = 0; i < count && !Failed; i++)
                {
                    // A boolean is in its field's head, but in a list it takes a byte.
                    Skip(items is ThriftType.True or ThriftType.False ? ThriftType.Byte : items, depth + 1);
                }

                break;
            case ThriftType.Struct:
                for (int id = 0; !Failed && Next(ref id);)
                {
                    Skip(_type, depth + 1);
                }

                break;
            default:
                Failed = true;
                break;
        }
    }

    private int ListHead(out ThriftType items)
    {
        if (_type != ThriftType.List)
        {
            Failed = true;
        }

        byte head = Byte();
        items = (ThriftType)(head & 15);
        ulong count = head >> 4 is var small and < 15 ? (ulong)small : Varint();
        if (count > (ulong)(_bytes.Length - Position))
        {
            Failed = true;
        }

        return Failed ? 0 : (int)count;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (Failed || count > (ulong)(_bytes.Length - Position))
        {
            Failed = true;
            return default;
        }

        ReadOnlySpan<byte> taken = _bytes.Slice(Position, (int)count);
        Position += (int)count;
        return taken;
    }

    private byte Byte()
    {
        ReadOnlySpan<byte> one = Take(1);
        return one.IsEmpty ? (byte)0 : one[0];
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Byte();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return Failed ? 0 : value;
            }
        }

        Failed = true;
        return 0;
    }

    private long Zigzag()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }
}
