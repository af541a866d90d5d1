using System.Text;
using CsCheck;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>What several releases print alike is tried once: the rows that fit each release, against each release's forms tried by themselves.</summary>
public sealed class FormTests
{
    private const int MostLines = 4_000;

    private static readonly string[] s_texts = ["FtraceText/v6-7.2.default.txt.zst", "FtraceText/6.12-ttmsmall.trace.txt.zst", "FtraceText/noirqinfo.trace.txt.zst", "FtraceText/trace_pipe.trace.txt.zst"];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Each_release_has_the_rows_that_its_own_forms_have(int text)
    {
        string[] lines = [.. Lines(s_texts[text]).Take(MostLines)];

        // Some are cut, some have another byte somewhere: forms of the releases differ in what they make of that.
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 200], Gen.Char["0fx ,-:(g"]).Array[lines.Length].Sample(
            damages =>
            {
                Counts counts = new();
                foreach (((int kind, int place, char other), string line) in damages.Zip(lines))
                {
                    counts.Add(place >= line.Length || kind > 1 ? line : line[..place] + (kind == 0 ? "" : other + line[(place + 1)..]), (TextEnd)(place % 4));
                }

                counts.Check();
            },
            iter: 4,
            threads: 1);
    }

    private static string[] Lines(string name)
    {
        using CaptureFile file = CaptureFormats.OpenFile(Path.Combine(AppContext.BaseDirectory, Path.Combine(name.Split('/'))));
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(0, bytes, "the text");
        return Encoding.UTF8.GetString(bytes).Split('\n');
    }

    private sealed class Counts
    {
        private readonly FtraceDialect _dialect = new();
        private readonly EventWriter _writer = new();
        private readonly byte[] _composed = new byte[TextSurvey.LongestName];
        private readonly Dictionary<string, (EventSurvey Survey, long[] Expected)> _events = [];

        public void Add(string line, TextEnd end)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(line);
            if (_dialect.Classify(bytes, out LineHeader header) != LineKind.Event || !_dialect.TrySplit(header.Body, _composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload))
            {
                return;
            }

            string key = Encoding.UTF8.GetString(name);
            if (!_events.TryGetValue(key, out (EventSurvey Survey, long[] Expected) known))
            {
                _events[key] = known = (new EventSurvey(key, "text", new NameCache(), new EventWriter()), new long[EventCatalog.Releases.Count]);
            }

            bool report = _dialect.FromReport(header.Body);
            known.Survey.Learn(payload, report, last: true, end);
            _writer.FromReport = report;
            for (int i = 0; i < known.Expected.Length; i++)
            {
                bool fits = First(key, i) is { } form && form.Match(payload, _writer, sure: false, form.Shape, end);
                known.Expected[i] += fits ? 1 : 0;
            }
        }

        /// <summary>Releases that differ in the names of values only are one: the first.</summary>
        private static CatalogEvent? First(string name, int release) =>
            EventCatalog.Releases[release].Events.GetValueOrDefault(name) is { } own
                ? EventCatalog.Releases.Select(r => r.Events.GetValueOrDefault(name)).First(e => e is not null && e.Fields.SequenceEqual(own.Fields) && e.Layouts.Select(l => l.Source).SequenceEqual(own.Layouts.Select(l => l.Source)))
                : null;

        public void Check()
        {
            Assert.All(_events, e => Assert.Equal(e.Value.Expected, e.Value.Survey.Matched));
            Assert.Contains(_events, e => e.Value.Expected.Max() > 10);
        }
    }
}
