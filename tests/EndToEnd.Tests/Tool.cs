using System.Diagnostics;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>What one run of the program did.</summary>
internal sealed record ToolResult(int Code, string Output, string Error)
{
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>Runs the built program as a user does: a process of its own, judged by what it prints and how it exits.</summary>
internal static class Tool
{
    /// <summary>The root of the checkout.</summary>
    public static string Repository { get; } = FindRepository();

    public static string Samples { get; } = Path.Combine(Repository, "sample-traces");

    /// <summary>The program as published where TRACEREPLAY_PROGRAM names it, or its tracereplay.dll, else as built beside the tests.</summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable("TRACEREPLAY_PROGRAM") is { Length: > 0 } published ? published : Path.Combine(AppContext.BaseDirectory, "tracereplay.dll");

    /// <summary>What a shell would be told to start it.</summary>
    public static string[] Words { get; } = Program.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", Program] : [Program];

    /// <summary>The same for a line of shell.</summary>
    public static string ShellWords { get; } = string.Join(' ', Words.Select(word => $"'{word}'"));

    public static ToolResult Run(params string[] args) => Run(args, input: null, folder: Repository);

    public static ToolResult Run(string[] args, byte[]? input, string folder, IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Start(args, folder, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            process.StandardInput.BaseStream.Write(input);
        }

        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromMinutes(5)))
        {
            process.Kill();
            throw new TimeoutException($"tracereplay {string.Join(' ', args)}");
        }

        return new ToolResult(process.ExitCode, output.Result, error.Result);
    }

    /// <param name="through">A program, with its arguments, that starts ours.</param>
    public static Process Start(string[] args, string folder, IReadOnlyDictionary<string, string>? environment = null, string[]? through = null)
    {
        string[] words = [.. through ?? [], .. Words, .. args];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static string FindRepository()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "TraceReplay.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
