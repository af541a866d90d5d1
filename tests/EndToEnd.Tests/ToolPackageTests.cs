using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Xml.Linq;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The tool as `dotnet tool install` brings it: the packages in TRACEREPLAY_PACKAGES, which .ci/run makes as deploy/release.sh does.</summary>
public sealed class ToolPackageTests
{
    private const long Most = 60 * 1024 * 1024;
    private static readonly string s_platform = $"linux-{RuntimeInformation.OSArchitecture}".ToLowerInvariant();

    [Fact]
    public void The_package_of_that_name_only_points_to_those_of_the_platforms()
    {
        using ZipArchive package = ZipFile.OpenRead(Pointer);
        Assert.DoesNotContain(package.Entries, e => e.Name is "tracereplay" || e.Name.EndsWith(".dll", StringComparison.Ordinal));
        Assert.Equal(
            [("linux-x64", "tracereplay.linux-x64"), ("linux-arm64", "tracereplay.linux-arm64")],
            Settings(package).Descendants("RuntimeIdentifierPackage").Select(e => ((string)e.Attribute("RuntimeIdentifier")!, (string)e.Attribute("Id")!)));
    }

    [Fact]
    public void A_platforms_package_holds_native_code_and_nothing_of_the_developers()
    {
        string file = Assert.Single(Directory.GetFiles(Packages, $"tracereplay.{s_platform}.*.nupkg"));
        Assert.InRange(new FileInfo(file).Length, 1, Most);
        using ZipArchive package = ZipFile.OpenRead(file);
        string folder = $"tools/any/{s_platform}/";
        string[] queries = [.. Directory.EnumerateFiles(Path.Combine(Tool.Repository, "queries"), "*.sql", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Tool.Repository, f))];
        Assert.Equal(
            ((string[])["DotnetToolSettings.xml", "libduckdb.so", "tracereplay", .. queries]).Order(StringComparer.Ordinal),
            package.Entries.Select(e => e.FullName).Where(n => n.StartsWith(folder, StringComparison.Ordinal)).Select(n => n[folder.Length..]).Order(StringComparer.Ordinal));
        Assert.Equal("executable", (string)Settings(package).Descendants("Command").Single().Attribute("Runner")!);
    }

    [Fact]
    public void It_installs_from_a_folder_and_runs()
    {
        using var scratch = new Scratch();
        string version = Path.GetFileNameWithoutExtension(Pointer)["tracereplay.".Length..];
        (int code, string said) = Run(scratch, "dotnet", "tool", "install", "tracereplay", "--version", version, "--tool-path", scratch["tools"], "--source", Packages);
        Assert.True(code == 0, said);
        (code, said) = Run(scratch, scratch["tools/tracereplay"], "--version");
        Assert.Equal(0, code);
        Assert.StartsWith(version, said, StringComparison.Ordinal);
        string sample = Path.Combine(Tool.Samples, "6.12-ttmsmall.trace.dat");
        Assert.Equal((0, Tool.Run("run", sample).Output), Run(scratch, scratch["tools/tracereplay"], "run", sample));
    }

    private static string Packages
    {
        get
        {
            string? folder = Environment.GetEnvironmentVariable("TRACEREPLAY_PACKAGES");
            Assert.SkipWhen(string.IsNullOrEmpty(folder), "TRACEREPLAY_PACKAGES names no packages");
            return folder!;
        }
    }

    private static string Pointer => Assert.Single(Directory.GetFiles(Packages, "tracereplay.*.nupkg"), f => char.IsAsciiDigit(Path.GetFileName(f)["tracereplay.".Length]));

    private static XDocument Settings(ZipArchive package)
    {
        using Stream stream = package.Entries.Single(e => e.Name == "DotnetToolSettings.xml").Open();
        return XDocument.Load(stream);
    }

    private static (int Code, string Said) Run(Scratch scratch, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, WorkingDirectory = scratch.Root };

        // What an earlier install unpacked under the same version is not what is tried.
        start.Environment["NUGET_PACKAGES"] = scratch["packages"];
        using Process process = Process.Start(start)!;
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said);
    }
}
