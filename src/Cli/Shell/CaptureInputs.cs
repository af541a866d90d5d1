using System.CommandLine;
using System.CommandLine.Parsing;
using System.IO.Enumeration;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Cli.Shell;

/// <summary>What CAPTURE… stands for: files, directories (every capture in them), globs, `-` for standard input.</summary>
/// <param name="Paths">Files in the order given, those of a directory by name; `-` as it is.</param>
/// <param name="Ignored">Files of directories that no format recognises, each with the reason.</param>
internal sealed record CaptureInputs(IReadOnlyList<string> Paths, IReadOnlyList<(string Path, string Reason)> Ignored)
{
    private const int MostNamed = 20;
    private const int MostNamedInLine = 3;

    public static Argument<string[]> Argument()
    {
        var captures = new Argument<string[]>("CAPTURE")
        {
            Description = "File, directory, glob, or - for standard input; the format is recognised by content",
            Arity = ArgumentArity.OneOrMore,
        };
        captures.Validators.Add(result =>
        {
            // The parser takes an unknown option for one more file.
            foreach (Token option in result.Tokens.Where(t => t.Value.StartsWith('-') && t.Value != "-" && !Path.Exists(t.Value)))
            {
                result.AddError(Names.UnknownOption(((CommandResult)result.Parent!).Command, option.Value));
            }
        });
        return captures;
    }

    public static CaptureInputs Resolve(IEnumerable<string> arguments)
    {
        var paths = new List<string>();
        var ignored = new List<(string, string)>();
        foreach (string argument in arguments.SelectMany(Expand))
        {
            if (!Directory.Exists(argument))
            {
                paths.Add(argument);
                continue;
            }

            foreach (string file in FileTree.Files(argument, followLinks: true).Order(StringComparer.Ordinal))
            {
                if (CaptureRecognition.Judge(file) is { } reason)
                {
                    ignored.Add((file, reason));
                }
                else
                {
                    paths.Add(file);
                }
            }
        }

        return new CaptureInputs([.. paths.Distinct()], ignored);
    }

    /// <summary>Says what a directory held besides captures, and whether there is anything to do.</summary>
    /// <returns>False if there is no capture at all.</returns>
    public bool Announce(IEnumerable<string> arguments, Terminal terminal)
    {
        if (Paths.Count == 0)
        {
            terminal.Error($"{string.Join(", ", arguments)}: found no capture among {Ignored.Count} {Files}, expected at least one{Reasons}");
            return false;
        }

        if (Ignored.Count > 0)
        {
            terminal.Note($"{Ignored.Count} other {Files} ignored");
            foreach ((string path, string reason) in Ignored.Take(MostNamed))
            {
                terminal.Note($"  {path}: {reason}");
            }

            if (Ignored.Count > MostNamed)
            {
                terminal.Note($"  and {Ignored.Count - MostNamed} more");
            }
        }

        return true;
    }

    private string Files => Ignored.Count == 1 ? "file" : "files";

    private string Reasons => Ignored.Count == 0 ? "" : $" ({string.Join("; ", Ignored.Take(MostNamedInLine).Select(i => $"{i.Path}: {i.Reason}"))}{(Ignored.Count > MostNamedInLine ? "; ..." : "")})";

    private static IEnumerable<string> Expand(string argument)
    {
        if (argument == "-" || argument.IndexOfAny(['*', '?']) < 0 || Path.Exists(argument))
        {
            return [argument];
        }

        string root = Path.IsPathRooted(argument) ? Path.GetPathRoot(argument)! : "";
        IEnumerable<string> found = [root];
        foreach (string part in argument[root.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            found = found.SelectMany(folder => Match(folder, part)).ToList();
        }

        List<string> matches = [.. found.Order(StringComparer.Ordinal)];
        return matches.Count > 0 ? matches : [argument];
    }

    private static IEnumerable<string> Match(string folder, string part)
    {
        if (part.IndexOfAny(['*', '?']) < 0)
        {
            string path = Path.Combine(folder, part);
            return Path.Exists(path) ? [path] : [];
        }

        string start = folder.Length == 0 ? "." : folder;
        return Directory.Exists(start)
            ? Directory.EnumerateFileSystemEntries(start)
                .Select(Path.GetFileName)
                .OfType<string>()
                .Where(name => FileSystemName.MatchesSimpleExpression(part, name, ignoreCase: false))
                .Select(name => Path.Combine(folder, name))
            : [];
    }
}
