using System.Runtime.ExceptionServices;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.EventPipe;
using Microsoft.Diagnostics.Tracing.Parsers;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Runs TraceEvent over the whole blocks of a file, in time order.</summary>
internal static class TraceEventReader
{
    /// <param name="onEvent">The event is valid only during the call. What this throws comes out of <see cref="Read"/>.</param>
    /// <param name="onLost">Events were lost before the next one; TraceEvent does not say on which thread. null = an unknown number.</param>
    /// <returns>null, or the block that TraceEvent could not parse.</returns>
    public static CaptureDamage? Read(CaptureFile file, NetTraceStructure structure, Action<TraceEvent> onEvent, Action<long?> onLost, CancellationToken cancellation)
    {
        using BlockStream stream = new(file, structure);
        using Source source = new(stream);
        ExceptionDispatchInfo? ours = null;
        long lost = 0;
        Subscribe(source);
        source.AllEvents += e =>
        {
            try
            {
                cancellation.ThrowIfCancellationRequested();
                ReportLost();

                onEvent(e);
            }
            catch (Exception failure)
            {
                ours = ExceptionDispatchInfo.Capture(failure);
                throw;
            }
        };
        try
        {
            source.Process();
            ReportLost();
        }
        catch (Exception e)
        {
            // TraceEvent has no exception of its own: a file that it cannot parse shows as any kind of them.
            ours?.Throw();
            return new CaptureDamage(file.DisplayName, structure.BlockBefore(stream.Position), $"TraceEvent stopped ({OneLine(e.Message)})", "expected a block that it can parse");
        }

        return null;

        void ReportLost()
        {
            if (source.EventsLost != lost)
            {
                // A sequence number that ran backwards makes TraceEvent add the largest number there is, which may overflow.
                long gap = source.EventsLost - lost;
                onLost(gap is < 0 or int.MaxValue ? null : gap);
                lost = source.EventsLost;
            }
        }
    }

    /// <summary>The time stamp in the file's own ticks.</summary>
#pragma warning disable CS0618 // Discouraged for what people print; its replacement is a double and loses nanoseconds.
    public static long Ticks(TraceEvent e) => e.TimeStampQPC;
#pragma warning restore CS0618

    private static void Subscribe(EventPipeEventSource source)
    {
        // AllEvents sees an event decoded only if some parser was asked for it. Dynamic must be asked first: after the others
        // it is never asked at all.
        static void Decode(TraceEvent e)
        {
        }

        source.Dynamic.All += Decode;
        source.Clr.All += Decode;
        new ClrRundownTraceEventParser(source).All += Decode;
        new SampleProfilerTraceEventParser(source).All += Decode;
        new UniversalSystemTraceEventParser(source).All += Decode;
        new UniversalEventsTraceEventParser(source).All += Decode;
    }

    private static string OneLine(string text)
    {
        string line = new([.. text.TakeWhile(c => c != '\n').Where(c => !char.IsControl(c)).Take(120)]);
        return line.Length == 0 ? "no reason given" : line;
    }

    /// <summary>
    /// TraceEvent frees its table of event types (native memory) in its finalizer alone, which disposing takes away: nothing ever would.
    /// </summary>
    private sealed class Source(Stream stream) : EventPipeEventSource(stream)
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing)
            {
                base.Dispose(false);
            }
        }
    }
}
