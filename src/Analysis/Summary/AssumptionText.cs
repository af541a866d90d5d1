namespace TraceReplay.Analysis.Summary;

/// <summary>What the assumptions are about, in two or three words; `models --vocabulary` has a sentence for each.</summary>
internal static class AssumptionText
{
    /// <summary>The words; null for what is about no record: how the guest would have gone on under another kernel.</summary>
    public static string? Subject(string assumption) => assumption switch
    {
        "AS-1" => "memslots",
        "AS-2" => "kinds of VMA",
        "AS-3" => "refcounts",
        "AS-4" => "orders of TTM's blocks",
        "AS-5" => "ends of invalidation windows",
        "AS-6" => "the order of events",
        "AS-7" => "records that are missing",
        "AS-8" => "the kernel's settings",
        "AS-11" => "whose an event is",
        "writable" => "whether the host maps a page writable",
        _ => null,
    };
}
