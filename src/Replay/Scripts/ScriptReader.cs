using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Scripts;

/// <summary>Reads a script: an operation a line, <c>#</c> begins a comment. The language is listed in docs/oracle.md.</summary>
public sealed class ScriptReader
{
    // Beyond these a script is no scenario that a person looks at, and memory would grow with it.
    private const int MaxLine = 4096;
    private const int MaxLines = 1 << 16;
    private const int MaxVm = 63;

    private readonly string _file;
    private readonly Dictionary<int, (long FaultId, short Vm)> _openFaults = [];
    private long _faults;

    private ScriptReader(string file) => _file = file;

    /// <param name="text">The script.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <exception cref="ScriptException">A line is not an operation.</exception>
    public static List<Operation> Read(TextReader text, string file)
    {
        ScriptReader reader = new(file);
        List<Operation> operations = [];
        int number = 0;
        while (text.ReadLine() is { } line)
        {
            number++;
            if (line.Length > MaxLine || number > MaxLines)
            {
                throw new ScriptException(file, number, number > MaxLines ? $"more lines, expected at most {MaxLines}" : $"a line of {line.Length} characters, expected at most {MaxLine}");
            }

            int comment = line.IndexOf('#', StringComparison.Ordinal);
            LineWords words = new(file, number, comment < 0 ? line : line[..comment]);
            if (!words.AtEnd)
            {
                operations.Add(reader.ReadOperation(words));
            }
        }

        return operations;
    }

    private Operation ReadOperation(LineWords words)
    {
        Operation op = new() { Open = -1, FaultId = -1 };
        if (words.Take("vm"))
        {
            op.Vm = (short)words.Number("vm", MaxVm);
        }

        if (words.Take("as"))
        {
            op.AsId = (byte)words.Number("as", 1);
        }

        LineForm form = LineForm.All.FirstOrDefault(form => words.Take(form.Words))
            ?? throw words.Complaint($"{words.Peek}, expected an operation such as 'slot', 'window begin' or 'fault begin'");
        op.Kind = form.Kind;
        foreach (LinePart part in form.Parts)
        {
            part.Read(words, ref op);
        }

        if (!words.AtEnd)
        {
            throw words.Complaint($"{words.Peek}, expected the end of '{form.Verb}'");
        }

        if (form.IsOfFault)
        {
            Number(words, ref op);
        }

        return op;
    }

    /// <summary>Faults are numbered in the order in which they begin.</summary>
    private void Number(LineWords words, ref Operation op)
    {
        if (op.Kind == OperationKind.FaultBegin)
        {
            if (!_openFaults.TryAdd(op.Open, (_faults, op.Vm)))
            {
                throw words.Complaint($"fault {op.Open} begins, expected the one that is open to be mapped first");
            }

            op.FaultId = _faults++;
            return;
        }

        if (!_openFaults.TryGetValue(op.Open, out (long FaultId, short Vm) open) || open.Vm != op.Vm)
        {
            throw words.Complaint($"fault {op.Open} is not open{(open.Vm != op.Vm ? " in this VM" : "")}, expected 'fault begin {op.Open}' before");
        }

        op.FaultId = open.FaultId;
        if (op.Kind == OperationKind.FaultMap)
        {
            _openFaults.Remove(op.Open);
        }
    }
}
