using MathNet.Numerics.Distributions;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// How far the nights of one host lie apart, with what all hosts of a class say about it: one host has too few nights to tell how
/// rare a night is.
/// </summary>
/// <param name="Variance">Of a night's median around its host's mean, pooled over the hosts.</param>
/// <param name="Freedom">Degrees of freedom of that estimate.</param>
internal readonly record struct NightSpread(double Variance, int Freedom)
{
    public static NightSpread Of(IEnumerable<List<double>> hosts)
    {
        double squares = 0;
        int freedom = 0;
        foreach (List<double> nights in hosts.Where(nights => nights.Count > 1))
        {
            squares += Squares(nights);
            freedom += nights.Count - 1;
        }

        return new NightSpread(freedom == 0 ? 0 : squares / freedom, freedom);
    }

    /// <summary>Chance of a night at least as high as <paramref name="tonight"/>: Student's prediction of one more value after the host's nights.</summary>
    /// <param name="tonight">The night's value.</param>
    /// <param name="nights">The host's earlier ones.</param>
    /// <param name="least">Variance that a value has at least, whatever the nights show.</param>
    public double GreaterP(double tonight, List<double> nights, double least = 0)
    {
        double above = tonight - nights.Average();

        double variance = VarianceOf(nights, least);
        return above <= 0 ? 1 : variance <= 0 ? 0 : StudentT.CDF(0, 1, Freedom, -above / Math.Sqrt(variance));
    }

    /// <summary>How far above the host's nights a value must lie for that chance to be <paramref name="p"/>.</summary>
    public double Shows(double p, List<double> nights, double least) => -StudentT.InvCDF(0, 1, Freedom, p) * Math.Sqrt(VarianceOf(nights, least));

    // A host whose nights differ more than others' is judged by its own.
    private double VarianceOf(List<double> nights, double least) =>
        Math.Max(least, Math.Max(Variance, nights.Count > 1 ? Squares(nights) / (nights.Count - 1) : 0)) * (1 + (1.0 / nights.Count));

    private static double Squares(List<double> nights)
    {
        double mean = nights.Average();
        return nights.Sum(v => (v - mean) * (v - mean));
    }
}
