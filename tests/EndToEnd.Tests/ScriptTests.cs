using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>Short forms of the scripts in tests/fleet and tests/slurm. A class each, as classes run side by side and most of a script is waiting.</summary>
public abstract class ScriptTests
{
    private const int NotInstalled = 77;

    protected static void EndsWithOk(string script, params string[] arguments)
    {
        using Scratch scratch = new();
        (int code, string output) = FleetTests.Run("bash", [Path.Combine(Tool.Repository, "tests", script), .. arguments], scratch.Root);
        if (code == NotInstalled)
        {
            Console.WriteLine($"tests/{script}: {output.Trim()}");
            return;
        }

        Assert.True(code == 0 && output.TrimEnd().EndsWith("\nok", StringComparison.Ordinal), output);
    }
}

public sealed class RepeatedNightTests : ScriptTests
{
    [Fact]
    public void The_script_ends_with_ok() => EndsWithOk("fleet/repeat.sh", "40", "8");
}

public sealed class KilledNightTests : ScriptTests
{
    [Fact]
    public void The_script_ends_with_ok() => EndsWithOk("fleet/kill.sh", "2", "8", "7");
}

public sealed class SensitivityTests : ScriptTests
{
    [Fact]
    public void The_script_ends_with_ok() => EndsWithOk("fleet/sensitivity.sh", "1", "1", "1.5", "3", "10");
}

public sealed class SlurmTests : ScriptTests
{
    [Fact]
    public void The_script_ends_with_ok() => EndsWithOk("slurm/run.sh", "60");
}
