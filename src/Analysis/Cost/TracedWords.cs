namespace TraceReplay.Analysis.Cost;

/// <summary>What <c>cost_traced</c> tells times of.</summary>
internal static class TracedWords
{
    public const string Fault = "fault";
    public const string Window = "window";
    public const string NotifierCall = "notifier_call";
    public const string Zap = "zap";
    public const string Function = "function";

    /// <summary>Of a notifier call, where the outcome of a fault stands.</summary>
    public const string NoneZapped = "no leaf zapped";
    public const string Zapped = "leaves zapped";
    public const string NotRecorded = "leaves not recorded";
}
