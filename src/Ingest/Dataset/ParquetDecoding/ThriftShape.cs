using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>What a field holds.</summary>
/// <param name="Items">Of a list.</param>
/// <param name="Fields">Of a struct, by id; null in between where none is known.</param>
internal sealed record ThriftShape(ThriftType Type, ThriftShape? Items = null, ThriftShape?[]? Fields = null)
{
    public static readonly ThriftShape Bool = new(ThriftType.True);
    public static readonly ThriftShape I8 = new(ThriftType.Byte);
    public static readonly ThriftShape I16 = new(ThriftType.Int16);
    public static readonly ThriftShape I32 = new(ThriftType.Int32);
    public static readonly ThriftShape I64 = new(ThriftType.Int64);
    public static readonly ThriftShape Binary = new(ThriftType.Binary);

    /// <summary>A struct of which no field is known.</summary>
    public static readonly ThriftShape Any = Struct();

    public static ThriftShape Struct(params (int Id, ThriftShape Shape)[] fields)
    {
        ThriftShape?[] byId = new ThriftShape?[fields.Length == 0 ? 0 : fields.Max(field => field.Id) + 1];
        foreach ((int id, ThriftShape shape) in fields)
        {
            byId[id] = shape;
        }

        return new ThriftShape(ThriftType.Struct, Fields: byId);
    }

    public static ThriftShape List(ThriftShape items) => new(ThriftType.List, items);

    public ThriftShape? Find(int id) => Fields is not null && (uint)id < (uint)Fields.Length ? Fields[id] : null;
}
