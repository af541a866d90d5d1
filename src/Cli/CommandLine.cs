using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using TraceReplay.Analysis;
using TraceReplay.Cli.Commands;
using TraceReplay.Cli.Shell;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Cli;

/// <summary>The commands of the contract, section 1.</summary>
internal static class CommandLine
{
    public static int Run(string[] args)
    {
        ParseResult parse = Root().Parse(args);
        if (parse.Errors.Count > 0 && parse.Action is not ExampleHelp)
        {
            return Refuse(parse);
        }

        return parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Replays captures of real kernels against models of KVM's page-fault logic.")
        {
            CommonOptions.Quiet,
            CommonOptions.Verbose,
            CommonOptions.NoPager,
        };
        var examples = new Dictionary<Command, string[]>
        {
            [root] = ["tracereplay run sample-traces", "tracereplay info capture.trace.dat"],
        };
        foreach ((Command command, string[] lines) in Commands(examples))
        {
            root.Add(command);
            examples[command] = lines;
        }

        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExampleHelp((HelpAction)help.Action!, examples);
        return root;
    }

    private static IEnumerable<(Command Command, string[] Examples)> Commands(IReadOnlyDictionary<Command, string[]> examples) =>
    [
        RunCommand.Create(),
        InfoCommand.Create(),
        IngestCommand.Create(),
        ReplayCommand.Create(),
        CompareCommand.Create(),
        CostCommand.Create(),
        FindingsCommand.Create(),
        AroundCommand.Create(),
        DiffCommand.Create(),
        QueryCommand.Create(),
        ExportCommand.Create(),
        ReportCommand.Create(),
        NightlyCommand.Create(),
        CompactCommand.Create(),
        ProbesCommand.Create(),
        ModelsCommand.Create(),
        CompletionCommand.Create(),
        ManCommand.Create(examples),
    ];

    private static int Refuse(ParseResult parse)
    {
        string command = string.Join(' ', parse.CommandResult.Command.Parents.Reverse().Append(parse.CommandResult.Command).Select(c => c is RootCommand ? "tracereplay" : c.Name));
        // A word that is no command is reported twice, the second time as a command that is missing.
        ParseError error = parse.Errors.FirstOrDefault(e => parse.UnmatchedTokens.Any(t => e.Message.Contains(t, StringComparison.Ordinal))) ?? parse.Errors[0];
        string message = parse.UnmatchedTokens is [{ } word, ..] && error.Message.Contains(word, StringComparison.Ordinal) && Unknown(parse.CommandResult.Command, word) is { } unknown ? unknown : error.Message;
        Console.Error.Write($"{Printable.Line(message.ReplaceLineEndings(" ").TrimEnd('.'))} (`{command} --help` shows how it is used)\n");
        return ExitCode.Usage;
    }

    /// <summary>What to say of a word that is no option, or no command; null where it is neither's place.</summary>
    private static string? Unknown(Command command, string word) =>
        word.StartsWith('-') ? Names.UnknownOption(command, word)
        : command is RootCommand ? $"'{word}' is no command{Nearest.Hint(word, command.Subcommands.Select(c => c.Name))}"
        : null;
}
