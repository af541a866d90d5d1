using System.Text;

namespace TraceReplay.Analysis.Probes;

/// <summary>Where dynamic events are placed.</summary>
public interface ITracefs
{
    /// <summary>The events that exist, one a line.</summary>
    string ReadEvents();

    /// <summary>Carries out one command of <c>dynamic_events</c>.</summary>
    /// <returns>null, or why the kernel refused it.</returns>
    string? Run(string command);
}

/// <summary>A mounted tracefs.</summary>
/// <param name="path">Normally <see cref="DefaultPath"/>.</param>
public sealed class TracefsDirectory(string path) : ITracefs
{
    public const string DefaultPath = "/sys/kernel/tracing";

    private const int Busy = 16;

    private readonly string _events = Path.Combine(path, "dynamic_events");

    public string ReadEvents() => Guarded(() => File.ReadAllText(_events));

    public string? Run(string command) => Guarded(() =>
    {
        // Opened as it is: tracefs takes a truncation for the wish to remove every event of every user.
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(_events, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        try
        {
            RandomAccess.Write(file, Encoding.UTF8.GetBytes(command + "\n"), RandomAccess.GetLength(file));
            return null;
        }
        catch (IOException e)
        {
            // The message ends with the path.
            return e.HResult == Busy ? "in use, stop the recording first" : LastError() ?? e.Message.Split(" : ")[0];
        }
    });

    private T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Failed("not there: is tracefs mounted, and has the kernel CONFIG_KPROBE_EVENTS?", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw Failed("no permission: run it as root", e);
        }
        catch (IOException e)
        {
            throw Failed(e.Message, e);
        }
    }

    private AnalysisException Failed(string why, Exception e) => new(AnalysisFailure.Environment, $"{_events}: {why}", e);

    /// <summary>The kernel's own words; the system call gives a number only.</summary>
    private string? LastError()
    {
        try
        {
            string? line = File.ReadLines(Path.Combine(path, "error_log")).LastOrDefault(l => l.Contains("error: ", StringComparison.Ordinal));
            return line?[(line.IndexOf("error: ", StringComparison.Ordinal) + "error: ".Length)..].Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
