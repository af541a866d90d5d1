using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle;
using TraceReplay.Replay.Oracle.Orders;
using Xunit;
using FaultOutcome = TraceReplay.Replay.State.FaultOutcome;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>
/// The sets of outcomes against brute force: the oracle plays every order of windows, snapshots and checks that the places allow
/// (docs/oracle.md). A set must hold all that some order gives.
/// </summary>
public class RaceTests(ITestOutputHelper output)
{
    private const int ShortRun = 3000;
    internal const int MostOrders = 20_000;

    /// <summary>One verdict in so many may be looser.</summary>
    private const int LooserThan = 300;

    private static readonly Gen<ulong[]> s_moves = Gen.ULong.Array[2, 6];

    [Fact]
    public void Sets_are_those_of_all_orders() => Run(OracleTests.FixedSeed, ShortRun);

    /// <summary>Other sequences each time; TRACEREPLAY_ORACLE_SEED and TRACEREPLAY_ORACLE_SEQUENCES ask for certain ones, and for more.</summary>
    [Fact]
    public void Sets_are_those_of_all_orders_on_other_sequences() => Run(
        OracleTests.Asked("TRACEREPLAY_ORACLE_SEED") ?? (ulong)Stopwatch.GetTimestamp(),
        (int)(OracleTests.Asked("TRACEREPLAY_ORACLE_SEQUENCES") ?? ShortRun));

    /// <summary>Agreement means nothing where the sequences do not go.</summary>
    [Fact]
    public void Sequences_reach_every_set_and_everything_that_is_told_of_places()
    {
        HashSet<string> reached = [];
        for (int i = 0; i < 1500; i++)
        {
            List<Operation> operations = RaceSequence.Of(Moves(OracleTests.FixedSeed, i)).Operations;
            foreach (Operation op in operations)
            {
                reached.UnionWith([$"{op.Kind}", $"vm {op.Vm}", $"{op.Kind} {(op.After == op.Before ? "at" : "between")}"]);
                switch (op.Kind)
                {
                    case OperationKind.WindowOpening when op.Open >= 0:
                        reached.Add("window of a lookup");
                        break;
                    case OperationKind.WindowEnd when op.C != 0:
                        reached.Add("counted end");
                        break;
                    case OperationKind.FaultBegin:
                        BeginFacts facts = new(op.C);
                        reached.UnionWith([$"lookup {facts.LookupMade}", $"slot {facts.Slot}", $"stale {facts.RootStale} {facts.RootMayBeStale}", $"snapshot {facts.SnapshotPlusOne != 0}"]);
                        break;
                    case OperationKind.FaultLookup:
                        reached.UnionWith([$"lock {(OwnStep)op.D}", $"late snapshot {op.B != 0}"]);
                        break;
                    case OperationKind.FaultMap:
                        reached.Add($"raced {((MapFacts)op.B & MapFacts.Raced) != 0}");
                        break;
                }
            }

            Possibilities oracle = new(operations);
            if (oracle.Enumerate(MostOrders))
            {
                reached.UnionWith(Kernel.All.SelectMany(kernel => oracle.Of(kernel).Where(fault => !fault.Contradicted).Select(fault => $"{kernel.Name} {Text(fault.Outcomes)}")));
            }
        }

        string[] wanted =
        [
            "vm 0", "vm 1", "window of a lookup", "counted end", "WindowOpening at", "WindowOpening between", "WindowEnd at", "WindowEnd between", "WindowEnding",
            "FaultLookup between", "FaultMap at", "FaultMap between", "SlotInvalidate", "SlotRemove", "ZapAll", "late snapshot True", "snapshot True", "raced True", "raced False",
            "stale True False", "stale False True", "slot Recorded", "slot MayBeInvalid", "slot SeenInvalid",
            .. Enum.GetNames<OwnStep>().SelectMany(step => new[] { $"lookup {step}", $"lock {step}" }),
            .. Kernel.All.SelectMany(kernel => new[] { "Retry", "Fixed", "Spurious", "Fixed|Retry", "Spurious|Retry", "Retry|Emulate", "Efault", "Async" }.Select(set => $"{kernel.Name} {set}")),
            .. Kernel.All.Where(kernel => kernel.Precheck).SelectMany(kernel => new[] { "Retry|Efault", "Retry|Eintr", "Retry|Async" }.Select(set => $"{kernel.Name} {set}")),
        ];
        Assert.Empty(wanted.Except(reached));
    }

