using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text;

namespace TraceReplay.Cli.Shell;

/// <summary>The manual page, written from the commands themselves, so that it cannot say anything else than --help.</summary>
/// <remarks>roff with the man macros, section 1; see man(7).</remarks>
internal sealed class ManPage(TextWriter output, IReadOnlyDictionary<Command, string[]> examples)
{
    private static readonly (int Code, string Meaning)[] s_codes =
    [
        (ExitCode.Done, "done"),
        (ExitCode.Findings, "done, and findings that --fail-on asked about are there"),
        (ExitCode.Usage, "wrong usage"),
        (ExitCode.Input, "an input could not be read or was damaged; what was complete before the damage is kept"),
        (ExitCode.Environment, "the environment failed: disk full, no permission"),
        (ExitCode.Defect, "a defect of tracereplay"),
        (ExitCode.Interrupted, "interrupted by a signal"),
    ];

    public void Write(RootCommand root)
    {
        output.WriteLine(".TH TRACEREPLAY 1");
        Section("NAME");
        output.WriteLine(Text("tracereplay - " + root.Description!.TrimEnd('.')));
        Section("SYNOPSIS");
        output.WriteLine(".B tracereplay");
        output.WriteLine(Text("COMMAND [OPTION]... [ARGUMENT]..."));
        Section("DESCRIPTION");
        output.WriteLine(Text("Captures of real kernels (ftrace, perf) become tables; the models of KVM's page-fault logic execute the same events; what they say is compared with what the kernel did."));
        Section("COMMON OPTIONS");
        Options(root);
        Section("COMMANDS");
        foreach (Command command in root.Subcommands.Where(c => !c.Hidden))
        {
            Describe(command);
        }

        Section("EXIT STATUS");
        foreach ((int code, string meaning) in s_codes)
        {
            Item(code.ToString(CultureInfo.InvariantCulture), meaning);
        }

        Section("ENVIRONMENT");
        Item("TRACEREPLAY_PAGER, PAGER", "the pager for what is longer than the terminal, as a command of the shell; empty or cat: none. If neither is set it is less, with LESS=FRX unless LESS is set; the first one wins");
        Item("NO_COLOR", "if set, nothing is printed in colour");
        Section("SEE ALSO");
        output.WriteLine(Text("trace-cmd(1), perf-record(1), perf-script(1), duckdb(1)"));
    }

    private void Describe(Command command)
    {
        output.WriteLine(".SS " + Text("tracereplay " + command.Name + string.Concat(command.Arguments.Select(a => " " + (a.HelpName ?? a.Name)))));
        output.WriteLine(Text(command.Description ?? ""));
        foreach (Argument argument in command.Arguments.Where(a => !string.IsNullOrEmpty(a.Description)))
        {
            Item(argument.HelpName ?? argument.Name, argument.Description!);
        }

        Options(command);
        foreach (string line in examples.GetValueOrDefault(command) ?? [])
        {
            output.WriteLine(".PP");
            output.WriteLine(".EX");
            output.WriteLine(Text("  " + line));
            output.WriteLine(".EE");
        }
    }

    private void Options(Command command)
    {
        foreach (Option option in command.Options.Where(o => !o.Hidden && o is not (HelpOption or VersionOption)))
        {
            string names = string.Join(", ", option.Aliases.Append(option.Name).OrderBy(n => n.Length));
            Item(option.HelpName is { } value ? $"{names} {value}" : names, option.Description ?? "");
        }
    }

    private void Section(string name) => output.WriteLine(".SH " + name);

    private void Item(string term, string text)
    {
        output.WriteLine(".TP");
        output.WriteLine($"\\fB{Text(term)}\\fR");
        output.WriteLine(Text(text));
    }

    // A backslash begins an escape; a hyphen is a minus that can be copied; a line must not begin with a request.
    private static string Text(string text)
    {
        var escaped = new StringBuilder(text).Replace("\\", "\\e").Replace("-", "\\-").Replace("…", "...").ToString();
        return escaped.StartsWith('.') || escaped.StartsWith('\'') ? "\\&" + escaped : escaped;
    }
}
