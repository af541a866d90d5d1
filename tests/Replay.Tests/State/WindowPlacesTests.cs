using System.Globalization;
using CsCheck;
using TraceReplay.Replay.Oracle;
using TraceReplay.Replay.Oracle.Orders;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.State;

/// <summary>
/// The retry check over places. "3..5": it happened between the records 3 and 5; "4": with record 4; "5..": it has not happened by the end. The page is 5; a window
/// is written as its pages, when it begins, when it ends.
/// </summary>
public class WindowPlacesTests
{
    private const ulong Page = 5;

    [Theory]
    [InlineData("over before the snapshot", "5-6 1..2 3..4", "5..6", "7..8", "No")]
    [InlineData("ends around the snapshot", "5-6 1..2 3..6", "5..8", "9..10", "Maybe")]
    [InlineData("ends between snapshot and check", "5-6 1..2 7..8", "5..6", "9..10", "Yes")]
    [InlineData("open over both", "5-6 1..2 ..", "3..4", "5..6", "Yes")]
    [InlineData("open over both, ends around the check", "5-6 1..2 5..9", "3..4", "6..7", "Yes")]
    [InlineData("begins between snapshot and check", "5-6 4..5 ..", "3..4", "6..7", "Yes")]
    [InlineData("begins around the check", "5-6 4..7 ..", "3..4", "6..9", "Maybe")]
    [InlineData("begins behind the check", "5-6 9..10 ..", "3..4", "6..9", "No")]
    [InlineData("begins and ends around snapshot and check", "5-6 2..9 2..9", "3..4", "6..7", "Maybe")]
    [InlineData("over another page, open over both", "6-9 1..2 ..", "3..4", "5..6", "No")]
    [InlineData("over another page, ends between snapshot and check", "6-9 1..2 4..5", "3..4", "5..6", "Yes")]
    [InlineData("over another page, ends around the check", "6-9 1..2 5..8", "3..4", "6..7", "Maybe")]
    [InlineData("over another page, ends behind the check", "6-9 1..2 7..8", "3..4", "6..7", "No")]
    [InlineData("over another page, ends around the snapshot", "6-9 1..2 3..5", "2..4", "6..7", "Maybe")]
    [InlineData("its end recorded before the check", "6-9 1 6", "3..4", "6..7", "Yes")]
    [InlineData("its end recorded behind the check", "6-9 1 6", "3..4", "5..6", "No")]
    [InlineData("its end recorded before the snapshot", "5-6 1 3", "3..4", "5..6", "No")]
    [InlineData("its begin recorded behind the check", "5-6 6 ..", "3..4", "5..6", "No")]
    [InlineData("its begin recorded before the check", "5-6 6 ..", "3..4", "6..7", "Yes")]
    [InlineData("the check recorded", "5-6 4..5 ..", "3..4", "6", "Yes")]
    public void One_window(string what, string window, string snapshot, string check, string verdict) => Assert.Equal((what, verdict), (what, Verdict([window], snapshot, check)));

    [Theory]
    [InlineData("both open: the hull holds the page", "1-2 1..2 ..", "9-10 3..4 ..", "5..6", "7..8", "Yes")]
    [InlineData("one after the other", "1-2 1..2 3..4", "9-10 5..6 ..", "7..8", "9..10", "No")]
    [InlineData("perhaps together: the hull may hold it", "1-2 1..2 3..6", "9-10 4..7 ..", "8..9", "10..11", "Maybe")]
    [InlineData("the hull is kept while one of them is open", "1-2 1..2 5..6", "9-10 3..4 ..", "7..8", "9..10", "Yes")]
    [InlineData("one ended before the snapshot, the other is open: together for certain", "5-6 1..2 7..8", "9-10 3..4 ..", "9..10", "11..12", "Yes")]
    [InlineData("the second begins behind the check", "1-2 1..2 ..", "9-10 8..9 ..", "3..4", "5..6", "No")]
    public void Two_windows(string what, string first, string second, string snapshot, string check, string verdict) =>
        Assert.Equal((what, verdict), (what, Verdict([first, second], snapshot, check)));

