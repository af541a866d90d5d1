namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>A ratio and the interval in which 95 of 100 repeated runs put it.</summary>
public readonly record struct Ratio(double Value, double Low, double High)
{
    /// <summary>The interval does not hold 1.</summary>
    public bool Differs => Low > 1 || High < 1;
}

/// <summary>The ratio of two series that were measured in pairs.</summary>
public static class PairedRatio
{
    private const int Resamples = 2000;

    /// <summary>Normal quantile of a two-sided 95 %, of the difference of two runs.</summary>
    private const double TwoRuns = 1.96 * 1.4142;

    /// <summary>
    /// Median over the pairs of numerator / denominator. The interval is a bootstrap over pairs of the difference of two runs, and so
    /// wider by the square root of two than the interval of the mean: it says where another run of this length will come out.
    /// </summary>
    /// <param name="numerator">By repetition.</param>
    /// <param name="denominator">By repetition, all above 0.</param>
    /// <param name="between">Standard deviation, of the logarithm, from process to process, which repetitions in one of them do not show.</param>
    /// <param name="random">Seeded by the caller, so that the same measurements give the same interval.</param>
    public static Ratio Estimate(ReadOnlySpan<double> numerator, ReadOnlySpan<double> denominator, double between, Random random)
    {
        int n = numerator.Length;
        double[] logs = new double[n];
        for (int i = 0; i < n; i++)
        {
            logs[i] = Math.Log(numerator[i] / denominator[i]);
        }

        double[] sample = new double[n];
        double value = Median([.. logs]);
        double[] differences = new double[Resamples];
        for (int b = 0; b < Resamples; b++)
        {
            differences[b] = Resample() - Resample();
        }

        Array.Sort(differences);

        // The difference of two runs is symmetric: both tails say the same, their mean says it better.
        double half = (Quantile(differences, 0.975) - Quantile(differences, 0.025)) / 2;
        half = Math.Sqrt((half * half) + Math.Pow(TwoRuns * between, 2));
        return new Ratio(Math.Exp(value), Math.Exp(value - half), Math.Exp(value + half));

        double Resample()
        {
            for (int i = 0; i < n; i++)
            {
                sample[i] = logs[random.Next(n)];
            }

            return Median(sample);
        }
    }

    /// <summary>Sorts the values.</summary>
    internal static double Median(double[] values)
    {
        Array.Sort(values);
        int middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    /// <summary>The value at rank ceil(p n) of sorted values.</summary>
    internal static double Quantile(double[] sorted, double p) => sorted[Math.Clamp((int)Math.Ceiling(p * sorted.Length) - 1, 0, sorted.Length - 1)];
}
