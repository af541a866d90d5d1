using System.Text;
using CsCheck;
using TraceReplay.Ingest.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Names, values of names and times of CPUs against dictionaries.</summary>
public sealed class TextTableTests
{
    // Few letters, so that names repeat, begin with one another and share the bytes that their places follow from.
    private static readonly Gen<string> s_names = Gen.OneOf(
        Gen.Char["ab|"].Array[0, 20].Select(c => new string(c)),
        Gen.Char["ab"].Array[0, 3].Select(c => $"EXIT_ONE{new string(c)}EXIT_TWO"),
        Gen.Char["a\u00e4\u0000"].Array[60, 70].Select(c => new string(c)));

    [Fact]
    public void A_tables_names_have_the_values_that_were_added() =>
        Gen.Select(Gen.Select(s_names, Gen.ULong[0, 3]).Array[0, 60], s_names.Array[0, 20]).Sample((entries, others) =>
        {
            ValueTable table = new();
            Dictionary<string, HashSet<ulong>> known = [];
            foreach ((string name, ulong value) in entries)
            {
                table.Add(name, value);
                known[name] = [.. known.GetValueOrDefault(name, []), value];
            }

            foreach (string name in known.Keys.Concat(others))
            {
                byte[] bytes = Encoding.Latin1.GetBytes(name);
                Assert.Equal(known.ContainsKey(name), table.TryGet(bytes, out ulong? value));
                Assert.Equal(known.TryGetValue(name, out HashSet<ulong>? values) && values.Count == 1 ? values.Single() : null, value);
                Assert.Equal(known.Keys.Any(k => k.Length > name.Length && k.StartsWith(name, StringComparison.Ordinal)), table.HasLonger(bytes));
            }
        });

    [Fact]
    public void A_name_is_the_same_object_again_and_reads_as_its_bytes_do() => s_names.Array[1, 200].Sample(names =>
    {
        NameCache cache = new();
        Dictionary<string, string> seen = [];
        foreach (string name in names)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            string got = cache.Get(bytes);
            Assert.Equal(name, got);
            if (name.Length <= 64 && name.All(char.IsAscii))
            {
                seen.TryAdd(name, got);
                Assert.Same(seen[name], got);
            }
        }
    });

    [Fact]
    public void What_was_put_near_is_found_until_something_takes_its_place() => Gen.Select(s_names, Gen.Bool).Array[1, 300].Sample(steps =>
    {
        NearTable<string> near = new();
        Dictionary<string, string> put = [];
        foreach ((string name, bool add) in steps)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            string? found = near.Find(bytes);
            Assert.True(found is null || (put.TryGetValue(name, out string? value) && ReferenceEquals(value, found)));
            if (add)
            {
                put[name] = name + "!";
                near.Put(bytes, put[name]);
                Assert.Equal(bytes.Length <= 64, near.Find(bytes) is not null);
            }
        }
    });

    [Fact]
    public void Times_of_a_cpu_never_go_back() => Gen.Select(Gen.OneOf(Gen.Int[-1, 3], Gen.Int[254, 258], Gen.Int), Gen.Long).Array[1, 100].Sample(steps =>
    {
        LatestTimes latest = new();
        Dictionary<int, long> known = [];
        foreach ((int cpu, long time) in steps)
        {
            known[cpu] = Math.Max(time, known.GetValueOrDefault(cpu, long.MinValue));
            Assert.Equal(known[cpu], latest.Next(cpu, time));
        }
    });
}
