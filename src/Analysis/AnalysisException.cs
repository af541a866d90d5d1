namespace TraceReplay.Analysis;

/// <summary>Whose fault it is, which decides the exit code (contract section 1).</summary>
public enum AnalysisFailure
{
    /// <summary>The person asked for something that does not exist: exit code 2.</summary>
    Usage,

    /// <summary>The dataset could not be read: exit code 3.</summary>
    Input,

    /// <summary>Disk full, no permission, out of memory: exit code 4.</summary>
    Environment,
}

/// <summary>A failure with a message of one line that can be shown as it is.</summary>
public sealed class AnalysisException : Exception
{
    public AnalysisException(AnalysisFailure failure, string message, Exception? inner = null)
        : base(message, inner) => Failure = failure;

    public AnalysisFailure Failure { get; }
}
