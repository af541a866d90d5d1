using System.Collections;
using System.Globalization;
using DuckDB.NET.Data;
using Google.Protobuf.Reflection;
using TraceReplay.Analysis.Perfetto.Protos;
using TraceReplay.Ingest.Capture;
using GenericField = TraceReplay.Analysis.Perfetto.Protos.GenericFtraceEvent.Types.Field;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>
/// Writes rows of one event as FtraceEvent. An event has a message of its own where Perfetto has one that takes every recorded
/// field; else it is a generic one, so that no field is lost.
/// </summary>
internal sealed class FtraceMessage
{
    private const int LongestText = 4096;
    private const int LongestList = 64;
    private const int LongestBytes = 256;

    private static readonly HashSet<string> s_common =
        ["trace_id", "seq", "ts_ns", "cpu", "pid", "tgid", "comm", "host", "date", "instance", "common_flags", "common_preempt_count"];

    private readonly string _name;
    private readonly int _number;
    private readonly bool _isGeneric;
    private readonly List<(int Column, string Name, int Number, bool IsState)> _fields = [];
    private readonly WireBuffer _field = new();
    private readonly WireBuffer _body = new();
    private readonly WireBuffer _event = new();

    /// <param name="name">The event.</param>
    /// <param name="columns">Name and type of the columns, in order.</param>
    public FtraceMessage(string name, IReadOnlyList<(string Name, Type Type)> columns)
    {
        _name = name;
        List<(string Name, Type Type, int Column)> recorded = [.. columns.Select((c, i) => (c.Name, c.Type, i)).Where(c => !s_common.Contains(c.Name))];
        MessageDescriptor? own = name == "generic" ? null : FtraceEvent.Descriptor.FindFieldByName(name) is { ContainingOneof: not null } field ? field.MessageType : null;
        _isGeneric = own is null || !recorded.All(c => Takes(own.FindFieldByName(c.Name), c.Type));
        _number = _isGeneric ? FtraceEvent.GenericFieldNumber : FtraceEvent.Descriptor.FindFieldByName(name).FieldNumber;
        foreach ((string column, Type type, int i) in recorded)
        {
            _fields.Add((i, column, _isGeneric ? 0 : own!.FindFieldByName(column).FieldNumber, !_isGeneric && IsState(column, type)));
        }
    }

    /// <summary>Adds the row's event to a bundle.</summary>
    public void Write(WireBuffer bundle, DuckDBDataReader row, long time, int? pid)
    {
        _body.Clear();
        if (_isGeneric)
        {
            _body.Text(GenericFtraceEvent.EventNameFieldNumber, _name);
        }

        foreach ((int column, string name, int number, bool isState) in _fields)
        {
            if (row.IsDBNull(column))
            {
                continue;
            }

            object value = row.GetValue(column);
            if (!_isGeneric)
            {
                Put(_body, isState ? State((string)value) : value, number, number, number);
                continue;
            }

            _field.Clear();
            _field.Text(GenericField.NameFieldNumber, name);
            Put(_field, value, GenericField.IntValueFieldNumber, GenericField.UintValueFieldNumber, GenericField.StrValueFieldNumber);
            _body.Message(GenericFtraceEvent.FieldFieldNumber, _field);
        }

        // Time, task, event: the order that Perfetto's importer reads quickest.
        _event.Clear();
        _event.Number(FtraceEvent.TimestampFieldNumber, (ulong)time);
        _event.Number(FtraceEvent.PidFieldNumber, (uint)(pid ?? 0));
        _event.Message(_number, _body);
        bundle.Message(FtraceEventBundle.EventFieldNumber, _event);
    }

    private static bool Takes(FieldDescriptor? field, Type column) =>
        field is not null && ((field.FieldType == FieldType.String) == (column == typeof(string)) || IsState(field.Name, column)) && (column == typeof(string) || column.IsPrimitive);

    // A text has letters for what a record has as bits.
    private static bool IsState(string name, Type column) => name == "prev_state" && column == typeof(string);

    private static long State(string letters)
    {
        const string bits = "SDTtXZPI+";
        long state = 0;
        foreach (char letter in letters)
        {
            int bit = bits.IndexOf(letter, StringComparison.Ordinal);
            state |= bit < 0 ? 0 : 1L << bit;
        }

        return state;
    }

    private static void Put(WireBuffer output, object value, int signed, int unsigned, int text)
    {
        switch (value)
        {
            case bool flag:
                output.Number(signed, flag ? 1UL : 0);
                break;
            case sbyte or short or int or long:
                output.Number(signed, (ulong)Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case byte or ushort or uint or ulong:
                output.Number(unsigned, Convert.ToUInt64(value, CultureInfo.InvariantCulture));
                break;
            default:
                output.Text(text, Text(value));
                break;
        }
    }

    private static string Text(object value)
    {
        string text = value switch
        {
            string s => s,
            Stream bytes => Hex(bytes),
            IEnumerable list => "{" + string.Join(',', list.Cast<object?>().Take(LongestList).Select(v => v is null ? "" : Text(v))) + "}",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };
        return Printable.Line(text.Length <= LongestText ? text : text[..LongestText]);
    }

    private static string Hex(Stream bytes)
    {
        byte[] first = new byte[Math.Min(bytes.Length, LongestBytes)];
        bytes.ReadExactly(first);
        return Convert.ToHexStringLower(first) + (bytes.Length > first.Length ? "…" : "");
    }
}
