using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.TextCompare;

/// <summary>Compares rows field by field and counts what is equal, unknown and different.</summary>
/// <param name="timeDifference">How far apart time stamps may be, in ns.</param>
/// <param name="sameRecording">
/// false for two recordings of one run: a thread's name is taken at another moment, and a probe that reads through a NULL pointer
/// records what happens to lie in its buffer.
/// </param>
internal sealed class RowComparer(long timeDifference, bool sameRecording)
{
    private const int MostExamples = 20;

    private readonly SortedDictionary<string, (long Equal, long Unknown, long Different)> _fields = new(StringComparer.Ordinal);
    private readonly List<string> _examples = [];

    public long Rows { get; private set; }

    public long Fields { get; private set; }

    public long Equal { get; private set; }

    public long Unknown { get; private set; }

    public long Different { get; private set; }

    public void Compare(CapturedRows.Row binary, CapturedRows.Row text)
    {
        Rows++;
        string name = binary.Format.FullName;
        Count("cpu", binary.Cpu == text.Cpu);
        Count("pid", binary.Pid == text.Pid);
        Count("event", name == text.Format.FullName);
        Count("time", Math.Abs(binary.Timestamp - text.Timestamp) <= timeDifference);
        Count("comm", binary.Comm == text.Comm || text.Comm is null || !sameRecording);
        if (name != text.Format.FullName)
        {
            return;
        }

        for (int i = 0; i < binary.Format.Fields.Count; i++)
        {
            EventField field = binary.Format.Fields[i];
            if (field.Name == "common_type")
            {
                continue;
            }

            string? value = null;
            for (int j = 0; j < text.Format.Fields.Count; j++)
            {
                value = text.Format.Fields[j].Name == field.Name ? text.Value(j) : value;
            }

            string? recorded = binary.Value(i);
            (long equal, long unknown, long different) = _fields.GetValueOrDefault($"{name} {field.Name}");
            bool same = value == recorded;
            _fields[$"{name} {field.Name}"] = value is null ? (equal, unknown + 1, different) : same ? (equal + 1, unknown, different) : (equal, unknown, different + 1);
            bool judged = binary.Format.System is "kvm" or "kvmmmu" || (sameRecording && !text.Format.Fields.Any(f => f.Name == "text"));
            Fields++;
            Equal += same ? 1 : 0;
            Unknown += value is null ? 1 : 0;
            if (value is not null && !same && judged)
            {
                Different++;
                Example($"{name} {field.Name}: recorded {recorded}, the text says {value}");
            }
        }

        void Count(string what, bool right)
        {
            if (!right)
            {
                Different++;
                Example($"{name} {what}: {binary.Timestamp} {binary.Cpu} {binary.Pid} {binary.Comm} and {text.Format.FullName} {text.Timestamp} {text.Cpu} {text.Pid} {text.Comm}");
            }
        }
    }

    public IEnumerable<string> Report(bool all) =>
        _examples.Concat(_fields.Where(f => f.Value.Different > 0 || all).Select(f => $"{f.Key}: {f.Value.Equal} equal, {f.Value.Unknown} not in the text, {f.Value.Different} different"));

    private void Example(string text)
    {
        if (_examples.Count < MostExamples)
        {
            _examples.Add(text);
        }
    }
}
