namespace TraceReplay.Ingest.FtraceText;

/// <summary>What is known of where an event's text ends.</summary>
internal enum TextEnd : byte
{
    /// <summary>With its line.</summary>
    Sure,

    /// <summary>Somebody wrote behind it: values that stand there are whole, but what would have followed is not known.</summary>
    Noted,

    /// <summary>The line may have been broken within its last value, and the rest is not there.</summary>
    Open,

    /// <summary>It can be read in more than one way: no value of it is known.</summary>
    Doubtful,
}
