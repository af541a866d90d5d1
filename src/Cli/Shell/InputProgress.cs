using System.Globalization;
using Spectre.Console;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Cli.Shell;

/// <summary>A progress bar over several inputs, on standard error and only for people who watch.</summary>
internal sealed class InputProgress : IProgress<IngestProgress>
{
    private readonly ProgressTask? _task;
    private string _input = "";
    private int _done;

    private InputProgress(ProgressTask? task) => _task = task;

    /// <summary>Runs work over a number of inputs; what it says on standard error meanwhile comes out when the bar is gone.</summary>
    public static void Over(Terminal terminal, int inputs, Action<InputProgress> work)
    {
        if (!terminal.ShowsProgress)
        {
            work(new InputProgress(null));
            return;
        }

        using IDisposable held = terminal.HoldMessages();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => work(new InputProgress(context.AddTask("…", maxValue: inputs))));
    }

    /// <summary>Work on an input begins.</summary>
    public void Begin(string input)
    {
        _input = input;
        Describe(input);
    }

    /// <summary>How far the current input is.</summary>
    public void Report(IngestProgress value)
    {
        Describe($"{_input}  {value.Events.ToString("N0", CultureInfo.InvariantCulture)} events");
        if (_task is not null)
        {
            _task.Value = _done + value.Share;
        }
    }

    public void End()
    {
        _done++;
        if (_task is not null)
        {
            _task.Value = _done;
        }
    }

    private void Describe(string text)
    {
        if (_task is not null)
        {
            _task.Description = Markup.Escape(Printable.Line(text));
        }
    }
}
