using System.Diagnostics;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Cli.Shell;

/// <summary>Results on a terminal: what is longer than the screen goes to the pager that the reader names, as git's does; the rest is printed.</summary>
internal sealed class Pager : Stream
{
    private const int CannotRun = 126, NotFound = 127;

    private readonly string _command;
    private readonly int _rows;
    private readonly int _columns;
    private readonly MemoryStream _held = new();
    private readonly Stream _screen = Console.OpenStandardOutput();
    private readonly CancellationTokenSource _left = new();
    private Process? _process;
    private int _row;
    private int _column;

    private Pager(string command, int rows, int columns) => (_command, _rows, _columns) = (command, rows, columns);

    /// <summary>The reader has closed the pager: nobody sees what would still be printed.</summary>
    public CancellationToken ReaderLeft => _left.Token;

    public bool HasStarted => _process is not null;

    /// <summary>Whether there is text that the terminal does not show yet.</summary>
    public bool Holds => HasStarted || _held.Length > 0;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Null where there is nobody to page for: no terminal, one that does not say how high it is, or a pager that is turned off.</summary>
    public static Pager? ForTerminal()
    {
        if (OperatingSystem.IsWindows() || !Terminal.OutputIsTerminal || Console.WindowHeight <= 0)
        {
            return null;
        }

        string? command = (Environment.GetEnvironmentVariable("TRACEREPLAY_PAGER") ?? Environment.GetEnvironmentVariable("PAGER") ?? Usual())?.Trim();
        return command is null or "" or "cat" ? null : new Pager(command, Console.WindowHeight, Console.WindowWidth);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_process is not null)
        {
            Pass(buffer);
            return;
        }

        _held.Write(buffer);
        foreach (byte b in buffer)
        {
            Count(b);
        }

        // The prompt that follows takes a row.
        if (_row >= _rows)
        {
            Start();
            Pass(_held.GetBuffer().AsSpan(0, (int)_held.Length));
            _held.SetLength(0);
        }
    }

    /// <summary>Nothing: what is held may become longer than the screen.</summary>
    public override void Flush()
    {
    }

    /// <summary>The text is complete: shows what is held, or waits until the reader closes the pager.</summary>
    /// <exception cref="EnvironmentFailedException">The pager could not be run, so nobody saw the text.</exception>
    public void Finish()
    {
        if (_process is null)
        {
            _screen.Write(_held.GetBuffer(), 0, (int)_held.Length);
            _held.SetLength(0);
            return;
        }

        using Process process = _process;
        _process = null;
        _row = _column = 0;
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }

        process.WaitForExit();
        if (process.ExitCode is CannotRun or NotFound)
        {
            throw new EnvironmentFailedException($"the pager `{_command}` cannot be run (--no-pager prints without one)");
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _held.Dispose();
            _screen.Dispose();
            _left.Dispose();
        }

        base.Dispose(disposing);
    }

    // less, where it is, but not on a terminal that it would complain about.
    private static string? Usual() => Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb")
        && (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "less"))) ? "less" : null;

    /// <summary>The rows that a terminal needs, where a line that is too long goes on in the next.</summary>
    private void Count(byte b)
    {
        if (b == '\n')
        {
            _row++;
            _column = 0;
        }
        else if ((b & 0xC0) != 0x80 && ++_column > _columns && _columns > 0)
        {
            _row++;
            _column = 1;
        }
    }

    private void Start()
    {
        var start = new ProcessStartInfo("sh", ["-c", _command]) { RedirectStandardInput = true };
        // A short text ends at once, colours stay colours, the text stays on the screen.
        start.Environment.TryAdd("LESS", "FRX");
        _process = Process.Start(start)!;
    }

    private void Pass(ReadOnlySpan<byte> text)
    {
        if (_left.IsCancellationRequested)
        {
            return;
        }

        try
        {
            _process!.StandardInput.BaseStream.Write(text);
            _process.StandardInput.BaseStream.Flush();
        }
        catch (IOException)
        {
            _left.Cancel();
        }
    }
}
