namespace TraceReplay.Analysis.Cost;

/// <summary>What <c>cost_prices</c> and <c>cost_predictions</c> say of how far their numbers carry.</summary>
internal static class BridgeWords
{
    public const string NotApart = "cannot be told apart from the others in these captures";
    public const string TooFewKinds = "rests on too few kinds of fault";
    public const string NotFromZero = "not told from 0";

    public const string NoPrice = "the data cannot carry it: an operation that differs has no price of its own";
    public const string TooWide = "the data cannot carry it: the interval is wider than a factor of 3";
    public const string NotChecked = "not checked: no capture of that kernel in this scenario";
    public const string MissesAlike = "misses what was observed: nothing that is counted differs";
    public const string Misses = "misses what was observed";
    public const string Agrees = "agrees with what was observed";
}
