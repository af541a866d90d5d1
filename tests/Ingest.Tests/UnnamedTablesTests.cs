using TraceReplay.Ingest.Dataset;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>Tables that are begun before the capture's id is known. Its lock, which another holds here, keeps it unknown.</summary>
public sealed class UnnamedTablesTests : IDisposable
{
    private const string Id = "0123456789abcdef";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    private static string Sample => Path.Combine(AppContext.BaseDirectory, "sample-traces", "6.1-ttmevict.trace.dat");

    private string Dataset => Path.Combine(_work, "dataset");

    private string Other => Path.Combine(_work, "other");

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Fact]
    public async Task They_are_those_of_a_capture_whose_id_was_known()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        string id = Ingestor.Ingest(Sample, Other, new IngestOptions(), ct).TraceId;
        IngestResult result = await IngestUnnamed(id, () => { }, ct);
        Assert.Equal(id, result.TraceId);
        Assert.Equal(Contents(Other), Contents(Dataset));
    }

    [Fact]
    public async Task They_go_if_the_dataset_turns_out_to_have_the_capture()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        string id = Ingestor.Ingest(Sample, Other, new IngestOptions(), ct).TraceId;
        IngestResult result = await IngestUnnamed(id, () => File.Copy(DatasetLayout.Manifest(Other, id), DatasetLayout.Manifest(Dataset, id)), ct);
        Assert.True(result.AlreadyPresent);
        Assert.False(Directory.Exists(Path.Combine(Dataset, DatasetLayout.Events)));
    }

    [Fact]
    public void What_a_dead_process_left_of_them_goes_when_the_dataset_is_compacted()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        Ingestor.Ingest(Sample, Dataset, new IngestOptions(), ct);
        string left = Path.Combine(DatasetLayout.Unnamed(Dataset), $"3.{Environment.MachineName}.{int.MaxValue}-1.tmp");
        Directory.CreateDirectory(DatasetLayout.Unnamed(Dataset));
        File.WriteAllText(left, "");
        Manifests.Fold(Dataset, _ => { }, ct);
        Assert.False(File.Exists(left));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_table_that_is_named_late_has_the_bytes_of_one_whose_name_was_known(int groups)
    {
        StandIn standIn = new(Id.Length);
        byte[] known = Table("known.parquet", null);
        byte[] named = Table("named.parquet", standIn);

        Assert.Equal(known, named);
        Assert.Contains(standIn.Text[1..], System.Text.Encoding.Latin1.GetString(named), StringComparison.Ordinal);

        byte[] Table(string name, StandIn? unknown)
        {
            ParquetColumn id = ParquetColumn.Text("trace_id", nullable: false);
            ParquetColumn other = ParquetColumn.Text("other", nullable: true);
            string path = Path.Combine(_work, name);
            using (ParquetFile file = new(unknown is null ? path : Path.Combine(_work, "waits"), [id, other], [], standIn: unknown))
            {
                for (int g = 0; g < groups; g++)
                {
                    RowGroupWriter group = file.RowGroup(2);
                    group.Texts(id).Add(unknown?.Text ?? Id, 2);
                    group.Texts(other).Add(standIn.Text[1..], 2);
                    group.Complete();
                }

                if (unknown is not null)
                {
                    file.Name(Id, path);
                }

                file.Complete();
            }

            return File.ReadAllBytes(path);
        }
    }

    /// <summary>Ingests the sample, whose tables are begun while its id is unknown; then something is done, and the id becomes known.</summary>
    private async Task<IngestResult> IngestUnnamed(string id, Action then, CancellationToken ct)
    {
        Task<IngestResult> ingest;
        using (DatasetLock.Take(DatasetLayout.Manifest(Dataset, id), ct))
        {
            ingest = Task.Run(() => Ingestor.Ingest(Sample, Dataset, new IngestOptions { EarlyLimit = 0 }, ct), ct);
            Assert.True(SpinWait.SpinUntil(() => Unnamed().Length > 0 || ingest.IsCompleted, s_patience));
            Assert.False(ingest.IsCompleted);
            Assert.False(Directory.Exists(Path.Combine(Dataset, DatasetLayout.Events)));
            then();
        }

        IngestResult result = await ingest;
        Assert.Empty(Unnamed());
        return result;
    }

    private string[] Unnamed() => Directory.Exists(DatasetLayout.Unnamed(Dataset)) ? Directory.GetFiles(DatasetLayout.Unnamed(Dataset)) : [];

    /// <summary>Each table and a hash of its bytes.</summary>
    private static SortedDictionary<string, string> Contents(string dataset) => new(
        Directory.EnumerateFiles(dataset, "*.parquet", SearchOption.AllDirectories).ToDictionary(
            f => Path.GetRelativePath(dataset, f),
            f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f)))),
        StringComparer.Ordinal);
}
