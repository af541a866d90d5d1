using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Cost;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>Compaction changes files, never rows: at every step at which it may be killed, and when a compacted trace is replayed again.</summary>
public sealed class CompactionTests : IDisposable
{
    private readonly string _dataset = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    public void Dispose() => Directory.Delete(_dataset, recursive: true);

    [Fact]
    public void Every_row_is_seen_once_whenever_it_is_killed()
    {
        Ingest("6.12-mmio", "7.2-ttmevict");
        SortedDictionary<string, string> before = Fingerprint();
        Assert.Contains("kvm_page_fault", before.Keys);
        int killed = 0;

        // Each run gets one step further into the parts and a stretch further into the deletions, then dies.
        for (int last = 1; ; last = last < 100 ? last + 33 : last + 60)
        {
            int steps = 0;
            try
            {
                using Compactor compactor = new(_dataset, step: _ =>
                {
                    if (++steps == last)
                    {
                        throw new KilledException();
                    }
                });
                compactor.Run(TestContext.Current.CancellationToken);
                break;
            }
            catch (KilledException)
            {
                killed++;
                Assert.Equal(before, Fingerprint());
            }
        }

        Assert.True(killed > 3, $"killed only {killed} times");
        Assert.Equal(before, Fingerprint());
        Assert.Empty(Directory.EnumerateFiles(DatasetLayout.ManifestDirectory(_dataset)));
        Assert.Equal(["date=2026-11-22.json"], Directory.EnumerateFiles(DatasetLayout.DayManifestDirectory(_dataset)).Select(Path.GetFileName));
        Assert.All(Own(), file => Assert.Equal(CompactedLayout.Keeper, Path.GetFileNameWithoutExtension(file)));
    }

    [Fact]
    public void A_night_becomes_one_file_a_table_for_each_set_of_columns()
    {
        // Two captures of one kernel with the same events.
        Ingest("6.12-ttmsmall", "6.12-ttmevict");
        using (Compactor compactor = new(_dataset))
        {
            compactor.Run(TestContext.Current.CancellationToken);
        }

        Assert.Single(Directory.GetFiles(Path.Combine(CompactedLayout.Folder(_dataset, "events/kvm.kvm_page_fault"), "date=2026-11-22")));
        Assert.Single(Directory.GetFiles(Path.Combine(CompactedLayout.Folder(_dataset, "results/faults"), "date=2026-11-22")));
    }

    [Fact]
    public void A_compacted_capture_is_known_by_its_content_and_its_own_manifest_hides_the_folded_one()
    {
        string id = Ingest("6.12-mmio", "6.12-ttmsmall")[0];
        string own = DatasetLayout.Manifest(_dataset, id);
        string text = File.ReadAllText(own);
        DatasetReader before = DatasetReader.Open(_dataset);
        using Compactor compactor = new(_dataset);
        compactor.Run(TestContext.Current.CancellationToken);
        Assert.False(File.Exists(own));
        Assert.Equal(before.Traces.Select(Manifest), DatasetReader.Open(_dataset).Traces.Select(Manifest));
        Assert.Equal(text, Manifest(DatasetReader.OpenTrace(_dataset, id)!.Traces[0]));
        Assert.True(Ingestor.Ingest(Sample("6.12-mmio"), _dataset, new IngestOptions(), TestContext.Current.CancellationToken).AlreadyPresent);
        Assert.False(File.Exists(own));

        File.WriteAllText(own, text.Replace("6.12-mmio.trace.dat", "elsewhere", StringComparison.Ordinal));
        Assert.EndsWith("elsewhere", DatasetReader.Open(_dataset).Traces.Single(t => t.TraceId == id).Path, StringComparison.Ordinal);
        using (DatasetSession session = DatasetSession.Open(_dataset))
        {
            Assert.Equal([(id, "elsewhere")], session.Select("SELECT trace_id, parse_filename(path) FROM traces WHERE path LIKE '%elsewhere'", r => (r.GetString(0), r.GetString(1))));
            Assert.Equal([2L], session.Select("SELECT count(*) FROM traces", r => r.GetInt64(0)));
        }

        Assert.Equal(2, Manifests.Forget(_dataset, new DateOnly(2026, 11, 23)));
        Assert.Empty(Directory.EnumerateFiles(DatasetLayout.ManifestDirectory(_dataset)));
        Assert.Empty(Directory.EnumerateFiles(DatasetLayout.DayManifestDirectory(_dataset)));
    }

    private static string Manifest(TraceManifest trace)
    {
        string file = Path.GetTempFileName();
        trace.Write(file);
        string text = File.ReadAllText(file);
        File.Delete(file);
        return text;
    }

