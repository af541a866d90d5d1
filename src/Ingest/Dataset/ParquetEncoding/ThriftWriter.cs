using System.Text;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Types of Thrift's compact protocol.</summary>
internal enum ThriftType : byte
{
    True = 1,
    False = 2,
    Byte = 3,
    Int16 = 4,
    Int32 = 5,
    Int64 = 6,
    Double = 7,
    Binary = 8,
    List = 9,
    Struct = 12,
}

/// <summary>Thrift's compact protocol, as much of it as Parquet's headers and footer need. Fields of a struct come by rising id.</summary>
internal sealed class ThriftWriter(ByteBuffer output)
{
    private readonly int[] _outer = new int[8];
    private int _depth;
    private int _last;

    /// <summary>A struct that is an element of a list, or the outermost one.</summary>
    public void Begin()
    {
        _outer[_depth++] = _last;
        _last = 0;
    }

    public void Begin(int id)
    {
        Field(id, ThriftType.Struct);
        Begin();
    }

    public void End()
    {
        output.WriteByte(0);
        _last = _outer[--_depth];
    }

    public void Byte(int id, int value)
    {
        Field(id, ThriftType.Byte);
        output.WriteByte((byte)value);
    }

    public void Int16(int id, int value)
    {
        Field(id, ThriftType.Int16);
        output.WriteZigzag(value);
    }

    public void Int32(int id, int value)
    {
        Field(id, ThriftType.Int32);
        output.WriteZigzag(value);
    }

    public void Int64(int id, long value)
    {
        Field(id, ThriftType.Int64);
        output.WriteZigzag(value);
    }

    public void Bool(int id, bool value) => Field(id, value ? ThriftType.True : ThriftType.False);

    public void Binary(int id, ReadOnlySpan<byte> value)
    {
        Field(id, ThriftType.Binary);
        BinaryItem(value);
    }

    public void Text(int id, string value) => Binary(id, Encoding.UTF8.GetBytes(value));

    /// <summary>The items follow: structs between <see cref="Begin()"/> and <see cref="End"/>, others by their own methods.</summary>
    public void List(int id, ThriftType items, int count)
    {
        Field(id, ThriftType.List);
        if (count < 15)
        {
            output.WriteByte((byte)((count << 4) | (int)items));
        }
        else
        {
            output.WriteByte((byte)(0xf0 | (int)items));
            output.WriteVarint((ulong)count);
        }
    }

    public void NumberItem(long value) => output.WriteZigzag(value);

    public void BoolItem(bool value) => output.WriteByte((byte)(value ? ThriftType.True : ThriftType.False));

    public void BinaryItem(ReadOnlySpan<byte> value)
    {
        output.WriteVarint((ulong)value.Length);
        output.Write(value);
    }

    public void TextItem(string value) => BinaryItem(Encoding.UTF8.GetBytes(value));

    /// <summary>Structs of a list that are serialised already.</summary>
    public void Items(ReadOnlySpan<byte> structs) => output.Write(structs);

    private void Field(int id, ThriftType type)
    {
        int step = id - _last;
        if (step is > 0 and <= 15)
        {
            output.WriteByte((byte)((step << 4) | (int)type));
        }
        else
        {
            output.WriteByte((byte)type);
            output.WriteZigzag(id);
        }

        _last = id;
    }
}
