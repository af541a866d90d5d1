using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Cost;

/// <summary>Replays one trace with models that count, and writes <c>cost_counts</c>.</summary>
public static class CostPass
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceId">A trace that it holds.</param>
    /// <param name="ct">Stops between batches; nothing is written then.</param>
    /// <exception cref="NotADatasetException">The directory is not a dataset.</exception>
    /// <exception cref="ArgumentException">No such trace.</exception>
    public static CostPassResult Run(string dataset, string traceId, CancellationToken ct = default) => Run(dataset, traceId, null, ct);

    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceId">A trace that it holds.</param>
    /// <param name="together">Gets the table, which is to have its name together with others; null = it gets it at once.</param>
    /// <param name="ct">As above.</param>
    /// <exception cref="NotADatasetException">The directory is not a dataset.</exception>
    /// <exception cref="ArgumentException">No such trace.</exception>
    internal static CostPassResult Run(string dataset, string traceId, List<SealedFile>? together, CancellationToken ct)
    {
        DatasetReader reader = DatasetReader.Open(dataset);
        TraceManifest trace = reader.Traces.FirstOrDefault(t => t.TraceId == traceId)
            ?? throw new ArgumentException($"{dataset}: there is no trace '{traceId}' in it");
        using OperationSource source = new(reader, trace);
        TracedRecords records = new(source.RecordsLeaves);
        source.Watch = records.Add;
        using Pass pass = new(source, reader.ResultPath(traceId, ResultTables.CostCounts), traceId, records);
        while (source.MoveNext())
        {
            ct.ThrowIfCancellationRequested();
            pass.Execute();
        }

        return pass.Complete(together);
    }

    private sealed class Pass : IDisposable
    {
        private readonly OperationSource _source;
        private readonly TracedRecords _records;
        private readonly CostCounter[] _costs;
        private readonly IFaultModel[] _models;
        private readonly int _captured;
        private readonly ResultTable<CostCountRow> _table;
        private readonly CostCountRow _row;
        private readonly List<FaultResult> _results = [];
        private readonly List<ObservedFault> _ended = [];
        private readonly Dictionary<long, CostRow[]> _pending = [];
        private readonly Dictionary<ulong, CostCell> _cells = [];

        public Pass(OperationSource source, string path, string traceId, TracedRecords records)
        {
            _source = source;
            _records = records;
            _costs = [.. ModelCatalog.All.Select(_ => new CostCounter())];
            _models = [.. ModelCatalog.All.Select((model, m) => source.Create(model.Name, _costs[m]))];
            _captured = Array.FindIndex(_models, model => model.Name == source.Kernel.Model);
            if (_captured >= 0)
            {
                // As in a replay: the captured kernel's model goes on from that kernel's own records.
                _models[_captured].Checks = new ObservationChecks();
            }

            _table = CostCountTable.Open(path);
            _row = new CostCountRow(traceId);
        }

        public void Execute()
        {
            for (int m = 0; m < _models.Length; m++)
            {
                _results.Clear();
                _models[m].Execute(_source.Operations, _results);
                _row.Model = _models[m];
                foreach (ref readonly CostRow cost in CollectionsMarshal.AsSpan(_costs[m].Rows))
                {
                    _row.Cost = cost;
                    _table.Add(_row);
                    if (cost.FaultId >= 0)
                    {
                        Pending(cost.FaultId)[m] = cost;
                    }
                }

                _costs[m].Rows.Clear();
            }

            if (_captured >= 0)
            {
                _models[_captured].Checks!.Misses.Clear();
            }

            // Faults of which the models have not been told all yet wait for the next batch.
            _ended.AddRange(_source.Ended);
            _ended.RemoveAll(fault => AddToCell(in fault));
        }

        public CostPassResult Complete(List<SealedFile>? together)
        {
            if (together is null)
            {
                _table.Complete();
            }
            else
            {
                _table.Seal(together);
            }

            return new CostPassResult
            {
                Models = [.. _models.Select(model => model.Name)],
                Settings = [.. _models.Select(model => model.Settings.Name)],
                Captured = _captured,
                Cells = [.. _cells.Values],
                Windows = _records.Windows,
                IdleCalls = _records.Calls.Idle,
                ZappingCalls = _records.Calls.Zapping,
                UntoldCalls = _records.UntoldCalls,
                Zaps = _records.Zaps,
            };
        }

        public void Dispose() => _table.Dispose();

        private CostRow[] Pending(long faultId)
        {
            ref CostRow[]? rows = ref CollectionsMarshal.GetValueRefOrAddDefault(_pending, faultId, out _);
            return rows ??= new CostRow[_models.Length];
        }

        private bool AddToCell(in ObservedFault fault)
        {
            if (!_pending.Remove(fault.FaultId, out CostRow[]? rows))
            {
                return false;
            }

            int probes = _records.TakeProbes(fault.Seq);
            ref readonly CostRow truth = ref rows[Math.Max(0, _captured)];
            bool write = (fault.Access & FaultAccess.Write) != 0;
            ulong key = Key(rows, ((ulong)truth.Path << 24) | ((ulong)fault.Outcome << 16) | ((ulong)truth.Kind << 8) | (write ? 1UL : 0));
            ref CostCell? cell = ref CollectionsMarshal.GetValueRefOrAddDefault(_cells, key, out _);
            cell ??= new CostCell(truth.Path, fault.Outcome, truth.Kind, write, [.. rows.Select(row => row.Counts)], [.. rows.Select(row => row.Outcome)]);
            cell.Faults++;
            cell.Probes += probes;
            if (fault.Latency >= 0)
            {
                cell.Latencies.Add(fault.Latency);
            }

            return true;
        }

        /// <summary>FNV-1a over all that makes faults alike: 64 bits tell a few hundred kinds apart.</summary>
        private static ulong Key(CostRow[] rows, ulong kind)
        {
            ulong key = (14695981039346656037 ^ kind) * 1099511628211;
            foreach (ref readonly CostRow row in rows.AsSpan())
            {
                key = (key ^ (ulong)row.Outcome) * 1099511628211;
                foreach (int count in (ReadOnlySpan<int>)row.Counts)
                {
                    key = (key ^ (uint)count) * 1099511628211;
                }
            }

            return key;
        }
    }
}
