using TraceReplay.Replay.Cost;
using TraceReplay.Replay.State;

namespace TraceReplay.Analysis.Cost;

/// <summary>Faults that are alike, as a point of the regression.</summary>
/// <param name="X">What each feature counts in one of them.</param>
/// <param name="Nanoseconds">Their latency: the mean of the middle eight tenths.</param>
/// <param name="Faults">How many.</param>
internal sealed record PricePoint(double[] X, double Nanoseconds, long Faults);

/// <summary>What the regression can tell apart, and at which price.</summary>
internal sealed class PriceFit
{
    /// <summary>
    /// Sums of operations that are done together, so that one price each is all that a few kinds of fault can carry; in the order in
    /// which they are tried.
    /// </summary>
    public static IReadOnlyList<(string Name, CostOperation[] Operations)> Features { get; } =
    [
        ("fault", []),
        ("probe_record", []),
        ("exit_to_user", []),
        ("emulation", []),
        ("host_fault", [CostOperation.HostFault]),
        ("driver_fault", [CostOperation.DriverFault]),
        ("walk_load", [CostOperation.WalkFast, CostOperation.WalkSlow, CostOperation.WalkRemapped, CostOperation.WalkLevel, CostOperation.WalkTdp]),
        ("lock", [CostOperation.MmapLock, CostOperation.PageTableLock, CostOperation.MmuLockRead, CostOperation.MmuLockWrite]),
        ("struct_page", [CostOperation.RefGet, CostOperation.RefPut, CostOperation.RefTryFail, CostOperation.PageLine, CostOperation.MarkAccessed, CostOperation.MarkDirty]),
        ("spte_write", [CostOperation.SpteCas, CostOperation.SpteStore, CostOperation.SpteClear]),
        ("slot_dirty", [CostOperation.SlotDirty]),
        ("memmap_check", [CostOperation.MemmapCheck]),
    ];

    private const double Independent = 1e-3;
    private const double Precision = 1e-7;
    private const int Rounds = 5000;

    private PriceFit(bool[] told, double[] prices, double r2)
    {
        Told = told;
        Prices = prices;
        R2 = r2;
    }

    /// <summary>By feature: it can be told apart from those before it.</summary>
    public bool[] Told { get; }

    /// <summary>ns by feature; 0 where it cannot be told apart.</summary>
    public double[] Prices { get; }

    /// <summary>Share of the relative differences between the points that the prices explain.</summary>
    public double R2 { get; }

    /// <summary>Features of one fault in one model.</summary>
    public static double[] X(in CostVector counts, FaultOutcome outcome, double probes)
    {
        double[] x = new double[Features.Count];
        for (int f = 0; f < x.Length; f++)
        {
            foreach (CostOperation operation in Features[f].Operations)
            {
                x[f] += counts[operation];
            }
        }

        x[0] = 1;
        x[1] = probes;
        x[2] = outcome == FaultOutcome.Efault ? 1 : 0;
        x[3] = outcome == FaultOutcome.Emulate ? 1 : 0;
        return x;
    }

    /// <summary>
    /// Least squares of the relative error, no price below 0. A point weighs with the fourth root of its faults, so that one large kind
    /// does not drown all others.
    /// </summary>
    /// <returns>Null with fewer than two points.</returns>
    public static PriceFit? Of(IReadOnlyList<PricePoint> points)
    {
        if (points.Count < 2)
        {
            return null;
        }

        double[] weights = [.. points.Select(point => Math.Pow(point.Faults, 0.25) / Math.Max(1, point.Nanoseconds))];
        double[] y = [.. points.Select((point, i) => point.Nanoseconds * weights[i])];
        double[][] columns = [.. Enumerable.Range(0, Features.Count).Select(f => points.Select((point, i) => point.X[f] * weights[i]).ToArray())];
        bool[] told = Independents(columns, points.Count);
        double[] prices = Solve(columns, told, y);
        return new PriceFit(told, prices, Explained(columns, prices, y));
    }

    /// <summary>What a fault with these features takes.</summary>
    public double Predict(double[] x) => Prices.Zip(x, (price, count) => price * count).Sum();

    /// <summary>Nothing changes but what has a price.</summary>
    public bool CanTell(double[] change) => !Enumerable.Range(0, change.Length).Any(f => !Told[f] && change[f] != 0);

    /// <summary>Features that are no combination of those before them (Gram-Schmidt).</summary>
    private static bool[] Independents(double[][] columns, int most)
    {
        bool[] told = new bool[columns.Length];
        List<double[]> basis = [];
        for (int f = 0; f < columns.Length && basis.Count < most; f++)
        {
            double[] rest = [.. columns[f]];
            foreach (double[] unit in basis)
            {
                double share = Dot(rest, unit);
                rest = [.. rest.Zip(unit, (a, b) => a - (share * b))];
            }

            double left = Math.Sqrt(Dot(rest, rest));
            told[f] = left > Independent * Math.Sqrt(Dot(columns[f], columns[f]));
            if (told[f])
            {
                basis.Add([.. rest.Select(a => a / left)]);
            }
        }

        return told;
    }

    /// <summary>Non-negative least squares by coordinate descent: the problem is convex and has a dozen unknowns.</summary>
    private static double[] Solve(double[][] columns, bool[] told, double[] y)
    {
        double[] prices = new double[columns.Length];
        double[] left = [.. y];
        double[] squares = [.. columns.Select(column => Dot(column, column))];
        for (int round = 0; round < Rounds; round++)
        {
            double moved = 0;
            for (int f = 0; f < columns.Length; f++)
            {
                if (!told[f])
                {
                    continue;
                }

                double price = Math.Max(0, prices[f] + (Dot(columns[f], left) / squares[f]));
                double change = price - prices[f];
                if (change != 0)
                {
                    for (int i = 0; i < left.Length; i++)
                    {
                        left[i] -= change * columns[f][i];
                    }

                    prices[f] = price;
                    moved = Math.Max(moved, Math.Abs(change) / (1 + price));
                }
            }

            if (moved < Precision)
            {
                break;
            }
        }

        return prices;
    }

    private static double Explained(double[][] columns, double[] prices, double[] y)
    {
        // Beside the best constant: what one price for every fault would leave.
        double[] ones = columns[0];
        double constant = Dot(ones, y) / Dot(ones, ones);
        double all = y.Zip(ones, (value, one) => value - (constant * one)).Sum(rest => rest * rest);
        double left = y.Select((value, i) => value - columns.Select((column, f) => column[i] * prices[f]).Sum()).Sum(rest => rest * rest);
        return all > 0 ? 1 - (left / all) : 0;
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
