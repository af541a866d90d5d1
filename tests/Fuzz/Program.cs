using SharpFuzz;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;

// Under AFL: one process for all inputs of a run. `TARGET FILE…` runs inputs without it, as a regression test does.
string target = args.Length > 0 ? args[0] : "reader";
Action<string> run = target switch
{
    "reader" => Reader,
    "replay" => Replay,
    _ => throw new ArgumentException($"{target}: expected reader or replay"),
};
if (args.Length > 1)
{
    foreach (string file in args[1..])
    {
        run(file);
    }

    return;
}

string work = Directory.CreateTempSubdirectory("tracereplay-fuzz-").FullName;
string input = Path.Combine(work, "input");
Fuzzer.OutOfProcess.Run(stream =>
{
    using (FileStream file = File.Create(input))
    {
        stream.CopyTo(file);
    }

    run(input);
});

// Every format: which reader an input goes to is decided by its content, and the seeds are of all kinds.
static void Reader(string path)
{
    try
    {
        _ = CaptureInspector.Inspect(path, new ReadOptions(Jobs: 1));
    }
    catch (CaptureException)
    {
    }
}

static void Replay(string path)
{
    string dataset = path + ".dataset";
    try
    {
        string id = Ingestor.Ingest(path, dataset, new IngestOptions { Jobs = 1, Kernel = "6.12.95" }).TraceId;
        ReplayRunner.Run(dataset, id, new ReplayOptions());
    }
    catch (CaptureException)
    {
    }
    finally
    {
        if (Directory.Exists(dataset))
        {
            Directory.Delete(dataset, recursive: true);
        }
    }
}
