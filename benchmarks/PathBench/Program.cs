using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;
using TraceReplay.Replay.Cost.Measuring;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.PathBench;

// What one fault or leaf of each path takes in each model: dotnet run -c Release --project benchmarks/PathBench -- --filter '*'
BenchmarkSwitcher.FromAssembly(typeof(PathBenchmarks).Assembly).Run(args);

namespace TraceReplay.Replay.PathBench
{
    /// <summary>Times are for one fault or leaf: <see cref="Drill.Units"/> of them are one call, on a fresh model each.</summary>
    public class PathBenchmarks
    {
        private readonly List<FaultResult> _results = new(Drill.Units);
        private Drill _drill = null!;
        private IFaultModel _model = null!;

        [ParamsSource(nameof(Models))]
        public string Model { get; set; } = "";

        [ParamsSource(nameof(Paths))]
        public string Path { get; set; } = "";

        public static IEnumerable<string> Models => ModelCatalog.All.Select(model => model.Name);

        public static IEnumerable<string> Paths => Drill.All.Select(drill => drill.Name);

        [IterationSetup]
        public void Prepare()
        {
            _drill = Drill.All.First(drill => drill.Name == Path);
            _model = ModelCatalog.Create(Model, null, SpteLayout.Npt);
            _model.Execute(_drill.Prepare, _results);
            _results.Clear();
        }

        [Benchmark(OperationsPerInvoke = Drill.Units)]
        public int Execute()
        {
            _model.Execute(_drill.Work, _results);
            return _results.Count;
        }
    }
}
