using System.Globalization;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>The columns of an event table, from the recorded format.</summary>
internal static class EventSchema
{
    // date and host are the partition's columns; a field of that name would be hidden behind them.
    private static readonly string[] s_leading = ["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "instance", "date", "host"];

    public static IReadOnlyList<EventColumn> Columns(EventFormat format, CaptureInfo info, string traceId)
    {
        HashSet<string> taken = new(s_leading, StringComparer.OrdinalIgnoreCase);
        List<EventColumn> columns =
        [
            new ConstantColumn("trace_id", traceId),
            new HeadColumn<long, SeqValue>("seq"),
            new HeadColumn<long, TimestampValue>("ts_ns"),
            info.CpuRecorded ? new HeadColumn<int, CpuValue>("cpu") : new IdColumn<CpuValue>("cpu"),
            info.PidRecorded ? new HeadColumn<int, PidValue>("pid") : new IdColumn<PidValue>("pid"),
            new IdColumn<TgidValue>("tgid"),
            new CommColumn(),
        ];
        if (info.Instances.Count > 1 || info.Instances[0].Length > 0)
        {
            columns.Add(new TextColumn("instance", (b, i) => info.Instances[b.Extra(i).Instance], nullable: false));
        }

        // A text gives the names itself.
        bool function = format is { System: "ftrace", Name: "function", Nullable: false };
        if (function)
        {
            taken.UnionWith(["function", "parent_function"]);
        }

        foreach (EventField field in format.Fields.Where(f => !f.Common))
        {
            columns.Add(Column(format, field, Unique(field.Name, taken)));
        }

        if (function)
        {
            AddSymbol(columns, "function", format, "ip", info.Symbols);
            AddSymbol(columns, "parent_function", format, "parent_ip", info.Symbols);
        }

        // common_type is the table itself, common_pid the column pid.
        foreach (EventField field in format.Fields.Where(f => f.Common && f.Name is not ("common_type" or "common_pid")))
        {
            columns.Add(Column(format, field, Unique(field.Name, taken)));
        }

        return columns;
    }

    private static string Unique(string name, HashSet<string> taken)
    {
        if (taken.Add(name))
        {
            return name;
        }

        string free = "field_" + name;
        for (int n = 2; !taken.Add(free); n++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"field_{name}_{n}");
        }

        return free;
    }

    private static EventColumn Column(EventFormat format, EventField field, string name)
    {
        if (format.Nullable)
        {
            return NullableColumn(format, field, name);
        }

        bool swap = format.BigEndian == BitConverter.IsLittleEndian;
        return field.Kind switch
        {
            FieldKind.Pointer when field.Size != 8 => new ShortPointerColumn(name, format, field),
            FieldKind.Integer or FieldKind.Pointer => (field.Size, field.Signed) switch
            {
                (1, false) => new NumberColumn<byte>(name, field.Offset, false),
                (1, true) => new NumberColumn<sbyte>(name, field.Offset, false),
                (2, false) => new NumberColumn<ushort>(name, field.Offset, swap),
                (2, true) => new NumberColumn<short>(name, field.Offset, swap),
                (4, false) => new NumberColumn<uint>(name, field.Offset, swap),
                (4, true) => new NumberColumn<int>(name, field.Offset, swap),
                (_, false) => new NumberColumn<ulong>(name, field.Offset, swap),
                (_, true) => new NumberColumn<long>(name, field.Offset, swap),
            },
            FieldKind.Float when field.Size == 4 => new NumberColumn<float>(name, field.Offset, swap),
            FieldKind.Float => new NumberColumn<double>(name, field.Offset, swap),
            FieldKind.CharArray or FieldKind.DynamicString or FieldKind.TailString => new BytesFieldColumn(ParquetColumn.Text(name, nullable: false), field, format.BigEndian),
            _ => new BytesFieldColumn(ParquetColumn.Bytes(name, nullable: false), field, format.BigEndian),
        };
    }

    private static EventColumn NullableColumn(EventFormat format, EventField field, string name)
    {
        int bit = Enumerable.Range(0, format.Fields.Count).First(i => ReferenceEquals(format.Fields[i], field));
        return field.Kind switch
        {
            FieldKind.Integer or FieldKind.Pointer => (field.Size, field.Signed) switch
            {
                (1, false) => new NullableNumberColumn<byte>(name, format, field, bit),
                (1, true) => new NullableNumberColumn<sbyte>(name, format, field, bit),
                (2, false) => new NullableNumberColumn<ushort>(name, format, field, bit),
                (2, true) => new NullableNumberColumn<short>(name, format, field, bit),
                (4, false) => new NullableNumberColumn<uint>(name, format, field, bit),
                (4, true) => new NullableNumberColumn<int>(name, format, field, bit),
                (_, false) => new NullableNumberColumn<ulong>(name, format, field, bit),
                (_, true) => new NullableNumberColumn<long>(name, format, field, bit),
            },
            FieldKind.CharArray or FieldKind.DynamicString or FieldKind.TailString =>
                new NullableBytesColumn(ParquetColumn.Text(name, nullable: true), field, format.BigEndian, bit),
            _ => new NullableBytesColumn(ParquetColumn.Bytes(name, nullable: true), field, format.BigEndian, bit),
        };
    }

    private static void AddSymbol(List<EventColumn> columns, string name, EventFormat format, string from, SymbolTable symbols)
    {
        if (format.Field(from) is not { IsNumber: true } field)
        {
            return;
        }

        Dictionary<ulong, string?> names = [];
        columns.Add(new TextColumn(name, (b, i) => Resolve(FieldReader.Number(format, field, b.Payload(i))), nullable: true));

        string? Resolve(ulong? address)
        {
            if (address is not { } a)
            {
                return null;
            }

            if (!names.TryGetValue(a, out string? symbol))
            {
                names[a] = symbol = symbols.Find(a);
            }

            return symbol;
        }
    }
}
