using Microsoft.Diagnostics.Tracing;
using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>
/// A kernel tracepoint. The recorder describes its fields up to the first type that it does not know, but keeps the whole
/// payload (spec/trace-formats section 8): the layout is found by what fits both.
/// </summary>
internal sealed class TracepointShape : EventShape
{
    private readonly List<KernelLayout> _fitting;
    private readonly bool _known;
    private readonly HashSet<int> _lengths = [];
    private readonly List<(string Name, int Size, bool Signed)> _described = [];
    private string? _warning;

    public TracepointShape(string system, string name, int id, string[] names)
        : base(system, name, id, names)
    {
        _fitting = [.. KernelLayouts.Find(system, name, id)];
        _known = _fitting.Count > 0;
    }

    /// <summary>Layouts that fit every record seen.</summary>
    public IReadOnlyList<KernelLayout> Fitting => _fitting;

    public override string? Warning => _warning;

    public override ReadOnlySpan<byte> Record(TraceEvent e) => Payload(e);

    /// <param name="kernel">The release to prefer where several layouts fit.</param>
    public void Decide(string? kernel)
    {
        if (_fitting.Count > 0)
        {
            KernelLayout chosen = _fitting.FirstOrDefault(l => kernel is not null && l.Kernels.Contains(kernel)) ?? _fitting[^1];
            Format = chosen.Format;
            if (_fitting.Count > 1)
            {
                string others = string.Join(", ", _fitting.Where(l => l != chosen).SelectMany(l => l.Kernels));
                _warning = $"{Format.FullName}: the layout of Linux {chosen.Kernels[^1]} was taken; that of {others} fits too";
            }

            return;
        }

        KeepDescribed();
    }

    protected override void Look(TraceEvent e)
    {
        ReadOnlySpan<byte> payload = Payload(e);
        _lengths.Add(payload.Length);
        if (Events == 1)
        {
            Describe(e);
            _fitting.RemoveAll(l => !FitsDescription(l.Format));
        }

        for (int i = _fitting.Count - 1; i >= 0; i--)
        {
            if (!LayoutFit.Fits(_fitting[i].Format, payload))
            {
                _fitting.RemoveAt(i);
            }
        }
    }

    /// <summary>perf pads a record so that it and its size, 4 bytes, fill 8-byte units.</summary>
    internal static int Padded(int size) => ((size + 4 + 7) & ~7) - 4;

    private void Describe(TraceEvent e)
    {
        using PayloadValues values = new(e);
        for (int i = KernelLayouts.CommonNames.Length; i < Names.Count; i++)
        {
            (int Size, bool Signed) type = Type.GetTypeCode(values.TypeOf(i)) switch
            {
                TypeCode.Byte or TypeCode.Boolean => (1, false),
                TypeCode.SByte => (1, true),
                TypeCode.UInt16 => (2, false),
                TypeCode.Int16 => (2, true),
                TypeCode.UInt32 => (4, false),
                TypeCode.Int32 => (4, true),
                TypeCode.UInt64 => (8, false),
                TypeCode.Int64 => (8, true),
                _ => default,
            };
            if (type.Size == 0)
            {
                break;
            }

            _described.Add((Names[i], type.Size, type.Signed));
        }
    }

    private bool FitsDescription(EventFormat format)
    {
        List<EventField> own = [.. format.Fields.Where(f => !f.Common)];
        return _described.Count <= own.Count && _described.Index().All(d => own[d.Index].Name == d.Item.Name && own[d.Index].Size == d.Item.Size);
    }

    private void KeepDescribed()
    {
        // The compiler aligns the fields of a tracepoint; those of a probe lie one behind the other, and have known types only.
        bool probe = _described.Count > 0 && _described[0].Name is "__probe_ip" or "__probe_func";
        int end = KernelLayouts.CommonSize;
        List<EventField> fields = [];
        foreach ((string name, int size, bool signed) in _described)
        {
            int offset = probe ? end : (end + size - 1) / size * size;
            fields.Add(LayoutFile.Field(NetTraceNames.Field(name), signed ? 's' : 'u', size, offset));
            end = offset + size;
        }

        bool padding = _lengths.All(length => length == Padded(end));
        if (!padding)
        {
            _warning = $"{System}.{Name}: no layout {(_known ? "fits its records" : "is known")}; the recorder describes {fields.Count} fields, the bytes behind them are in column undescribed";
        }

        if (!padding || (!probe && _lengths.Any(length => length > end)))
        {
            fields.Add(new EventField("undescribed", "", end, 0, false, FieldKind.TailBytes, false, false));
        }

        Format = KernelLayouts.Build(System, Name, Id, fields);
    }
}
