using System.Globalization;
using System.Text;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>Names of threads, from <c>saved_cmdlines</c> (lines <c>pid comm</c>).</summary>
public sealed class CommandLines
{
    private readonly Dictionary<int, string> _comms = new() { [0] = "<idle>" };

    public int Count => _comms.Count;

    public void AddComms(ReadOnlySpan<byte> text)
    {
        foreach (ReadOnlySpan<char> line in Encoding.UTF8.GetString(text).AsSpan().EnumerateLines())
        {
            ReadOnlySpan<char> rest = line.TrimStart();
            int space = rest.IndexOf(' ');
            if (space > 0 && int.TryParse(rest[..space], NumberStyles.Integer, CultureInfo.InvariantCulture, out int pid))
            {
                _comms[pid] = rest[(space + 1)..].TrimEnd('\0').ToString();
            }
        }
    }

    /// <returns>null if the kernel did not keep the name.</returns>
    public string? Comm(int pid) => _comms.GetValueOrDefault(pid);
}
