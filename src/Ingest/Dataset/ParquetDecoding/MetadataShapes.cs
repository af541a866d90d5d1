using static TraceReplay.Ingest.Dataset.ParquetDecoding.ThriftShape;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>The structs of Parquet's footer and page headers (parquet.thrift of parquet-format 2.11).</summary>
internal static class MetadataShapes
{
    private static readonly ThriftShape s_statistics = Struct(
        (1, Binary), (2, Binary), (3, I64), (4, I64), (5, Binary), (6, Binary), (7, Bool), (8, Bool));

    private static readonly ThriftShape s_keyValue = Struct((1, Binary), (2, Binary));

    private static readonly ThriftShape s_time = Struct((1, Bool), (2, Struct((1, Any), (2, Any), (3, Any))));

    private static readonly ThriftShape s_logicalType = Struct(
        (1, Any), (2, Any), (3, Any), (4, Any), (5, Struct((1, I32), (2, I32))), (6, Any), (7, s_time), (8, s_time),
        (10, Struct((1, I8), (2, Bool))), (11, Any), (12, Any), (13, Any), (14, Any), (15, Any));

    private static readonly ThriftShape s_schemaElement = Struct(
        (1, I32), (2, I32), (3, I32), (4, Binary), (5, I32), (6, I32), (7, I32), (8, I32), (9, I32), (10, s_logicalType));

    private static readonly ThriftShape s_columnMetadata = Struct(
        (1, I32), (2, List(I32)), (3, List(Binary)), (4, I32), (5, I64), (6, I64), (7, I64), (8, List(s_keyValue)), (9, I64), (10, I64),
        (11, I64), (12, s_statistics), (13, List(Struct((1, I32), (2, I32), (3, I32)))), (14, I64), (15, I32),
        (16, Struct((1, I64), (2, List(I64)), (3, List(I64)))));

    private static readonly ThriftShape s_columnChunk = Struct(
        (1, Binary), (2, I64), (3, s_columnMetadata), (4, I64), (5, I32), (6, I64), (7, I32), (8, Any), (9, Binary));

    private static readonly ThriftShape s_rowGroup = Struct(
        (1, List(s_columnChunk)), (2, I64), (3, I64), (4, List(Struct((1, I32), (2, Bool), (3, Bool)))), (5, I64), (6, I64), (7, I16));

    public static readonly ThriftShape File = Struct(
        (1, I32), (2, List(s_schemaElement)), (3, I64), (4, List(s_rowGroup)), (5, List(s_keyValue)), (6, Binary), (7, List(Any)), (8, Any), (9, Binary));

    public static readonly ThriftShape Page = Struct(
        (1, I32), (2, I32), (3, I32), (4, I32), (5, Struct((1, I32), (2, I32), (3, I32), (4, I32), (5, s_statistics))), (6, Any),
        (7, Struct((1, I32), (2, I32), (3, Bool))),
        (8, Struct((1, I32), (2, I32), (3, I32), (4, I32), (5, I32), (6, I32), (7, Bool), (8, s_statistics))));
}
