using System.Buffers.Binary;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Parquet's types as they are stored; the numbers are the format's.</summary>
internal enum PhysicalType
{
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Float = 4,
    Double = 5,
    ByteArray = 6,
}

/// <summary>How a page's values are encoded; the numbers are the format's.</summary>
internal enum PageEncoding
{
    Plain = 0,
    Rle = 3,
    DeltaBinaryPacked = 5,
    DeltaLengthByteArray = 6,
    RleDictionary = 8,
}

/// <summary>A column as the schema describes it.</summary>
/// <param name="Bits">Of an integer: 8, 16, 32 or 64; else 0.</param>
/// <param name="IsText">Of a byte array: whether it is UTF-8.</param>
internal sealed record ParquetColumn(string Name, PhysicalType Physical, bool Nullable, int Bits = 0, bool Signed = false, bool IsText = false)
{
    /// <summary>Bytes of a value in a plain page; 0 where it is no whole number of them or varies.</summary>
    public int Width => Physical switch
    {
        PhysicalType.Int32 or PhysicalType.Float => 4,
        PhysicalType.Int64 or PhysicalType.Double => 8,
        _ => 0,
    };

    public bool IsFloat => Physical is PhysicalType.Float or PhysicalType.Double;

    public static ParquetColumn Text(string name, bool nullable) => new(name, PhysicalType.ByteArray, nullable, IsText: true);

    public static ParquetColumn Bytes(string name, bool nullable) => new(name, PhysicalType.ByteArray, nullable);

    /// <summary>A column of numbers: sbyte to ulong, float, double or bool.</summary>
    public static ParquetColumn Number<T>(string name, bool nullable)
        where T : unmanaged => default(T) switch
        {
            bool => new(name, PhysicalType.Boolean, nullable),
            float => new(name, PhysicalType.Float, nullable),
            double => new(name, PhysicalType.Double, nullable),
            sbyte => new(name, PhysicalType.Int32, nullable, 8, Signed: true),
            byte => new(name, PhysicalType.Int32, nullable, 8),
            short => new(name, PhysicalType.Int32, nullable, 16, Signed: true),
            ushort => new(name, PhysicalType.Int32, nullable, 16),
            int => new(name, PhysicalType.Int32, nullable, 32, Signed: true),
            uint => new(name, PhysicalType.Int32, nullable, 32),
            long => new(name, PhysicalType.Int64, nullable, 64, Signed: true),
            ulong => new(name, PhysicalType.Int64, nullable, 64),
            _ => throw new NotSupportedException($"column {name}: no Parquet type for {typeof(T).Name}"),
        };

    /// <summary>The order of two values in their plain encoding, as the format defines it for statistics.</summary>
    public int Compare(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => Physical switch
    {
        PhysicalType.ByteArray or PhysicalType.Boolean => a.SequenceCompareTo(b),
        PhysicalType.Float => BinaryPrimitives.ReadSingleLittleEndian(a).CompareTo(BinaryPrimitives.ReadSingleLittleEndian(b)),
        PhysicalType.Double => BinaryPrimitives.ReadDoubleLittleEndian(a).CompareTo(BinaryPrimitives.ReadDoubleLittleEndian(b)),
        PhysicalType.Int32 when Signed => BinaryPrimitives.ReadInt32LittleEndian(a).CompareTo(BinaryPrimitives.ReadInt32LittleEndian(b)),
        PhysicalType.Int32 => BinaryPrimitives.ReadUInt32LittleEndian(a).CompareTo(BinaryPrimitives.ReadUInt32LittleEndian(b)),
        _ when Signed => BinaryPrimitives.ReadInt64LittleEndian(a).CompareTo(BinaryPrimitives.ReadInt64LittleEndian(b)),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(a).CompareTo(BinaryPrimitives.ReadUInt64LittleEndian(b)),
    };
}
