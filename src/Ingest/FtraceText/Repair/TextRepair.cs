using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>
/// Puts together again what mail programs, terminals, logs and people have made of a trace's lines: one line for each event, notes and
/// other text as comments. What can be read in two ways is marked as such (<see cref="TextEnd"/>), never decided.
/// </summary>
/// <remarks>
/// A line feed is a blank wherever a mail program sets it; a terminal sets it at its width, within a word. Which it was is told by
/// the widths of the broken lines, and by which of the two gives events in a known form.
/// </remarks>
internal sealed partial class TextRepair(CaptureFile file, TextDialect dialect, bool quotedPrintable)
{
    private const int MostPieces = 24;
    private const int MostHeaderPieces = 3;
    private const int Lookahead = MostPieces + MostHeaderPieces + 2;
    private const int LeastHardWidth = 20;
    private const int LongestComm = 15;
    private const int LongestPid = 9;
    private const int LongestQuote = 60;

    // Lines that tell how the text is broken.
    private const int MostTold = 20_000;

    private readonly EventForms _forms = new(dialect);
    private readonly List<Line> _queue = [];
    private readonly Stack<Line> _spare = new();
    private readonly Traits _traits = new();
    private readonly LearnedPrefix _prefix = new();
    private TextLines _lines = new(file, quotedPrintable, raw: true);
    private RepairedText _report = new();
    private byte[] _composed = new byte[4096];
    private byte[] _trial = new byte[4096];
    private bool _end;
    private bool _stackOpen;
    private Stream? _output;
    private long _fits;
    private long _named;

