namespace TraceReplay.Ingest.Capture;

/// <summary>The machine refused: disk full, no permission, a lock that does not come free. Exit code 4 of the contract.</summary>
public sealed class EnvironmentFailedException(string message, Exception? inner = null) : Exception(message, inner);
