using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>What stands before a page.</summary>
/// <param name="Length">Of itself.</param>
/// <param name="Size">Of the page behind it.</param>
/// <param name="Values">Rows of a data page, entries of a dictionary.</param>
internal readonly record struct PageHead(int Length, int Size, bool IsDictionary, int Values, PageEncoding Encoding, bool Failed)
{
    private const int DataPage = 0;
    private const int DictionaryPage = 2;

    public static PageHead Read(ReadOnlySpan<byte> bytes)
    {
        ThriftReader thrift = new(bytes);
        (long kind, long size, long packed, long values, long encoding, long levels) = (-1, -1, -1, -1, -1, (long)PageEncoding.Rle);
        for (int id = 0; thrift.Next(ref id);)
        {
            switch (id)
            {
                case 1: kind = thrift.Number(); break;
                case 2: size = thrift.Number(); break;
                case 3: packed = thrift.Number(); break;
                case 5 or 7:
                    thrift.Struct();
                    for (int inner = 0; thrift.Next(ref inner);)
                    {
                        switch (inner)
                        {
                            case 1: values = thrift.Number(); break;
                            case 2: encoding = thrift.Number(); break;
                            case 3 when id == 5: levels = thrift.Number(); break;
                            default: thrift.Skip(); break;
                        }
                    }

                    break;
                default: thrift.Skip(); break;
            }
        }

        bool known = kind is DataPage or DictionaryPage && size is >= 0 and <= int.MaxValue && size == packed && values is > 0 and <= int.MaxValue && levels == (long)PageEncoding.Rle;
        return new PageHead(thrift.Position, (int)size, kind == DictionaryPage, (int)values, (PageEncoding)encoding, thrift.Failed || !known);
    }
}