    private void Run(ulong seed, int sequences)
    {
        long begun = Stopwatch.GetTimestamp();
        Tally all = new();
        ParallelLoopResult run = Parallel.For(0, sequences, () => new Tally(), (i, loop, tally) =>
        {
            if (Difference(Moves(seed, i), tally) is not null)
            {
                loop.Break();
            }

            return tally;
        }, all.Add);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {sequences} sequences, {all}, {Stopwatch.GetElapsedTime(begun).TotalSeconds:f1} s"));
        if (run.LowestBreakIteration is { } failed)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, sequence {failed}: {Explain(Moves(seed, (int)failed))}"));
        }

        // The places of windows are judged one by one: docs/oracle.md names where that knows less than all of them together.
        Assert.InRange(all.Looser, 0, all.Faults / LooserThan);
        Assert.InRange(all.LooserContradicted, 0, all.Contradicted / LooserThan);
        Assert.InRange(all.TooMany, 0, sequences / 100);
    }

    internal static ulong[] Moves(ulong seed, int index) => s_moves.Generate(new PCG((uint)index, seed), null, out _);

    private static string? Difference(ulong[] moves, Tally tally)
    {
        try
        {
            return FirstDifference(RaceSequence.Of(moves).Operations, tally);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return e.ToString();
        }
    }

    private static string? FirstDifference(List<Operation> operations, Tally tally)
    {
        Possibilities oracle = new(operations);
        if (!oracle.Enumerate(MostOrders))
        {
            tally.TooMany++;
            return null;
        }

        foreach (Kernel kernel in Kernel.All)
        {
            List<Possible> sets = oracle.Of(kernel);
            IFaultModel model = ModelCatalog.Create(kernel.Model, kernel.Setting, ModelCatalog.Layout(kernel.Model, "npt"));
            List<FaultResult> results = [];
            model.Execute(CollectionsMarshal.AsSpan(operations), results);
            for (int i = 0; i < sets.Count; i++)
            {
                (long fault, HashSet<FaultOutcome> possible, bool contradicted) = (sets[i].Fault, sets[i].Outcomes, sets[i].Contradicted);
                HashSet<FaultOutcome> predicted = [.. Enum.GetValues<FaultOutcome>().Where(o => (results[i].Fault.Outcomes >> (int)o & 1) != 0)];
                if (results[i].FaultId != fault || predicted.Count == 0)
                {
                    return $"{kernel.Name} fault {fault}: no prediction";
                }

                if (contradicted)
                {
                    // No order is right: what the others' records decide stays decided. What the state goes on with is anybody's guess.
                    tally.Contradicted++;
                    tally.LooserContradicted += predicted.Overlaps(possible) ? 0 : 1;
                    break;
                }

                tally.Faults++;
                tally.Sets += possible.Count > 1 ? 1 : 0;
                if (!possible.IsSubsetOf(predicted))
                {
                    return $"{kernel.Name} fault {fault}: {Text(possible)} is possible, {Text(predicted)} predicted";
                }

                if (predicted.Count > possible.Count)
                {
                    tally.Looser++;
                    // The state may have gone on with what is not possible.
                    break;
                }
            }
        }

        return null;
    }

    private static string Text(IEnumerable<FaultOutcome> outcomes) => string.Join('|', outcomes.Order());

    /// <summary>The fewest tasks that still differ.</summary>
    private static string Explain(ulong[] moves)
    {
        for (int i = moves.Length - 1; i >= 0 && moves.Length > 1; i--)
        {
            ulong[] fewer = [.. moves[..i], .. moves[(i + 1)..]];
            if (Difference(fewer, new Tally()) is not null)
            {
                moves = fewer;
                i = moves.Length;
            }
        }

        StringBuilder text = new(Difference(moves, new Tally()) + "\n");
        foreach (Operation op in RaceSequence.Of(moves).Operations)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {op.Kind} vm {op.Vm} open {op.Open} id {op.FaultId} ({op.After}, {op.Before}) a 0x{op.A:x} b 0x{op.B:x} c 0x{op.C:x} d 0x{op.D:x}");
        }

        return text.ToString();
    }

    private sealed class Tally
    {
        public long Faults { get; set; }

        public long Sets { get; set; }

        public long Looser { get; set; }

        public long TooMany { get; set; }

        /// <summary>Verdicts on faults whose own steps fit no order.</summary>
        public long Contradicted { get; set; }

        /// <summary>Of these, those that follow the fault's own steps although the others' records, taken together, decide otherwise.</summary>
        public long LooserContradicted { get; set; }

        public void Add(Tally other)
        {
            lock (this)
            {
                Faults += other.Faults;
                Sets += other.Sets;
                Looser += other.Looser;
                TooMany += other.TooMany;
                Contradicted += other.Contradicted;
                LooserContradicted += other.LooserContradicted;
            }
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Faults} verdicts, {Sets} sets, {Looser} looser, {Contradicted} contradicted ({LooserContradicted} looser), {TooMany} sequences with too many orders");
    }
}
