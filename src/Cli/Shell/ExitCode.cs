namespace TraceReplay.Cli.Shell;

/// <summary>Exit codes of the contract, section 1.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Findings = 1;
    public const int Usage = 2;
    public const int Input = 3;
    public const int Environment = 4;
    public const int Defect = 70;

    /// <summary>Ended by Ctrl-C or SIGTERM, as shells report it.</summary>
    public const int Interrupted = 130;
}
