namespace TraceReplay.Replay.Cost;

/// <summary>Whether a model counts. A type and not a flag, so that a model that does not is compiled without any trace of it.</summary>
public interface ICounting
{
    static abstract bool IsOn { get; }
}

/// <summary>The model only decides.</summary>
public readonly struct NotCounted : ICounting
{
    public static bool IsOn => false;
}

/// <summary>The model counts what it does.</summary>
public readonly struct Counted : ICounting
{
    public static bool IsOn => true;
}
