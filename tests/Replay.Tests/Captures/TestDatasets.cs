using TraceReplay.Replay.Tests.Captures;
using Xunit;

[assembly: AssemblyFixture(typeof(TestDatasets))]

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>
/// The directory of the datasets that tests share. xunit disposes it before its runner ends: at the exit of the process
/// the runner's watchdog gives ten seconds, too few where a disk deletes slowly.
/// </summary>
public sealed class TestDatasets : IDisposable
{
    public static string Root { get; } = Directory.CreateTempSubdirectory("tracereplay-tests-").FullName;

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
