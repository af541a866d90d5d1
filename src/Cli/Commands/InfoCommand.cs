using System.CommandLine;
using TraceReplay.Analysis.Knowledge;
using TraceReplay.Cli.Shell;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay info`.</summary>
internal static class InfoCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Argument<string[]> captures = CaptureInputs.Argument();
        Option<string?> format = CommonOptions.Format();
        format.Description = "How it is printed (default: table; the others give one row for each property, event and fact)";
        Option<string?> output = CommonOptions.Output();
        var command = new Command("info", "What a capture holds, and what a replay of it can know, infer or must assume") { captures, format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            CaptureInputs inputs = CaptureInputs.Resolve(parse.GetValue(captures)!);
            if (!inputs.Announce(parse.GetValue(captures)!, terminal))
            {
                return ExitCode.Input;
            }

            (List<CaptureInspection> inspected, int code) = Inspect(inputs, terminal, ct);
            if (parse.GetValue(format) is null or "table" && parse.GetValue(output) is null)
            {
                inspected.ForEach(capture => InspectionWriter.Write(terminal.Out, capture));
            }
            else if (inspected.Count > 0)
            {
                new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(InspectionWriter.Rows(inspected), terminal, ct);
            }

            if (inspected.Count > 0)
            {
                terminal.Next(["run", .. parse.GetValue(captures)!]);
            }

            return code;
        }));
        return (command,
        [
            "tracereplay info capture.trace.dat",
            "tracereplay info captures/ --format csv | grep ',assumed,'",
        ]);
    }

    private static (List<CaptureInspection> Inspected, int Code) Inspect(CaptureInputs inputs, Terminal terminal, CancellationToken ct)
    {
        var inspected = new List<CaptureInspection>();
        int code = ExitCode.Done;
        InputProgress.Over(terminal, inputs.Paths.Count, progress =>
        {
            foreach (string path in inputs.Paths)
            {
                progress.Begin(path);
                try
                {
                    CaptureInspection capture = CaptureInspection.Of(path, ct);
                    inspected.Add(capture);
                    if (capture.Damage is not null)
                    {
                        terminal.Error($"{capture.Damage} (the {capture.EventCount} events before it are counted)");
                        code = Math.Max(code, ExitCode.Input);
                    }
                }
                catch (CaptureException e)
                {
                    code = Math.Max(code, Guard.Explain(e, terminal));
                }

                progress.End();
            }
        });
        return (inspected, code);
    }
}
