using System.CommandLine;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay completion SHELL`: a script that asks the program's own [suggest] directive.</summary>
internal static class CompletionCommand
{
    private static readonly Dictionary<string, string> s_scripts = new()
    {
        ["bash"] = """
            _tracereplay() {
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$(tracereplay "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _tracereplay tracereplay
            """,
        ["zsh"] = """
            _tracereplay() {
                local words_found=("${(f)$(tracereplay "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
                compadd -a words_found
                _files
            }
            compdef _tracereplay tracereplay
            """,
        ["fish"] = """
            complete -c tracereplay -a '(tracereplay "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
            """,
    };

    public static (Command Command, string[] Examples) Create()
    {
        var shell = new Argument<string>("SHELL") { Description = string.Join(", ", s_scripts.Keys), HelpName = "SHELL" };
        shell.AcceptOnlyFromAmong([.. s_scripts.Keys]);
        var command = new Command("completion", "Prints a script that completes commands, options and query names in a shell") { shell };
        command.SetAction(Guard.Action((parse, terminal, _) =>
        {
            terminal.Out.Write(s_scripts[parse.GetValue(shell)!].ReplaceLineEndings("\n") + "\n");
            return ExitCode.Done;
        }));
        return (command, ["eval \"$(tracereplay completion bash)\"", "tracereplay completion fish > ~/.config/fish/completions/tracereplay.fish"]);
    }
}
