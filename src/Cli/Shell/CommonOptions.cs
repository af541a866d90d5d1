using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Query;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Shell;

/// <summary>Options that mean the same in every command.</summary>
internal static partial class CommonOptions
{
    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Only results and errors", Recursive = true };

    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Stack traces of our own defects", Recursive = true };

    public static Option<bool> NoPager { get; } = new("--no-pager") { Description = "No pager: on a terminal what is longer than the screen goes to $TRACEREPLAY_PAGER, else $PAGER, else less", Recursive = true };

    public static Option<string> Dataset() => new("--dataset", "-d") { Description = "Directory of the dataset", HelpName = "DATASET", Required = true };

    /// <param name="more">What a command has besides the formats of rows.</param>
    public static Option<string?> Format(params string[] more)
    {
        string[] formats = ["table", "records", "csv", "json", "parquet", .. more];
        var option = new Option<string?>("--format") { Description = "How rows are printed (default: on a terminal table, or records where that is too wide; csv else)", HelpName = string.Join('|', formats) };
        Names.OneOf(option, formats);
        return option;
    }

    public static Option<string?> Output() => new("--output", "-o") { Description = "File for the rows instead of standard output", HelpName = "FILE" };

    public static Option<string[]> Model()
    {
        var option = new Option<string[]>("--model") { Description = "Models to replay against, separated by commas, each a name or name@setting (default: all)", HelpName = "MODEL,…", DefaultValueFactory = _ => [] };
        string[] names = [.. ModelRegistry.All.Select(m => m.Name), .. ModelRegistry.All.SelectMany(m => m.Settings.Select(setting => $"{m.Name}@{setting}"))];
        option.Validators.Add(Names.Validator(option, names, "model"));
        option.CompletionSources.Add(names);
        return option;
    }

    public static Option<string?> Setting()
    {
        string[] settings = [.. ModelRegistry.All.SelectMany(m => m.Settings).Distinct()];
        var option = new Option<string?>("--setting") { Description = "Setting of the models that have it (default: that of the captured kernel)", HelpName = string.Join('|', settings) };
        Names.OneOf(option, settings);
        return option;
    }

    public static Option<string?> Kernel()
    {
        var option = new Option<string?>("--kernel") { Description = "Release of the captured kernel, for captures that do not name it (texts, nettrace)", HelpName = "RELEASE" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !ReleasePattern().IsMatch(result.Tokens[0].Value))
            {
                result.AddError($"--kernel {result.Tokens[0].Value}: expected a release such as 6.12.95");
            }
        });
        return option;
    }

    public static Option<string?> Scenario()
    {
        var option = new Option<string?>("--scenario") { Description = "What ran in captures whose markers do not say it (default: the file's name)", HelpName = "NAME" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (result.Tokens[0].Value.Length is 0 or > 200 || result.Tokens[0].Value.Any(char.IsControl)))
            {
                result.AddError("--scenario: expected a name of 1 to 200 characters");
            }
        });
        return option;
    }

    public static Option<bool> IgnoreProbes() => new("--ignore-probes") { Description = "Leave probe events out and infer what they tell; assumptions then says what that costs" };

    public static Option<string[]> FailOn()
    {
        var option = new Option<string[]>("--fail-on")
        {
            Description = "Exit with 1 if there are findings of these kinds, separated by commas: " + string.Join(", ", Findings.Kinds),
            HelpName = "KIND,…",
            DefaultValueFactory = _ => [],
        };
        option.Validators.Add(Names.Validator(option, Findings.Kinds, "kind of finding"));
        option.CompletionSources.Add([.. Findings.Kinds]);
        return option;
    }

    public static Option<int> Jobs()
    {
        var option = new Option<int>("--jobs", "-j") { Description = "Threads that decode (default: one for each processor)", HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out int jobs) || jobs < 1))
            {
                result.AddError($"--jobs {result.Tokens[0].Value}: expected a number from 1");
            }
        });
        return option;
    }

    public static Option<int> Memory()
    {
        var option = new Option<int>("--memory") { Description = "MiB that the work may take (default: 2048)", HelpName = "MIB" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out int memory) || memory < 256))
            {
                result.AddError($"--memory {result.Tokens[0].Value}: expected a number from 256");
            }
        });
        return option;
    }

    public static Option<string?> Date(string description)
    {
        var date = new Option<string?>("--date") { Description = description, HelpName = "YYYY-MM-DD" };
        date.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !DateOnly.TryParseExact(result.Tokens[0].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
            {
                result.AddError($"--date {result.Tokens[0].Value}: expected YYYY-MM-DD");
            }
        });
        return date;
    }

    /// <summary>What --model, --setting and --kernel ask for.</summary>
    /// <exception cref="AnalysisException">None of the models has that setting.</exception>
    public static ReplayOptions Replay(string[]? models, string? setting, string? kernel)
    {
        IReadOnlyList<string> names = Names.Split(models);
        List<ModelInfo> chosen = [.. ModelRegistry.All.Where(m => names.Count == 0 || names.Any(name => name.Split('@')[0] == m.Name))];
        return setting is null || chosen.Any(m => m.Settings.Contains(setting))
            ? new ReplayOptions { Models = names.Count > 0 ? names : null, Setting = setting, Kernel = kernel }
            : throw new AnalysisException(AnalysisFailure.Usage,
                $"--setting {setting}: there is {string.Join(", ", chosen.Select(m => $"{m.Name} {string.Join('|', m.Settings)}"))}");
    }

    /// <summary>The format asked for, or the one that fits where the rows go.</summary>
    public static RowFormat FormatOf(string? asked, bool toFile) => asked is null
        ? !toFile && Terminal.OutputIsTerminal ? RowFormat.Table : RowFormat.Csv
        : Enum.Parse<RowFormat>(asked, ignoreCase: true);

    [GeneratedRegex(@"^\d+\.\d+\S*$")]
    private static partial Regex ReleasePattern();
}
