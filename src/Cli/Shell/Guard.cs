using System.CommandLine;
using System.Runtime.InteropServices;
using TraceReplay.Analysis;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Scripts;

namespace TraceReplay.Cli.Shell;

/// <summary>Runs a command's work and turns every way it can end into an exit code and one line.</summary>
internal static class Guard
{
    /// <summary>Makes a command's action out of its work.</summary>
    public static Func<ParseResult, int> Action(Func<ParseResult, Terminal, CancellationToken, int> work) => parse =>
    {
        bool verbose = parse.GetValue(CommonOptions.Verbose);
        using var stop = new CancellationTokenSource();
        void Interrupt(PosixSignalContext context)
        {
            // The first signal asks for a clean end; a second one ends the process as signals do.
            context.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }

        using var terminal = new Terminal(parse.GetValue(CommonOptions.Quiet), verbose, !parse.GetValue(CommonOptions.NoPager));
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            // Ctrl-C in a pager is the pager's, and it must not be left behind without us.
            bool isPagers = terminal.IsPaging;
            Interrupt(context);
            context.Cancel |= isPagers;
        });
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using var damage = new DamageReport(terminal);
        try
        {
            int code = work(parse, terminal, stop.Token);
            terminal.Finish();
            return damage.Worse(code, parse.CommandResult.Command.Name == "nightly");
        }
        catch (Exception e)
        {
            int code = Explain(e, terminal);
            try
            {
                terminal.Finish();
            }
            catch (Exception more) when (more is IOException or EnvironmentFailedException)
            {
                Explain(more, terminal);
            }

            return code;
        }
    };

    /// <summary>Prints the line for a failure.</summary>
    /// <returns>The exit code that belongs to it.</returns>
    public static int Explain(Exception error, Terminal terminal)
    {
        (int code, string text) = error switch
        {
            AggregateException { InnerExceptions: [var only] } => (Explain(only, terminal), ""),
            OperationCanceledException => (ExitCode.Interrupted, "interrupted"),
            AnalysisException { Failure: AnalysisFailure.Usage } => (ExitCode.Usage, error.Message),
            AnalysisException { Failure: AnalysisFailure.Input } => (ExitCode.Input, error.Message),
            AnalysisException => (ExitCode.Environment, error.Message),
            CaptureException or ScriptException or NotADatasetException => (ExitCode.Input, error.Message),
            EnvironmentFailedException => (ExitCode.Environment, error.Message),
            UnauthorizedAccessException or IOException => (ExitCode.Environment, error.Message),
            OutOfMemoryException => (ExitCode.Environment, "out of memory"),
            _ => (ExitCode.Defect, $"a defect of tracereplay, please report: {error.GetType().Name}: {FirstLine(error.Message)} (--verbose shows where)"),
        };
        if (text.Length > 0)
        {
            terminal.Error(text);
        }

        if (terminal.Verbose && code == ExitCode.Defect)
        {
            foreach (string line in error.ToString().Split('\n'))
            {
                terminal.Error(line);
            }
        }

        return code;
    }

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd('\r');
}