    /// <summary>Windows are judged one by one: in these the orders of all of them together decide, and the places of each alone do not.</summary>
    [Theory]
    [InlineData("one window hands over to the next", "5-6 1..2 8..9", "5-6 4..5 ..", "3..10", "3..10", "Yes")]
    [InlineData("the hull of one hands over to the other", "4-7 1..2 6..7", "9-10 3..5 ..", "4..8", "4..8", "Yes")]
    [InlineData("the hull has both only if the first ends behind the snapshot", "5-6 1..2 3..8", "1-2 5..9 ..", "7..9", "7..9", "Maybe")]
    public void Knowingly_looser(string what, string first, string second, string snapshot, string check, string allTogether)
    {
        Assert.Equal((what, allTogether), (what, AllOrders([Parse(first), Parse(second)], Span(snapshot), Span(check))));
        Assert.Equal((what, "Maybe"), (what, Verdict([first, second], snapshot, check)));
    }

    [Theory]
    [InlineData(1UL, 1UL, "No")]
    [InlineData(1UL, 0UL, "Yes")]
    public void Recorded_counts_are_exact_where_places_are_not(ulong seqAfterEnd, ulong snapshot, string verdict)
    {
        WindowPlaces places = new();
        places.Add(1, 0, 0, Page, Page + 1, 1, 2, -1);
        places.End(1, 0, 0, 5, 5, seqAfterEnd);
        Assert.Equal(verdict, places.Check(new CheckPlaces(3, 8, snapshot + 1, 9, 10, 0, BeforeLookup: false), Page, anyRange: false, out _).ToString());
    }

    [Theory]
    [InlineData(true, "No")]
    [InlineData(false, "Yes")]
    public void A_window_of_the_fault_s_own_lookup_lies_between_its_checks(bool beforeLookup, string verdict)
    {
        WindowPlaces places = new();
        places.Add(1, 0, 0, Page, Page + 1, 4, 5, fault: 3);
        places.End(1, 0, 0, 6, 7, 0);
        Assert.Equal(verdict, places.Check(new CheckPlaces(2, 9, 0, 2, 9, Fault: 3, beforeLookup), Page, anyRange: false, out _).ToString());
    }

    [Fact]
    public void A_check_that_was_passed_tells_of_the_next()
    {
        WindowPlaces places = new();
        places.Add(1, 0, 0, Page, Page + 1, 1, 2, -1);
        places.End(1, 0, 0, 4, 6, 0);
        CheckPlaces check = new(3, 7, 0, 8, 9, 0, BeforeLookup: false);
        Assert.Equal(RetryVerdict.Maybe, places.Check(check, Page, anyRange: false, out _));

        // It had begun by then: had it not ended before the snapshot, the first check would have said retry.
        Assert.Equal(RetryVerdict.No, places.Check(check with { PassedAfter = 3 }, Page, anyRange: false, out _));
    }

    [Fact]
    public void Decided_verdicts_are_those_of_all_orders() => s_settings.Sample(setting =>
    {
        string verdict = Verdict(setting);
        string all = AllOrders(setting.Windows, setting.Snapshot, setting.Check);
        return verdict == all || verdict == "Maybe";
    }, iter: 20_000, print: Print);

    [Fact]
    public void Narrower_places_never_turn_a_decided_verdict_into_another() => Gen.Select(s_settings, Gen.ULong).Sample((setting, seed) =>
    {
        Setting narrower = Narrower(setting, seed);
        string before = Verdict(setting);
        return before == "Maybe" || AllOrders(narrower.Windows, narrower.Snapshot, narrower.Check) == "None" || Verdict(narrower) == before;
    }, iter: 50_000, print: pair => $"{Print(pair.Item1)} -> {Print(Narrower(pair.Item1, pair.Item2))}");

    private sealed record Setting(WindowAt[] Windows, Places Snapshot, Places Check);

    private readonly record struct WindowAt(ulong First, ulong End, Places Begins, Places Ends);

    private static readonly Gen<Places> s_places = Gen.Select(Gen.Long[1, 12], Gen.Long[0, 5]).Select((after, width) => new Places(after, after + width));

    private static readonly Gen<WindowAt> s_windows = Gen.Select(Gen.ULong[1, 8], Gen.ULong[1, 5], s_places, s_places, Gen.Int[0, 3]).Select((first, pages, begins, ends, open) =>
        new WindowAt(first, first + pages, begins, open == 0 ? new Places(Places.Never, Places.Never) : new Places(Math.Max(begins.After, ends.After), Math.Max(begins.Before + 1, ends.Before + 1))));

