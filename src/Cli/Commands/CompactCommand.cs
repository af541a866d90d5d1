using System.CommandLine;
using System.Globalization;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Nightly;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay compact`.</summary>
internal static class CompactCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Option<string> dataset = CommonOptions.Dataset();
        Option<int> memory = CommonOptions.Memory();
        var command = new Command("compact", "Folds the files of single captures into a few for each table and day; queries see the same rows") { dataset, memory };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string root = parse.GetValue(dataset)!;
            using NightlyLock alone = NightlyLock.Take(root, NightlyLock.All, TimeSpan.Zero, waiting: null, ct);
            using var compactor = new Compactor(root, (long)parse.GetValue(memory) << 20);
            CompactionReport done = compactor.Run(ct, waiting: terminal.Note);
            terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{done.Files} files of captures folded into {done.Parts}, {done.Bytes / 1e6:F1} MB"));
            terminal.Next("query", "-d", root, "--list");
            return ExitCode.Done;
        }));
        return (command, ["tracereplay compact -d fleet", "tracereplay compact -d fleet --memory 2048"]);
    }
}
