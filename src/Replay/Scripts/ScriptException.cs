namespace TraceReplay.Replay.Scripts;

/// <summary>A line of a script cannot be read; the message is <c>FILE:LINE: what was found, what was expected</c>.</summary>
public sealed class ScriptException(string file, int line, string complaint) : Exception($"{file}:{line}: {complaint}");
