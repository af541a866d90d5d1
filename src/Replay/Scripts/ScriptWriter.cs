using System.Globalization;
using System.Text;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Scripts;

/// <summary>Writes operations as a script (docs/oracle.md), one line each.</summary>
public static class ScriptWriter
{
    private static readonly Dictionary<OperationKind, LineForm> s_forms = LineForm.All.ToDictionary(form => form.Kind);

    public static string Write(IEnumerable<Operation> operations)
    {
        StringBuilder script = new();
        foreach (Operation op in operations)
        {
            if (op.Vm != 0)
            {
                script.Append(CultureInfo.InvariantCulture, $"vm {op.Vm} ");
            }

            if (op.AsId != 0)
            {
                script.Append(CultureInfo.InvariantCulture, $"as {op.AsId} ");
            }

            if (s_forms.TryGetValue(op.Kind, out LineForm? form))
            {
                form.Write(in op, script);
            }
            else
            {
                // Only a recorded stream has it.
                script.Append(CultureInfo.InvariantCulture, $"# {op.Kind}");
            }

            script.Append('\n');
        }

        return script.ToString();
    }
}
