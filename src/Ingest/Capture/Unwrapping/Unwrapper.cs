namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>Takes off what one input is wrapped in. Its budget is one for all that lies in it.</summary>
internal sealed class Unwrapper
{
    private readonly int _depth;
    private readonly CancellationToken _cancellation;

    public Unwrapper(CaptureFile input, CancellationToken cancellation)
        : this(new UnpackBudget(input), 0, cancellation)
    {
    }

    private Unwrapper(UnpackBudget budget, int depth, CancellationToken cancellation) => (Budget, _depth, _cancellation) = (budget, depth, cancellation);

    public UnpackBudget Budget { get; }

    public CancellationToken Cancellation => _cancellation;

    /// <summary>Takes off all wrappings.</summary>
    /// <returns>The file itself if there is none; otherwise it is closed.</returns>
    /// <exception cref="CaptureException">One cannot be taken off, or what lies in it is no capture.</exception>
    public CaptureFile Unwrap(CaptureFile file)
    {
        byte[] bytes = new byte[Wrapping.HeadSize];
        ReadOnlySpan<byte> head = bytes.AsSpan(0, file.Read(0, bytes));
        if (!Wrapping.IsWrapped(head))
        {
            return file;
        }

        using (file)
        {
            Budget.Wrapped(file, _depth);
            return Wrapping.TakeOff(file, head, new Unwrapper(Budget, _depth + 1, _cancellation));
        }
    }

    /// <summary>The capture that a packed stream holds, in whatever it is wrapped. It is looked at before it is copied.</summary>
    /// <exception cref="CaptureException">It is none.</exception>
    public CaptureFile Open(Stream plain, string displayName, string packer)
    {
        Stream counted = Budget.Counted(plain);
        byte[] head = CaptureFormats.Head(counted);
        if (!Wrapping.IsWrapped(head) && CaptureFormats.Find(head) is null)
        {
            (string found, string expected) = UnknownFormat.Describe(head);
            throw new CaptureException(new CaptureDamage(displayName, 0, packer.Length > 0 ? $"{found}, packed by {packer}" : found, expected));
        }

        return Unwrap(CaptureFormats.Spool(head, counted, displayName, _cancellation));
    }

    /// <summary>The capture that a member of an archive is; null if it is none.</summary>
    /// <param name="data">The member.</param>
    /// <param name="displayName">The archive's name.</param>
    /// <param name="damage">Why it cannot be told.</param>
    public CaptureFile? Known(Stream data, string displayName, out string? damage)
    {
        damage = null;
        Stream counted = Budget.Counted(data);
        byte[] head = CaptureFormats.Head(counted);
        if (!Wrapping.IsWrapped(head))
        {
            return CaptureFormats.Find(head) is null ? null : CaptureFormats.Spool(head, counted, displayName, _cancellation);
        }

        try
        {
            CaptureFile inner = Unwrap(CaptureFormats.Spool(head, counted, displayName, _cancellation));
            if (CaptureRecognition.IsKnown(inner))
            {
                return inner;
            }

            inner.Dispose();
        }
        catch (CaptureException e) when (!Budget.IsSpent)
        {
            damage = e.Damage.Found;
        }

        return null;
    }
}
