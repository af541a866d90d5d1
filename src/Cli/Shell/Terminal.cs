using System.Text;
using TraceReplay.Analysis;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Cli.Shell;

/// <summary>Where a command's words go: results on standard output, everything else on standard error.</summary>
internal sealed class Terminal(bool quiet, bool verbose, bool pages) : IDisposable
{
    private readonly Pager? _pager = pages ? Pager.ForTerminal() : null;
    private readonly List<string> _behindPager = [];
    private StreamWriter? _raw;
    private PrintableWriter? _out;
    private List<string>? _held;

    /// <summary>Results. Buffered; <see cref="Dispose"/> and <see cref="Flush"/> bring them out.</summary>
    /// <remarks>Takes control characters out of whatever comes from a trace or a name.</remarks>
    public TextWriter Out => _out ??= new PrintableWriter(_raw = new StreamWriter(_pager ?? Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16) { NewLine = "\n" });

    public bool Verbose => verbose;

    /// <summary>Progress is for people who watch.</summary>
    public bool ShowsProgress => IsWatched && !IsPaging;

    /// <summary>Whether a pager has the screen and the keys.</summary>
    public bool IsPaging => _pager?.HasStarted == true;

    /// <summary>Set when nobody reads the results any more.</summary>
    public CancellationToken ReaderLeft => _pager?.ReaderLeft ?? CancellationToken.None;

    /// <summary>Columns of prose: those of the terminal, up to what the eye follows; COLUMNS where there is none and it is set; else 100.</summary>
    public static int Width
    {
        get
        {
            const int narrowest = 40, widest = 120, otherwise = 100;
            int columns = OutputIsTerminal ? Console.WindowWidth : int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), out int set) ? set : otherwise;
            return columns <= 0 ? otherwise : Math.Clamp(columns, narrowest, widest);
        }
    }

    /// <summary>Columns of the terminal that is written to; null where it does not say.</summary>
    public static int? Columns => OutputIsTerminal && Console.WindowWidth is > 0 and var columns ? columns : null;

    public static bool OutputIsTerminal => !Console.IsOutputRedirected;

    private bool IsWatched => !quiet && !Console.IsErrorRedirected;

    /// <summary>Something went wrong: one line, whatever the options.</summary>
    public void Error(string line)
    {
        if (_held is not null)
        {
            _held.Add(line);
            return;
        }

        Flush();
        if (_pager?.Holds == true)
        {
            _behindPager.Add(line);
            return;
        }

        Console.Error.Write(Printable.Line(line) + "\n");
    }

    public void Warning(string line) => Note("warning: " + line);

    /// <summary>Whether notes are brought out at all: some take asking the dataset.</summary>
    public bool SaysNotes => !quiet;

    /// <summary>Good to know; not with --quiet.</summary>
    public void Note(string line)
    {
        if (!quiet)
        {
            Error(line);
        }
    }

    /// <summary>The command worth trying next, for people who watch; not with --quiet and not in pipes.</summary>
    public void Next(params ReadOnlySpan<string> words)
    {
        if (IsWatched)
        {
            Error("next: " + Spelled(words.ToArray()));
        }
    }

    /// <summary>A command of this program as one types it.</summary>
    public static string Spelled(IEnumerable<string> words) => "tracereplay " + string.Join(' ', words.Select(ShellWord.Of));

    /// <summary>Keeps messages back until the result is disposed, so that they do not run into a progress bar.</summary>
    public IDisposable HoldMessages()
    {
        _held = [];
        return new Release(this);
    }

    public void Flush() => _raw?.Flush();

    /// <summary>Brings out everything; returns when the reader has closed the pager, if there is one.</summary>
    public void Finish()
    {
        Flush();
        try
        {
            _pager?.Finish();
        }
        finally
        {
            List<string> lines = [.. _behindPager];
            _behindPager.Clear();
            lines.ForEach(Error);
        }
    }

    public void Dispose()
    {
        _out?.Dispose();
        _raw?.Dispose();
        _pager?.Dispose();
    }

    private sealed class Release(Terminal terminal) : IDisposable
    {
        public void Dispose()
        {
            List<string> lines = terminal._held ?? [];
            terminal._held = null;
            lines.ForEach(terminal.Error);
        }
    }
}
