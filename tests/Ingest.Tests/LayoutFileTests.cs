using TraceReplay.Ingest.FtraceText;
using TraceReplay.Ingest.NetTrace;
using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>The one source of what kernels record, which texts and nettrace share.</summary>
public sealed class LayoutFileTests
{
    public static TheoryData<string> Releases => [.. LayoutFile.Releases.Select(f => f.Release)];

    [Theory]
    [MemberData(nameof(Releases))]
    public void Fields_lie_behind_the_common_ones_without_overlap(string release)
    {
        LayoutFile file = LayoutFile.Releases.Single(f => f.Release == release);
        Assert.NotEmpty(file.Events);
        Assert.Equal(file.Events.Count, file.Events.Select(e => $"{e.System}.{e.Name}").Distinct().Count());
        foreach (EventLayout layout in file.Events)
        {
            int end = 0;
            foreach (EventField field in layout.Fields)
            {
                Assert.True(field.Offset >= end, $"{layout.System}.{layout.Name}.{field.Name}");
                end = field.Offset + field.Size;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Releases))]
    public void A_release_is_known_to_texts_and_to_nettrace(string release)
    {
        Assert.Contains(EventCatalog.Releases, c => c.Release == release && c.Events.ContainsKey("kvm_page_fault"));
        Assert.Contains(KernelLayouts.Find("kvm", "kvm_page_fault", 1), l => l.Kernels.Contains(release));
    }

    /// <summary>From the kernels' format files: what differs between releases.</summary>
    [Theory]
    [InlineData("kvm", "kvm_exit", "requests", "6.18,7.2")]
    [InlineData("kvm", "kvm_entry", "intr_info", "6.18,7.2")]
    [InlineData("kvmmmu", "kvm_mmu_spte_requested", "access", "7.2")]
    [InlineData("kvm", "kvm_set_spte_hva", "hva", "6.1")]
    [InlineData("kvm", "kvm_page_fault", "error_code", "6.1,6.12,6.18,7.2")]
    public void A_field_is_in_the_layouts_of_the_releases_that_have_it(string system, string name, string field, string releases) =>
        Assert.Equal(releases.Split(','), KernelLayouts.Find(system, name, 1).Where(l => l.Format.Field(field) is not null).SelectMany(l => l.Kernels));

    [Theory]
    [InlineData("6.12.95+deb12-amd64", "6.12", true)]
    [InlineData("6.12", "6.12", true)]
    [InlineData("6.12-rc1", "6.12", true)]
    [InlineData("6.1.192", "6.12", false)]
    [InlineData("6.12.95", "6.1", false)]
    [InlineData(null, "6.1", false)]
    public void A_release_belongs_to_its_series(string? release, string series, bool belongs) => Assert.Equal(belongs, KernelRelease.IsOf(release, series));

    [Theory]
    [InlineData("Linux version 6.12.95+deb12-amd64 (x@y) (gcc 12) #1 SMP", "6.12.95+deb12-amd64")]
    [InlineData("[    0.000000] Linux version 6.1.0 (x@y)", "6.1.0")]
    [InlineData("Linux rack7 6.12.95+deb12-amd64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux", "6.12.95+deb12-amd64")]
    [InlineData("Linux has 3.5 users", null)]
    [InlineData("Linux", null)]
    public void The_line_that_names_a_kernel_is_known(string line, string? release) => Assert.Equal(release, KernelRelease.InLine(line));
}