    private static readonly Gen<Setting> s_settings = Gen.Select(s_windows.Array[1, 3], s_places, s_places)
        .Select((windows, snapshot, check) => new Setting(windows, snapshot, new Places(Math.Max(snapshot.After, check.After), Math.Max(snapshot.Before + 1, check.Before + 1))))
        .Where(setting => AllOrders(setting.Windows, setting.Snapshot, setting.Check) != "None");

    private static Setting Narrower(Setting setting, ulong seed)
    {
        Oracle.Dice dice = new(seed);
        Places Narrow(Places places)
        {
            if (places.After == places.Before || places.After == Places.Never || dice.Chance(50))
            {
                return places;
            }

            long after = places.After + dice.Roll((int)(places.Before - places.After));
            return dice.Chance(25) && after > places.After ? new Places(after, after) : new Places(after, after + 1 + dice.Roll((int)(places.Before - after)));
        }

        return new Setting([.. setting.Windows.Select(w => w with { Begins = Narrow(w.Begins), Ends = Narrow(w.Ends) })], Narrow(setting.Snapshot), Narrow(setting.Check));
    }

    private static string Verdict(string[] windows, string snapshot, string check) => Verdict(new Setting([.. windows.Select(Parse)], Span(snapshot), Span(check)));

    private static string Verdict(Setting setting)
    {
        WindowPlaces places = new();
        for (int i = 0; i < setting.Windows.Length; i++)
        {
            WindowAt window = setting.Windows[i];
            places.Add(i, 0, 0, window.First, window.End, window.Begins.After, window.Begins.Before, -1);
            if (window.Ends.After != Places.Never)
            {
                places.End(i, 0, 0, window.Ends.After, window.Ends.Before, 0);
            }
        }

        return places.Check(new CheckPlaces(setting.Snapshot.After, setting.Snapshot.Before, 0, setting.Check.After, setting.Check.Before, 0, BeforeLookup: false), Page, anyRange: false, out _).ToString();
    }

    /// <summary>The verdict over every order, by brute force; None if there is no order.</summary>
    private static string AllOrders(IReadOnlyList<WindowAt> windows, Places snapshot, Places check)
    {
        Thing snapshotTaken = new(ThingKind.Snapshot, snapshot);
        Thing checks = new(ThingKind.LockedCheck, check);
        List<Thing> things = [snapshotTaken, checks];
        List<(Thing, Thing)> ofOneTask = [(snapshotTaken, checks)];
        foreach (WindowAt at in windows)
        {
            TraceReplay.Replay.Oracle.Orders.Window window = new() { Id = things.Count, Open = -1, OpensAt = 0, Hva = default, Gfns = [(at.First, at.End)], Begin = at.Begins };
            Thing begins = new(ThingKind.WindowBegins, at.Begins, window);
            Thing ends = new(ThingKind.WindowEnds, at.Ends, window);
            things.AddRange([begins, ends]);
            ofOneTask.Add((begins, ends));
        }

        HashSet<bool> seen = [];
        Permutations.ForEach(things, ofOneTask, int.MaxValue, order => seen.Add(IsStale(order)));
        return seen.Count switch { 0 => "None", 2 => "Maybe", _ => seen.Contains(true) ? "Yes" : "No" };
    }

    private static bool IsStale(IReadOnlyList<Thing> order)
    {
        Invalidation state = new();
        ulong seq = 0;
        foreach (Thing thing in order)
        {
            switch (thing.Kind)
            {
                case ThingKind.WindowBegins:
                    state.Start();
                    state.Add(thing.Window!.Gfns[0].First, thing.Window.Gfns[0].End);
                    break;
                case ThingKind.WindowEnds:
                    state.End();
                    break;
                case ThingKind.Snapshot:
                    seq = state.Seq;
                    break;
                default:
                    return state.Covers(Page) || state.Seq != seq;
            }
        }

        return false;
    }

    private static WindowAt Parse(string window)
    {
        string[] words = window.Split(' ');
        string[] pages = words[0].Split('-');
        return new WindowAt(Number(pages[0]), Number(pages[1]), Span(words[1]), words[2] == ".." ? new Places(Places.Never, Places.Never) : Span(words[2]));
    }

    private static Places Span(string span)
    {
        string[] ends = span.Split("..");
        return new Places((long)Number(ends[0]), (long)Number(ends[^1]));
    }

    private static ulong Number(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);

    private static string Print(Setting setting) => $"{string.Join(", ", setting.Windows)} snapshot {setting.Snapshot} check {setting.Check}";
}
