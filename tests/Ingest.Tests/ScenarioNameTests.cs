using System.Text;
using TraceReplay.Ingest.Dataset;
using Xunit;

namespace TraceReplay.Ingest.Tests;

public class ScenarioNameTests
{
    [Theory]
    [InlineData("minivmm: scenario ttm begin\n", "ttm")]
    [InlineData("scenario: boot-2.a", "boot-2.a")]
    [InlineData("\0\0\0scenario=x.", "x")]
    [InlineData("the scenarios of tomorrow", null)]
    [InlineData("scenario ", null)]
    [InlineData("scenario \u001b[31m", null)]
    [InlineData("nothing", null)]
    public void A_marker_names_it_by_a_word(string marker, string? expected) => Assert.Equal(expected, ScenarioName.InMarker(Encoding.UTF8.GetBytes(marker)));

    [Theory]
    [InlineData(null, null, "/in/6.12-ttm.trace.dat.zst", "ttm")]
    [InlineData(null, null, "night.perf.data", "night")]
    [InlineData(null, "boot", "/in/trace.dat", "boot")]
    [InlineData("ttm", null, "/in/trace.dat", "ttm")]
    [InlineData("ttm", "boot", "/in/trace.dat", "ttm")]
    [InlineData("ttm", null, "/in/ttm.npt0.trace.dat", "ttm.npt0")]
    [InlineData("ttm", null, "/in/other.trace.dat", "ttm")]
    [InlineData(null, null, "-", "-")]
    public void Markers_come_first_then_what_was_said_then_the_file(string? marker, string? said, string path, string expected) => Assert.Equal(expected, ScenarioName.Of(marker, said, path));

    [Theory]
    [InlineData("trace", false)]
    [InlineData("Capture", false)]
    [InlineData("", false)]
    [InlineData("boot", true)]
    public void A_name_that_every_capture_has_tells_nothing(string name, bool telling) => Assert.Equal(telling, ScenarioName.IsTelling(name));
}
