using TraceReplay.Replay.Results;
using Xunit;

namespace TraceReplay.Replay.Tests.Results;

public class FidelityTallyTests
{
    [Fact]
    public void The_total_is_the_sum_of_the_standings_and_coverage_leaves_out_what_was_not_predicted_and_compared()
    {
        FidelityTally tally = new();
        foreach (Standing standing in Enum.GetValues<Standing>())
        {
            tally.Add(FidelityQuantity.Outcome, standing);
            tally.Add(FidelityQuantity.Outcome, standing, (long)standing);
        }

        // 1 + 0 matched, 2 in a set, 3 missed; then 4, 5, 6 and 7.
        Assert.Equal(28, tally.Total(FidelityQuantity.Outcome));
        Assert.Equal(6.0 / 28, tally.Coverage(FidelityQuantity.Outcome));
        Assert.Equal(5, tally.Count(FidelityQuantity.Outcome, Standing.ReadOff));
    }

    [Fact]
    public void Quantities_are_counted_apart_and_one_with_nothing_to_compare_has_no_coverage()
    {
        FidelityTally tally = new();
        tally.Add(FidelityQuantity.Pfn, Standing.Unknown);
        Assert.Equal(0, tally.Coverage(FidelityQuantity.Pfn));
        Assert.All(FidelityQuantities.All.Where(quantity => quantity != FidelityQuantity.Pfn), quantity =>
        {
            Assert.Equal(0, tally.Total(quantity));
            Assert.Null(tally.Coverage(quantity));
        });
    }

    [Fact]
    public void Every_quantity_has_a_name_of_its_own() =>
        Assert.Equal(
            ["outcome", "pfn", "level", "writable", "spte", "refs", "leaf_change", "invalidate_seq", "in_progress"],
            FidelityQuantities.All.Select(quantity => quantity.Name()));
}
