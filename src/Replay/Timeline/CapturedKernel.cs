using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Replay.Models.Skeleton;

namespace TraceReplay.Replay.Timeline;

/// <summary>What follows from the release and vendor of the captured kernel (spec 0.4, 1.4, 2.1).</summary>
public sealed partial record CapturedKernel
{
    /// <summary>As uname -r says; null if the capture does not record it.</summary>
    public string? Release { get; private init; }

    /// <summary>The model that this kernel's fault logic is; null if the release is unknown.</summary>
    public string? Model { get; private init; }

    /// <summary>The setting of that model nearest to the kernel.</summary>
    public string? Setting { get; private init; }

    public bool Intel { get; private init; }

    /// <summary>RET_PF_FIXED; SPURIOUS is one more, WRITE_PROTECTED (from 6.12) two less.</summary>
    public int RetPfFixed { get; private init; }

    public SpteLayout Layout { get; private init; } = SpteLayout.Npt;

    /// <param name="release">uname -r, possibly with more text around it.</param>
    /// <param name="cpuVendor">amd, intel or null; null is taken for amd.</param>
    public static CapturedKernel From(string? release, string? cpuVendor)
    {
        bool intel = cpuVendor is not null && cpuVendor.Contains("intel", StringComparison.OrdinalIgnoreCase);
        Match match = VersionPattern().Match(release ?? "");
        if (!match.Success)
        {
            return new CapturedKernel { Release = release, Intel = intel, RetPfFixed = 5, Layout = intel ? SpteLayout.Ept : SpteLayout.Npt };
        }

        int major = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        int minor = int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
        int version = (major * 1000) + minor;
        (string model, string setting) = version switch
        {
            < 6008 => ("current", "6.1"),
            < 6012 => ("current", "6.8"),
            < 6013 => ("current", "6.12"),
            < 7003 => ("merged", "7.x"),
            _ => ("merged", "7.3"),
        };
        return new CapturedKernel
        {
            Release = release,
            Model = model,
            Setting = setting,
            Intel = intel,
            RetPfFixed = version < 6012 ? 4 : 5,
            Layout = (!intel ? SpteLayout.Npt : version < 7000 ? SpteLayout.Ept : SpteLayout.Ept7) with
            {
                Frozen = version < 6012 ? 0x5a0 : version < 6013 ? SpteLayout.SuppressVe | 0x5a0 : SpteLayout.SuppressVe | 0x1a0,
            },
        };
    }

    [GeneratedRegex(@"\b(\d+)\.(\d+)\b")]
    private static partial Regex VersionPattern();
}
