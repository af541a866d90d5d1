namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>
/// What unpacking one input may cost in all, whatever lies within what: an archive that holds itself, or little that unpacks to much,
/// is refused when the bound is met, not when the disk is full.
/// </summary>
/// <param name="input">The input as it was given.</param>
internal sealed class UnpackBudget(CaptureFile input)
{
    /// <summary>Wrappings in one another: trace.dat.xz in a tar in a mail are three.</summary>
    public const int MostWrappings = 4;

    /// <summary>Members of all archives and mails together.</summary>
    public const int MostMembers = 10_000;

    /// <summary>Bytes unpacked for each byte of the input, beyond <see cref="FreeBytes"/>. Traces pack 5 to 50 times.</summary>
    public const int MostRatio = 300;

    /// <summary>Bytes that any input may unpack to: a small text of equal lines packs better than any trace.</summary>
    public const long FreeBytes = 64 << 20;

    /// <summary>Bytes unpacked in all.</summary>
    public const long MostBytes = 1L << 38;

    private readonly long _most = Math.Min(MostBytes, FreeBytes + (Math.Min(input.Length, MostBytes) * MostRatio));
    private long _bytes;
    private int _members;

    /// <summary>A bound was met: the input is refused, whatever else lies in it.</summary>
    public bool IsSpent { get; private set; }

    /// <exception cref="CaptureException">One wrapping too many.</exception>
    public void Wrapped(CaptureFile file, int depth)
    {
        if (depth >= MostWrappings)
        {
            IsSpent = true;
            throw file.Damaged(0, $"a capture wrapped more than {MostWrappings} times, or an archive within itself", "expected one: unpack it first");
        }
    }

    /// <summary>One more member of an archive or a mail.</summary>
    /// <exception cref="CaptureException">One too many.</exception>
    public void Member()
    {
        if (++_members > MostMembers)
        {
            throw TooManyMembers();
        }
    }

    public CaptureException TooManyMembers()
    {
        IsSpent = true;
        return input.Damaged(0, $"archives or mails with more than {MostMembers} members", "expected one with a capture in it");
    }

    /// <summary>A stream of unpacked bytes, each of which counts.</summary>
    public Stream Counted(Stream plain) => new CountedStream(plain, this);

    private void Take(int bytes)
    {
        _bytes += bytes;
        if (_bytes > _most)
        {
            IsSpent = true;
            string found = _most < MostBytes ? $"{input.Length} bytes that unpack to more than {MostRatio} times as many and {FreeBytes >> 20} MiB" : $"data that unpack to more than {MostBytes >> 30} GiB";
            throw input.Damaged(0, found, "expected a packed capture: unpack it first if it is one");
        }
    }

    private sealed class CountedStream(Stream plain, UnpackBudget budget) : ForwardStream
    {
        public override int Read(Span<byte> buffer)
        {
            int n = plain.Read(buffer);
            budget.Take(n);
            return n;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                plain.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
