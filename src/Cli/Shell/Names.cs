using System.CommandLine;
using System.CommandLine.Parsing;
using TraceReplay.Analysis;

namespace TraceReplay.Cli.Shell;

/// <summary>Options that take several names, repeated or separated by commas.</summary>
internal static class Names
{
    public static IReadOnlyList<string> Split(IEnumerable<string>? values) =>
        [.. (values ?? []).SelectMany(v => v.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct()];

    public static Action<OptionResult> Validator(Option<string[]> option, IReadOnlyList<string> known, string what) => result =>
    {
        foreach (string name in Split(result.GetValue(option)).Where(n => !known.Contains(n)))
        {
            result.AddError($"'{name}' is no {what}; there are: {string.Join(", ", known)}");
        }
    };

    /// <summary>What to say of a word that looks like an option and is none.</summary>
    public static string UnknownOption(Command command, string word) =>
        $"'{word}' is no option{Nearest.Hint(word, command.Options.Append(CommonOptions.Quiet).Append(CommonOptions.Verbose).Append(CommonOptions.NoPager).Select(option => option.Name))}";

    /// <summary>Like the library's AcceptOnlyFromAmong, with a message of one line.</summary>
    public static void OneOf(Option<string?> option, params string[] known)
    {
        option.CompletionSources.Add(known);
        option.Validators.Add(result =>
        {
            if (result.GetValue(option) is { } value && !known.Contains(value))
            {
                result.AddError($"{option.Name} {value}: expected one of {string.Join(", ", known)}");
            }
        });
    }
}