    [Fact]
    public void A_compacted_trace_is_replayed_as_before_and_its_new_results_replace_the_old()
    {
        List<string> ids = Ingest("6.12-mmio", "6.1-ttmevict");
        SortedDictionary<string, string> all = Fingerprint();
        using Compactor compactor = new(_dataset);
        compactor.Run(TestContext.Current.CancellationToken);

        ReplayRunner.Run(_dataset, Restored(ids[0]), new ReplayOptions { Models = ["merged"] }, TestContext.Current.CancellationToken);
        SortedDictionary<string, string> merged = Fingerprint();
        Assert.NotEqual(all["outcomes"], merged["outcomes"]);
        Assert.Equal(all["faults"], merged["faults"]);

        compactor.Run(TestContext.Current.CancellationToken);
        Assert.Equal(merged, Fingerprint());

        IReadOnlyList<string> made = compactor.Restore([ids[0]]);
        ReplayRunner.Run(_dataset, ids[0], new ReplayOptions(), TestContext.Current.CancellationToken);
        Compactor.Release(made);
        Assert.Equal(all, Fingerprint());

        string Restored(string id)
        {
            Assert.NotEmpty(compactor.Restore([id]));
            return id;
        }
    }

    [Fact]
    public void The_cost_of_a_compacted_trace_is_its_cost()
    {
        List<string> ids = Ingest("6.12-mmio");
        CostRunner.Run(_dataset, ids, measure: null, ct: TestContext.Current.CancellationToken);
        SortedDictionary<string, string> before = Fingerprint();
        Assert.DoesNotContain(before["cost_counts"], new[] { "0 0" });
        using Compactor compactor = new(_dataset);
        compactor.Run(TestContext.Current.CancellationToken);
        CostRunner.Run(_dataset, ids, measure: null, ct: TestContext.Current.CancellationToken);
        Assert.Equal(before, Fingerprint());
    }

    [Fact]
    public void Views_sql_holds_before_between_and_after()
    {
        Ingest("6.12-mmio");
        Assert.True(ViewsFile.Write(_dataset));
        long rows = Stock();
        Assert.True(rows > 0);
        bool deleting = false;
        using Compactor compactor = new(_dataset, step: step =>
        {
            if (step == "delete" && !deleting)
            {
                deleting = true;
                Assert.Equal(rows, Stock());
            }
        });
        compactor.Run(TestContext.Current.CancellationToken);
        Assert.True(deleting);
        Assert.Equal(rows, Stock());
    }

    /// <summary>Rows of a table by what views.sql alone says, as stock DuckDB would have it.</summary>
    private long Stock()
    {
        using DatasetSession plain = DatasetSession.WithoutDataset();
        string sql = File.ReadAllText(Path.Combine(_dataset, ViewsFile.Name)).Replace("('", $"('{_dataset}/", StringComparison.Ordinal);
        using var views = plain.Command(sql.Replace($"{_dataset}//", "/", StringComparison.Ordinal));
        views.ExecuteNonQuery();
        return plain.Select("SELECT count(*) FROM faults", r => r.GetInt64(0))[0];
    }

    private List<string> Ingest(params string[] samples)
    {
        List<string> ids = [];
        foreach (string sample in samples)
        {
            IngestResult result = Ingestor.Ingest(Sample(sample), _dataset, new IngestOptions { Date = new DateOnly(2026, 11, 22), Host = sample }, TestContext.Current.CancellationToken);
            ReplayRunner.Run(_dataset, result.TraceId, new ReplayOptions(), TestContext.Current.CancellationToken);
            ids.Add(result.TraceId);
        }

        return ids;
    }

    private static string Sample(string name) => Path.Combine(LibraryTests.RepositoryRoot(), "sample-traces", name + ".trace.dat");

    private IEnumerable<string> Own() => new[] { "events", "results", "traces" }.SelectMany(below => Directory.EnumerateFiles(Path.Combine(_dataset, below), "*.parquet", SearchOption.AllDirectories));

    /// <summary>Of each view the rows and a hash of all values that does not depend on their order.</summary>
    private SortedDictionary<string, string> Fingerprint()
    {
        SortedDictionary<string, string> prints = new(StringComparer.Ordinal);
        using DatasetSession session = DatasetSession.Open(_dataset);

        // Findings are made of the other views, each of them of many.
        foreach (string view in session.ViewNames.Where(view => !view.StartsWith("finding", StringComparison.Ordinal)))
        {
            List<string> columns = session.Select($"SELECT column_name FROM (DESCRIBE FROM {Sql.Identifier(view)}) ORDER BY column_name", r => r.GetString(0));
            string values = string.Join(", ", columns.Select(c => $"{Sql.Identifier(c)}::VARCHAR"));
            prints[view] = session.Select($"SELECT count(*) || ' ' || coalesce(sum(hash({values})::HUGEINT), 0) FROM {Sql.Identifier(view)}", r => r.GetString(0))[0];
        }

        return prints;
    }

    private sealed class KilledException : Exception;
}