    /// <summary>Repairs the text.</summary>
    /// <returns>null if it has no line that could be an event.</returns>
    public (CaptureFile Text, RepairedText Report)? Run(CancellationToken cancellation)
    {
        Survey();
        int width = _traits.HardCandidate();
        Pass(null, MostTold, cancellation);
        (long soft, long named) = (_fits, _named);
        _traits.Wrapped = _traits.Evidence > 0;
        if (width > 0)
        {
            (int glued, int blank) = (_traits.Glued, _traits.Blank);
            _traits.HardWidth = width;
            Pass(null, MostTold, cancellation);
            (_traits.Glued, _traits.Blank) = (glued, blank);
            bool hard = _fits != soft ? _fits > soft : _named != named ? _named > named : glued != blank ? glued > blank : _traits.MostlyAt(width);
            _traits.HardWidth = hard ? width : 0;
        }

        SafeFileHandle handle = TemporaryFile.Create();
        try
        {
            FileStream output = new(handle, FileAccess.Write, 1 << 16); // not closed: the handle is the result's
            Pass(output, long.MaxValue, cancellation);
            output.Flush();
            _report.HardWidth = _traits.HardWidth;
            return (new CaptureFile(handle, file.DisplayName), _report);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    // What stands before lines, and how wide the broken ones are.
    private void Survey()
    {
        _lines = new TextLines(file, quotedPrintable, raw: true);
        _lines.Seek(0);
        _queue.Clear();
        _end = false;
        Line? before = null;
        int n = 0;
        while (n < MostTold && Read() is { } line)
        {
            n++;
            if (!line.IsBlank)
            {
                _traits.Lines++;
                _traits.Listed += LogPrefix.Listed(line.Text) > 0 ? 1 : 0;
                _traits.Numbered += LogPrefix.Numbered(line.Text) > 0 ? 1 : 0;
            }

            LineKind kind = KindOf(line.Text);
            if (before is { IsBlank: false } && kind == LineKind.Other && !line.IsBlank)
            {
                _traits.Broken(before.RawWidth, before.Width);
            }

            if (kind == LineKind.Event && before is { IsBlank: false })
            {
                bool thread = HoldsThread(before, line);
                if (thread || BreaksBeforeName(before))
                {
                    _traits.Broken(before.RawWidth, before.Width);
                }

                _traits.HasPids |= thread;
                _traits.HasComms |= thread;
            }

            if (kind == LineKind.Event)
            {
                ReadOnlySpan<byte> text = WithoutLog(line.Text);
                dialect.Classify(text, out LineHeader header);
                if (header.Instance.IsEmpty && NameEnd(text, in header) is > 0 and int end)
                {
                    _prefix.Learn(text[..end]);
                }

                _traits.Whole(line.RawWidth, line.Width);
                _traits.HasPids |= !header.NoPid;
                _traits.HasComms |= !header.Comm.IsEmpty;
            }

            if (before is not null)
            {
                _spare.Push(before);
            }

            before = kind == LineKind.Comment ? null : line;
            if (before is null)
            {
                _spare.Push(line);
            }
        }

        _prefix.Settle();
    }

    private void Pass(Stream? output, long most, CancellationToken cancellation)
    {
        _lines = new TextLines(file, quotedPrintable, raw: true);
        _lines.Seek(0);
        _queue.Clear();
        (_output, _end, _stackOpen, _fits, _named) = (output, false, false, 0, 0);
        _report = new RepairedText();
        for (long n = 0; n < most && Fill(); n++)
        {
            if ((n & 0xfff) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            Step();
        }
    }

    private void Step()
    {
        Line line = _queue[0];
        ReadOnlySpan<byte> text = Stripped(line.Text);
        LineKind kind = line.IsBlank ? LineKind.Blank : KindOf(line.Text);
        switch (kind)
        {
            case LineKind.Blank:
                _stackOpen = false;
                Emit([], line, TextEnd.Sure, terminated: true);
                Drop(1);
                break;
            case LineKind.Event:
                Event(1);
                break;
            case LineKind.Lost:
                Emit(text, line, TextEnd.Sure, line.Terminated);
                Drop(1);
                break;
            case LineKind.Comment when !Part(line.Text, 0):
                Emit(AsciiText.TrimStart(text), line, TextEnd.Sure, terminated: true);
                Drop(1);
                break;
            case LineKind.Comment:
                break;
            default:
                Other(line, text);
                break;
        }
    }

    private void Other(Line line, ReadOnlySpan<byte> text)
    {
        int pieces = HeaderPieces(0);
        if (pieces > 1)
        {
            Event(pieces);
            return;
        }

        if (_stackOpen && (dialect.HasStacks ? IsFrame(line.Text) : true))
        {
            Emit(line.Text, line, TextEnd.Sure, line.Terminated);
            Drop(1);
            return;
        }

        _stackOpen = false;
        if (_report.Others++ == 0)
        {
            (_report.FirstOther, _report.FirstOtherLine) = (line.Offset, Tracefs.TraceText.Decode(text[..Math.Min(text.Length, LongestQuote)]));
        }

        // A comment, as it may name the kernel.
        byte[] note = [.. "#! "u8, .. line.Text];
        Emit(note, line, TextEnd.Sure, terminated: true);
        Drop(1);
    }

    /// <summary>An event whose header is in the first lines of the queue.</summary>
    private void Event(int headerPieces)
    {
        int most = headerPieces;
        while (most < _queue.Count && most < MostPieces && IsContinuation(most))
        {
            most++;
        }

        Choice choice = Choose(headerPieces, most);
        int length = Compose(ref _composed, 0, choice.Pieces, choice.Glued);
        ReadOnlySpan<byte> whole = _composed.AsSpan(0, length);
        ReadOnlySpan<byte> text = Stripped(whole);
        Line last = _queue[choice.Pieces - 1];
        dialect.Classify(text, out LineHeader header);
        if ((!choice.Fits || TextDialect.HoldsEvent(header.Body)) && Part(whole, choice.Pieces))
        {
            return;
        }

        _named += Judge(choice.Pieces, choice.Glued).Named ? 1 : 0;
        TextEnd end = choice.End;
        int body = text.Length - header.Body.Length;
        if (choice.Fits)
        {
            _fits++;
        }
        else if (text.EndsWith(header.Body) && last.Terminated)
        {
            int note = _forms.NoteAt(header.Body);
            bool known = note >= 0;
            note = known ? note : EventForms.ArrowAt(header.Body);
            if (note >= 0)
            {
                text = text[..(body + note)];
                end = TextEnd.Noted;
                _report.Noted++;
                _fits += known ? 1 : 0;
            }
        }

        if (!choice.Fits && end == TextEnd.Sure && _forms.Judge(header.Body) is { Known: true } or { Named: false })
        {
            _traits.Incomplete(last.RawWidth, last.Width);
        }

        if (end == TextEnd.Sure && (_traits.HardWidth > 0 ? _traits.WidthOf(last) == _traits.HardWidth : _traits.MayBeCut(last)))
        {
            end = TextEnd.Open;
        }

        if (end == TextEnd.Open && text.EndsWith(header.Body) && !_forms.HasPayload(header.Body))
        {
            text = text[..body]; // not even the name is whole
        }

        _report.Doubtful += end is TextEnd.Open or TextEnd.Doubtful ? 1 : 0;
        _report.Joined += choice.Pieces > 1 ? 1 : 0;
        _report.Prefixed += LogPrefix.Length(whole, _traits.IsListed, _traits.IsNumbered) > 0 || _prefix.Length(whole) > 0 ? 1 : 0;
        if (choice is { Fits: true, Pieces: > 1 })
        {
            _traits.Evidence++;
            for (int i = 0; i < choice.Pieces - 1; i++)
            {
                _traits.MostBroken = Math.Max(_traits.MostBroken, _queue[i].Width);
            }
        }

        _stackOpen = dialect.HasStacks || (end != TextEnd.Doubtful && dialect.HasLines(header.Body));
        if (_prefix.IsAmbiguous && NameEnd(text, in header) is > 0 and int name)
        {
            byte[] nameless = [.. "<...>"u8, .. text[name..]];
            text = nameless;
        }

        Emit(text, _queue[0], end, last.Terminated);
        Drop(choice.Pieces);
    }

    /// <summary>How many lines belong to the event, and how they are joined.</summary>
    private Choice Choose(int least, int most)
    {
        bool hard = _traits.HardWidth > 0;
        EventForms.Verdict alone = Judge(least, glued: false);
        for (int n = most; n >= least; n--)
        {
            bool blank = (n == least ? alone : Judge(n, glued: false)).Fits;
            bool glued = !hard && n > least && Judge(n, glued: true).Fits;
            if (!blank && !glued)
            {
                continue;
            }

            if (blank && glued && !SameText(n))
            {
                _fits++; // either way: it says nothing for a terminal
                return new Choice(n, false, false, TextEnd.Doubtful);
            }

            if (blank != glued)
            {
                _traits.Glued += glued ? 1 : 0;
                _traits.Blank += blank && n > least ? 1 : 0;
            }

            // The first line alone reads as well, with another last value.
            bool other = glued && !blank && alone.Fits;
            return new Choice(n, glued && !blank, true, other ? TextEnd.Open : TextEnd.Sure);
        }

        // In no known form: the name at least must be whole.
        int pieces = least;
        while (pieces < most && !Judge(pieces, glued: false).Named)
        {
            pieces++;
        }

        if (!Judge(pieces, glued: false).Named)
        {
            pieces = least;
        }

        // A value may go on in the next line, behind which somebody wrote.
        if (alone.Fits && most > least && !hard && GoesOn(least))
        {
            return new Choice(least, false, true, TextEnd.Open);
        }

        int named = pieces;
        while (pieces < most && Follows(_queue[pieces - 1], _queue[pieces]))
        {
            pieces++;
        }

        // Nothing tells whether the next line is the rest of a text in no known form, or somebody's.
        bool open = pieces < most && pieces == named && !hard && (!_traits.Wrapped || HasLines(pieces));
        return new Choice(pieces, false, false, open || (pieces < most && IsBare(pieces)) ? TextEnd.Doubtful : TextEnd.Sure);
    }

    // A name and nothing behind it.
    private bool IsBare(int pieces)
    {
        int length = Compose(ref _trial, 0, pieces, glued: false);
        return dialect.Classify(Stripped(_trial.AsSpan(0, length)), out LineHeader header) == LineKind.Event && !_forms.HasPayload(header.Body);
    }

    private bool HasLines(int pieces)
    {
        int length = Compose(ref _trial, 0, pieces, glued: false);
        return dialect.Classify(Stripped(_trial.AsSpan(0, length)), out LineHeader header) == LineKind.Event && dialect.HasLines(header.Body);
    }

    // Both ways of joining give the same event where a blank stood at the break, or behind the event's name.
    private bool SameText(int pieces)
    {
        int length = Compose(ref _trial, 0, pieces, glued: false);
        byte[] blank = Event(_trial.AsSpan(0, length)).ToArray();
        length = Compose(ref _trial, 0, pieces, glued: true);
        return blank.Length > 0 && Event(_trial.AsSpan(0, length)).SequenceEqual(blank);
    }

    // Name and payload, with one blank at most between words, and none behind a colon.
    private ReadOnlySpan<byte> Event(ReadOnlySpan<byte> line)
    {
        if (dialect.Classify(Stripped(line), out LineHeader header) != LineKind.Event || !dialect.TrySplit(header.Body, new byte[TextSurvey.LongestName], out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload))
        {
            return [];
        }

        List<byte> text = [.. name, (byte)':'];
        foreach (byte b in payload)
        {
            if (!AsciiText.IsSpace(b) || text[^1] is not ((byte)' ' or (byte)':'))
            {
                text.Add(AsciiText.IsSpace(b) ? (byte)' ' : b);
            }
        }

        return text.ToArray();
    }

    private bool GoesOn(int pieces)
    {
        ReadOnlySpan<byte> text = _queue[pieces - 1].Text;
        ReadOnlySpan<byte> next = _queue[pieces].Text;
        return text.Length > 0 && next.Length > 0 && char.IsAsciiHexDigit((char)text[^1]) && char.IsAsciiHexDigit((char)next[0])
            && AsciiText.Hex(Word(next), out _) == Word(next).Length;
    }

    /// <summary>Whether a line can be the rest of the one before, which a mail program or a terminal broke.</summary>
    private bool Follows(Line line, Line next)
    {
        if (_traits.HardWidth > 0)
        {
            return _traits.WidthOf(line) == _traits.HardWidth;
        }

        // A line is broken where the next word did not fit any more.
        return _traits.Wrapped && line.Width + 1 + PlainText.Width(Word(next.Text)) > _traits.MostBroken;
    }

    private static ReadOnlySpan<byte> Word(ReadOnlySpan<byte> text)
    {
        text = AsciiText.TrimStart(text);
        int end = text.IndexOfAny(" \t"u8);
        return end < 0 ? text : text[..end];
    }

    private bool IsContinuation(int i)
    {
        Line line = _queue[i];
        if (line.IsBlank || line.IsCut || PlainText.IsFence(line.Text) || KindOf(line.Text) != LineKind.Other || (dialect.HasStacks && IsFrame(line.Text)) || IsStackLine(line.Text))
        {
            return false;
        }

        return HeaderPieces(i) <= 1;
    }

    private static bool IsStackLine(ReadOnlySpan<byte> text) => AsciiText.TrimStart(text).StartsWith("=> "u8);

    /// <summary>A frame as perf prints it: address, symbol, module in parentheses.</summary>
    private static bool IsFrame(ReadOnlySpan<byte> text)
    {
        if (text.Length == 0 || !AsciiText.IsSpace(text[0]))
        {
            return false;
        }

        text = AsciiText.TrimStart(AsciiText.TrimEnd(text));
        int digits = AsciiText.Hex(text, out _);
        return digits >= 4 && digits < text.Length && text[digits] == ' ' && text[^1] == ')';
    }

    /// <summary>How many lines from the given one make up the header of an event that begins in it; 0 if none does.</summary>
    private int HeaderPieces(int first)
    {
        for (int n = 1; n <= MostHeaderPieces && first + n <= _queue.Count; n++)
        {
            if (_queue[first + n - 1] is { IsBlank: true } || (n > 1 && _queue[first + n - 1].IsCut))
            {
                return 0;
            }

            if (!IsEvent(first, n))
            {
                continue;
            }

            // It must begin in the first line.
            return n == 1 || !IsEvent(first + 1, n - 1) || LacksThread(first, n) || (_traits.HardWidth > 0 && _traits.WidthOf(_queue[first]) == _traits.HardWidth && BreaksBeforeName(_queue[first])) ? n : 0;
        }

        return 0;
    }

    /// <summary>Without the first line it is an event whose thread is not told, and with it is.</summary>
    private bool LacksThread(int first, int pieces)
    {
        int length = Compose(ref _trial, first + 1, pieces - 1, glued: false);
        if (dialect.Classify(Stripped(_trial.AsSpan(0, length)), out LineHeader rest) != LineKind.Event || !rest.NoPid)
        {
            return false;
        }

        length = Compose(ref _trial, first, pieces, glued: false);
        return dialect.Classify(Stripped(_trial.AsSpan(0, length)), out LineHeader whole) == LineKind.Event && !whole.NoPid && !whole.Comm.IsEmpty;
    }

    /// <summary>A line that is no event ends with the thread that the event in the next one lacks: a header was broken within, and in every event perhaps.</summary>
    private bool HoldsThread(Line line, Line next)
    {
        if (KindOf(line.Text) != LineKind.Other || dialect.Classify(Stripped(next.Text), out LineHeader rest) != LineKind.Event || !(rest.NoPid || rest.Comm.IsEmpty))
        {
            return false;
        }

        ReadOnlySpan<byte> begin = WithoutLog(line.Text);
        return IsWhole([.. begin, .. next.Text]) || IsWhole([.. begin, (byte)' ', .. AsciiText.TrimStart(next.Text)]);

        bool IsWhole(byte[] joined) => dialect.Classify(joined, out LineHeader header) == LineKind.Event && !header.NoPid && !header.Comm.IsEmpty;
    }

    /// <summary>A log's prefix with no more behind it than the beginning of a thread's name: what follows goes on with it.</summary>
    private bool BreaksBeforeName(Line line)
    {
        ReadOnlySpan<byte> text = line.Text;
        int prefix = LogPrefix.Length(text, _traits.IsListed, _traits.IsNumbered);
        return prefix > 0 && AsciiText.TrimStart(text[prefix..]).Length <= LongestComm + LongestPid && KindOf(text) is LineKind.Other or LineKind.Blank;
    }

    private bool IsEvent(int first, int pieces)
    {
        int length = Compose(ref _trial, first, pieces, glued: false);
        ReadOnlySpan<byte> text = Stripped(_trial.AsSpan(0, length));
        return dialect.Classify(text, out LineHeader header) == LineKind.Event && !IsPartial(in header)
            && (pieces == 1 || header.Comm.Length <= LongestComm || header.Comm.StartsWith("kworker/"u8));
    }

    private EventForms.Verdict Judge(int pieces, bool glued)
    {
        int length = Compose(ref _trial, 0, pieces, glued);
        return dialect.Classify(Stripped(_trial.AsSpan(0, length)), out LineHeader header) == LineKind.Event ? _forms.Judge(header.Body) : default;
    }

    /// <summary>Joins lines of the queue.</summary>
    /// <param name="into">Where to.</param>
    /// <param name="first">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="glued">Without a blank between, as a terminal breaks them; where its width is known, that decides.</param>
    private int Compose(ref byte[] into, int first, int count, bool glued)
    {
        int n = 0;
        for (int i = first; i < first + count; i++)
        {
            ReadOnlySpan<byte> text = _queue[i].Text;
            bool within = _traits.HardWidth > 0 ? i > first && _traits.WidthOf(_queue[i - 1]) == _traits.HardWidth : glued;
            if (i > first && !within)
            {
                n = AsciiText.TrimEnd(into.AsSpan(0, n)).Length;
                into[n++] = (byte)' ';
                text = AsciiText.TrimStart(text);
            }

            if (n + text.Length + 1 > into.Length)
            {
                Array.Resize(ref into, (n + text.Length + 1) * 2);
            }

            text.CopyTo(into.AsSpan(n));
            n += text.Length;
        }

        return n;
    }

    /// <summary>Parts a line in which another event begins: the rest goes back into the queue.</summary>
    /// <param name="whole">The line.</param>
    /// <param name="pieces">How many lines of the queue it was put together from; 0 for a comment.</param>
    /// <returns>false if there is none.</returns>
    private bool Part(ReadOnlySpan<byte> whole, int pieces)
    {
        if (whole.Count("] "u8) < (pieces == 0 ? 1 : 2))
        {
            return false;
        }

        string line = System.Text.Encoding.Latin1.GetString(whole);
        Regex header = dialect.HasStacks ? SampleHeader() : Header();
        Match found = header.Match(line);
        if (pieces > 0)
        {
            found = found.Success ? header.Match(line, found.Index + found.Length) : found;
        }

        if (!found.Success)
        {
            return false;
        }

        (int cut, bool sure) = CommStart(line, found.Groups[1].Index, pieces > 0 ? whole : []);
        if (cut == 0)
        {
            return false;
        }

        (long offset, bool isCut) = (_queue[0].Offset, _queue[0].IsCut);
        bool terminated = _queue[Math.Max(0, pieces - 1)].Terminated;
        byte[] head = whole[..cut].ToArray();
        byte[] rest = sure ? whole[cut..].ToArray() : [.. "<...>"u8, .. whole[(found.Groups[2].Index - 1)..]];
        Drop(Math.Max(1, pieces));
        _queue.Insert(0, Put(rest, offset, terminated, isCut: true));
        _queue.Insert(0, Put(head, offset, terminated: true, isCut));
        _report.Split++;
        return true;
    }

    /// <summary>
    /// Where the name of a thread begins in the middle of a line. Names may have blanks; padding of two or more does not stand within
    /// one, and what stands before must be an event.
    /// </summary>
    private (int At, bool Sure) CommStart(string line, int word, ReadOnlySpan<byte> whole)
    {
        List<int> starts = [word];
        for (int at = word; at > 1 && line[at - 1] == ' ' && line[at - 2] != ' ';)
        {
            at = line.LastIndexOf(' ', at - 2) + 1;
            if (word - at + 1 > LongestComm)
            {
                break;
            }

            starts.Add(at);
        }

        if (starts.Count == 1)
        {
            return (word, true);
        }

        int last = starts[^1];
        if (last > 1 && line[last - 1] == ' ' && line[last - 2] == ' ')
        {
            return (last, true);
        }

        List<int> fitting = [];
        foreach (int start in starts)
        {
            if (!whole.IsEmpty && dialect.Classify(Stripped(whole[..start]), out LineHeader header) == LineKind.Event && _forms.Judge(header.Body).Fits)
            {
                fitting.Add(start);
            }
        }

        return fitting.Count == 1 ? (fitting[0], true) : (word, false);
    }

    [GeneratedRegex(@"(\S+)-(\d+)\s+(?:\([ \d-]+\)\s+)?\[\d{3,}\]\s+(?:[A-Za-z.0-9#]{4,8}\s+)?\d+\.\d{6,9}:\s", RegexOptions.CultureInvariant)]
    private static partial Regex Header();

    [GeneratedRegex(@"(\S+)\s+(\d+(?:/\d+)?)\s+\[\d{3,}\]\s+\d+\.\d{6,9}:\s+(?:\d+\s+)?\S+:\s", RegexOptions.CultureInvariant)]
    private static partial Regex SampleHeader();

    private LineKind KindOf(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = Stripped(line);
        ReadOnlySpan<byte> inner = AsciiText.TrimStart(text); // Stripped has taken the mark off an event
        if (inner.StartsWith("#"u8) && (inner.Length == 1 || inner[1] is (byte)' ' or (byte)'\t' or (byte)'#' or (byte)'-' or (byte)'!'))
        {
            return LineKind.Comment;
        }

        LineKind kind = dialect.Classify(text, out LineHeader header);
        return (kind == LineKind.Comment && inner.StartsWith("#"u8)) || (kind == LineKind.Event && IsPartial(in header)) ? LineKind.Other : kind;
    }

    /// <summary>A header without what the text's other lines say of the thread: the line before has it.</summary>
    private bool IsPartial(in LineHeader header) => (header.NoPid && _traits.HasPids) || (header.Comm.IsEmpty && _traits.HasComms);

    /// <summary>Without a log's prefix and a person's mark.</summary>
    private ReadOnlySpan<byte> Stripped(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = WithoutLog(line);
        text = text[_prefix.Length(text)..];

        // A stack's frames begin with a tab, and so does a text that somebody has indented.
        ReadOnlySpan<byte> inner = text[HashLength(text)..].TrimStart((byte)'\t');
        if (dialect.Classify(inner, out LineHeader header) != LineKind.Event)
        {
            return text;
        }

        int end = NameEnd(inner, in header);
        return end > 0 ? inner[LearnedPrefix.Listing(inner[..end])..] : inner;
    }

    private ReadOnlySpan<byte> WithoutLog(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = line[LogPrefix.Length(line, _traits.IsListed, _traits.IsNumbered)..];
        int mark = dialect.HasStacks ? 0 : PlainText.MarkLength(text);
        return mark > 0 && text[..mark].IndexOf((byte)'#') < 0 ? text[mark..] : text;
    }

    /// <summary>The mark of a comment, with a number or without: a trace in which every line has one is none.</summary>
    private static int HashLength(ReadOnlySpan<byte> text)
    {
        int hash = text.IndexOfAnyExcept((byte)'#');
        return hash <= 0 ? 0 : hash + AsciiText.Unsigned(text[hash..], out _);
    }

    /// <summary>Where the thread's name ends; 0 if the line has none.</summary>
    private static int NameEnd(ReadOnlySpan<byte> text, in LineHeader header) =>
        !header.Comm.IsEmpty && text.Overlaps(header.Comm, out int start) ? start + header.Comm.Length : 0;

    private void Emit(ReadOnlySpan<byte> text, Line origin, TextEnd end, bool terminated)
    {
        if (_output is null)
        {
            return;
        }

        _report.Emitted(_output.Position, origin.Offset);
        text = text.Length > TextLines.LongestLine - 2 ? text[..(TextLines.LongestLine - 2)] : text;
        _output.Write(text);
        if (end != TextEnd.Sure)
        {
            _output.WriteByte((byte)end);
        }

        if (terminated)
        {
            _output.WriteByte((byte)'\n');
        }
    }

    private bool Fill()
    {
        while (!_end && _queue.Count < Lookahead)
        {
            if (Read() is { } line)
            {
                _queue.Add(line);
            }
        }

        return _queue.Count > 0;
    }

    private Line? Read()
    {
        try
        {
            if (!_lines.MoveNext())
            {
                _end = true;
                return null;
            }
        }
        catch (CaptureException e)
        {
            (_end, _report.Damage) = (true, e.Damage);
            return null;
        }

        Line line = _spare.Count > 0 ? _spare.Pop() : new Line();
        ReadOnlySpan<byte> text = _lines.Line;
        line.Set(text.Length > 0 && text[^1] == '\r' ? text[..^1] : text, _lines.Offset, _lines.Terminated);
        return line;
    }

    private Line Put(byte[] text, long offset, bool terminated, bool isCut)
    {
        Line line = _spare.Count > 0 ? _spare.Pop() : new Line();
        line.Set(text, offset, terminated, isCut);
        return line;
    }

    private void Drop(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _spare.Push(_queue[i]);
        }

        _queue.RemoveRange(0, count);
    }

    /// <param name="Pieces">Lines of the queue.</param>
    /// <param name="Glued">Joined without a blank.</param>
    /// <param name="Fits">In a known form.</param>
    private readonly record struct Choice(int Pieces, bool Glued, bool Fits, TextEnd End);

    /// <summary>A line as it stands in the file, with plain characters and without quoting marks.</summary>
    private sealed class Line
    {
        private byte[] _bytes = new byte[256];
        private int _start;
        private int _length;

        public ReadOnlySpan<byte> Text => _bytes.AsSpan(_start, _length);

        public long Offset { get; private set; }

        public bool Terminated { get; private set; }

        public bool IsBlank { get; private set; }

        /// <summary>Was parted from the line before, and is not joined to it again: else both would go on for ever.</summary>
        public bool IsCut { get; private set; }

        public int Width { get; private set; }

        /// <summary>With its quoting marks.</summary>
        public int RawWidth { get; private set; }

        public void Set(ReadOnlySpan<byte> text, long offset, bool terminated, bool isCut = false)
        {
            if (_bytes.Length < text.Length)
            {
                _bytes = new byte[text.Length * 2];
            }

            int n = PlainText.Normalise(text, _bytes);
            n = PlainText.WithoutEnd(_bytes.AsSpan(0, n));
            _start = PlainText.QuoteLength(_bytes.AsSpan(0, n));
            _length = n - _start;
            (Offset, Terminated, IsCut) = (offset, terminated, isCut);
            IsBlank = AsciiText.TrimStart(Text).IsEmpty;
            RawWidth = PlainText.Width(_bytes.AsSpan(0, n));
            Width = RawWidth - _start;
        }
    }

    /// <summary>What is true of the whole text.</summary>
    private sealed class Traits
    {
        private readonly Dictionary<int, int> _raw = [];
        private readonly Dictionary<int, int> _quoteless = [];
        private readonly HashSet<int> _incomplete = [];
        private readonly HashSet<int> _incompleteRaw = [];
        private int _widestRaw;
        private int _widest;
        private bool _useRaw;

        public int Lines { get; set; }

        public int Listed { get; set; }

        public int Numbered { get; set; }

        public bool IsListed => Listed * 2 > Lines;

        public bool IsNumbered => Numbered * 5 > Lines * 4;

        /// <summary>Events that are in a known form only if nothing is set where their lines were broken.</summary>
        public int Glued { get; set; }

        /// <summary>Events that are in a known form only if a blank is.</summary>
        public int Blank { get; set; }

        /// <summary>Some lines say the thread.</summary>
        public bool HasPids { get; set; }

        /// <summary>Some lines say its name.</summary>
        public bool HasComms { get; set; }

        /// <summary>Where a terminal broke lines; 0 if it is not known that one did.</summary>
        public int HardWidth { get; set; }

        /// <summary>Mail programs broke lines.</summary>
        public bool Wrapped { get; set; }

        /// <summary>Broken events that are in a known form once joined.</summary>
        public int Evidence { get; set; }

        /// <summary>The widest line that a mail program broke.</summary>
        public int MostBroken { get; set; }

        public void Broken(int raw, int width)
        {
            _raw[raw] = _raw.GetValueOrDefault(raw) + 1;
            _quoteless[width] = _quoteless.GetValueOrDefault(width) + 1;
        }

        public void Whole(int raw, int width)
        {
            _widestRaw = Math.Max(_widestRaw, raw);
            _widest = Math.Max(_widest, width);
        }

        /// <summary>A line is no whole event.</summary>
        public void Incomplete(int raw, int width)
        {
            _incompleteRaw.Add(raw);
            _incomplete.Add(width);
        }

        /// <summary>No line of an event is wider, and another one of this width is not whole: a terminal may have broken both.</summary>
        public bool MayBeCut(Line line) =>
            (line.Width == _widest && _incomplete.Contains(line.Width)) || (line.RawWidth == _widestRaw && _incompleteRaw.Contains(line.RawWidth));

        public int WidthOf(Line line) => _useRaw ? line.RawWidth : line.Width;

        /// <summary>The width that many broken lines have and no line of a trace exceeds; 0 if there is none.</summary>
        public int HardCandidate()
        {
            (int width, int count) = Best(_quoteless, _widest);
            (int rawWidth, int rawCount) = Best(_raw, _widestRaw);
            _useRaw = rawCount > count;
            (width, count) = _useRaw ? (rawWidth, rawCount) : (width, count);
            return count >= 1 ? width : 0;
        }

        /// <summary>Most broken lines are as wide as that: a terminal breaks nowhere else.</summary>
        public bool MostlyAt(int width)
        {
            Dictionary<int, int> widths = _useRaw ? _raw : _quoteless;
            return widths.GetValueOrDefault(width) * 2 > widths.Values.Sum();
        }

        private static (int Width, int Count) Best(Dictionary<int, int> widths, int widest)
        {
            (int Width, int Count) best = default;
            foreach ((int width, int count) in widths)
            {
                if (width >= LeastHardWidth && width >= widest && (count > best.Count || (count == best.Count && width > best.Width)))
                {
                    best = (width, count);
                }
            }

            return best;
        }
    }
}
