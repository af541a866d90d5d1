using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// How a text shows an event, read backwards: literal text (with braces doubled) and elements in braces.
/// <list type="bullet">
/// <item><c>{f}</c> a number; <c>{f:x}</c> hexadecimal, <c>{f:x16}</c> with 16 digits at least, <c>{f:#x}</c> with or without 0x</item>
/// <item><c>{f:s}</c> text up to the next literal; <c>{*}</c> text that does not tell a field</item>
/// <item><c>{f?a:b}</c> a is 1, b is 0; <c>{f|1=a|0=b|=c}</c> one of these, no value = the text does not tell which;
/// <c>{f^6=a|5=b}</c> likewise, and the values hold for this release only; <c>{f=1}</c> a value that the layout itself tells</item>
/// <item><c>{f@table}</c> a name from a table or a number; <c>{f&amp;table}</c> such names joined by |</item>
/// <item><c>{f!kind}</c> one of <see cref="SpecialElements"/></item>
/// </list>
/// </summary>
internal sealed class Layout
{
    private const int LongestShortLiteral = 2 * sizeof(ulong);

    private readonly Element[] _elements;

    // The byte that every text begins with; -1 if texts begin with this and that.
    private readonly int _first;

    private Layout(string source, List<Element> elements)
    {
        Source = source;
        for (int i = 0; i + 1 < elements.Count; i++)
        {
            elements[i] = elements[i] with { Next = elements[i + 1].Literal };
        }

        _elements = [.. elements];
        _first = _elements is [{ Literal: [not (byte)' ' and byte first, ..] }, ..] ? first : -1;
    }

    private enum ElementKind
    {
        Literal,
        Number,
        Hex,
        OptionalHex,
        Text,
        Skip,
        Choice,
        Constant,
        Symbol,
        Flags,
        Special,
    }

    /// <summary>The notation it was made of.</summary>
    public string Source { get; }

    /// <exception cref="FormatException">The notation is wrong.</exception>
    public static Layout Compile(string source, IReadOnlyList<EventField> fields, IReadOnlyDictionary<string, ValueTable> tables)
    {
        List<Element> elements = [];
        for (int i = 0; i < source.Length;)
        {
            StringBuilder literal = new();
            for (; i < source.Length && (source[i] != '{' || source.AsSpan(i).StartsWith("{{")); i++)
            {
                literal.Append(source[i]);
                i += source[i] is '{' or '}' ? 1 : 0;
            }

            if (literal.Length > 0)
            {
                elements.Add(new Element { Kind = ElementKind.Literal, Literal = Encoding.UTF8.GetBytes(literal.ToString()) });
            }

            if (i < source.Length)
            {
                int close = source.IndexOf('}', i);
                elements.Add(Parse(close < 0 ? "" : source[(i + 1)..close], fields, tables));
                i = close + 1;
            }
        }

        return new Layout(source, elements);
    }

    /// <summary><c>name=value</c> of every field, as trace-cmd report -R and the option <c>fields</c> print it.</summary>
    /// <param name="hex">Fields whose numbers are hexadecimal even without 0x.</param>
    public static Layout Raw(IReadOnlyList<EventField> fields, IReadOnlySet<string> hex)
    {
        List<Element> elements = [];
        for (int i = 0; i < fields.Count; i++)
        {
            EventField f = fields[i];
            if (!f.Common)
            {
                elements.Add(new Element { Kind = ElementKind.Literal, Literal = Encoding.UTF8.GetBytes((elements.Count == 0 ? "" : " ") + f.Name + "=") });
                elements.Add(f.IsNumber
                    ? new Element { Kind = ElementKind.Special, Field = i, Special = hex.Contains(f.Name) ? SpecialElements.RawHex : SpecialElements.Raw }
                    : new Element { Kind = f.IsString ? ElementKind.Text : ElementKind.Skip, Field = i });
            }
        }

        return new Layout("raw", elements);
    }

    /// <summary>Tells most texts of other layouts apart by their first byte.</summary>
    public bool MayMatch(ReadOnlySpan<byte> text) => _first < 0 || (text.Length > 0 && text[0] == _first);

    /// <summary>Whether both take the same texts; if they are of different records, these may show the same fields. Not known of every pair.</summary>
    public bool Takes(Layout other, RecordShape shape, RecordShape othersShape)
    {
        if (_elements.Length != other._elements.Length)
        {
            return false;
        }

        for (int i = 0; i < _elements.Length; i++)
        {
            Element a = _elements[i];
            Element b = other._elements[i];
            RecordShape.Slot? field = a.Field < 0 ? null : shape.Slots[a.Field] with { Offset = 0 };
            RecordShape.Slot? othersField = b.Field < 0 ? null : othersShape.Slots[b.Field] with { Offset = 0 };
            bool same = a.Kind == b.Kind && field == othersField && a.MinDigits == b.MinDigits && a.ThisReleaseOnly == b.ThisReleaseOnly && a.Value == b.Value
                && a.Literal.AsSpan().SequenceEqual(b.Literal) && Same(a.Choices, b.Choices) && a.Special == b.Special
                && (ReferenceEquals(a.Table, b.Table) || (a.Table is not null && b.Table is not null && a.Table.IsSame(b.Table)));
            if (!same)
            {
                return false;
            }
        }

        return true;
    }

    private static bool Same((byte[] Shown, ulong? Means)[] a, (byte[] Shown, ulong? Means)[] b) =>
        a.Length == b.Length && a.Zip(b).All(pair => pair.First.Means == pair.Second.Means && pair.First.Shown.AsSpan().SequenceEqual(pair.Second.Shown));

    /// <param name="sure">Whether it is known that the text comes from the release that the layout is of.</param>
    /// <param name="end">What is known of the text's end: what only it tells is unknown where it is not sure.</param>
    /// <returns>false if the text is not of this layout; the writer's record is then of no use.</returns>
    public bool Match(ReadOnlySpan<byte> text, EventWriter into, bool sure, TextEnd end = TextEnd.Sure)
    {
        text = AsciiText.TrimEnd(text);
        Element[] elements = _elements;
        for (int i = 0; i < elements.Length; i++)
        {
            ref readonly Element e = ref elements[i];
            if (e.Kind == ElementKind.Literal)
            {
                int n = Literal(text, in e, last: i == elements.Length - 1);
                if (n < 0)
                {
                    return false;
                }

                text = text[n..];
                continue;
            }

            int taken = e.Kind switch
            {
                ElementKind.Number => AsciiText.Number(text, out ulong value) is > 0 and int n && into.Number(e.Field, value) ? n : -1,
                ElementKind.Hex => AsciiText.Hex(text, out ulong value) is > 0 and int n && n >= e.MinDigits && into.Number(e.Field, value) ? n : -1,
                _ => Take(in e, text, into, sure),
            };
            if (taken < 0)
            {
                return false;
            }

            if (end != TextEnd.Sure && taken == text.Length && !ForgetEnd(in e, text[..taken], end, into))
            {
                return false;
            }

            text = text[taken..];
        }

        return AsciiText.TrimStart(text).IsEmpty;
    }

    /// <summary>An element at the end of a text that may go on.</summary>
    /// <returns>false if not even its record can be used.</returns>
    private static bool ForgetEnd(in Element e, ReadOnlySpan<byte> taken, TextEnd end, EventWriter into)
    {
        if (taken.Length > 0 && (end == TextEnd.Noted || IsComplete(in e, taken, into)))
        {
            return true;
        }

        if (e.Kind is ElementKind.Special or ElementKind.Text or ElementKind.Flags or ElementKind.Symbol)
        {
            return false;
        }

        if (e.Field >= 0)
        {
            into.Forget(e.Field);
        }

        return true;
    }

    /// <summary>Nothing longer would be of the element.</summary>
    private static bool IsComplete(in Element e, ReadOnlySpan<byte> taken, EventWriter into) => e.Kind switch
    {
        ElementKind.Hex => taken.Length >= into.HexDigits(e.Field),
        ElementKind.OptionalHex => taken.Length - (taken.StartsWith("0x"u8) ? 2 : 0) >= into.HexDigits(e.Field),
        ElementKind.Symbol => !e.Table!.HasLonger(taken) && e.Table.TryGet(taken, out _),
        ElementKind.Special => taken[^1] is (byte)')' or (byte)';',
        ElementKind.Choice => !HasLonger(e.Choices, taken),
        ElementKind.Skip => true,
        _ => false,
    };

    private static bool HasLonger((byte[] Shown, ulong? Means)[] choices, ReadOnlySpan<byte> taken)
    {
        foreach ((byte[] shown, _) in choices)
        {
            if (shown.Length > taken.Length && shown.AsSpan().StartsWith(taken))
            {
                return true;
            }
        }

        return false;
    }

    private static int Literal(ReadOnlySpan<byte> text, in Element e, bool last)
    {
        // Nearly always it stands there as it is, and most are short: all of it, and the byte behind it, is looked at in two steps.
        int length = e.Literal.Length;
        if (text.Length > LongestShortLiteral && length <= LongestShortLiteral)
        {
            ref byte start = ref MemoryMarshal.GetReference(text);
            ulong other = (Unsafe.ReadUnaligned<ulong>(ref start) & e.FirstMask) ^ e.First;
            other |= (Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, sizeof(ulong))) & e.SecondMask) ^ e.Second;
            if (other == 0 && !(e.EndsBlank && IsBlank(text[length])))
            {
                return length;
            }
        }

        return Literal(text, e.Literal, last);
    }

    private static bool IsBlank(byte b) => AsciiText.IsSpace(b) || b == '\n';

    /// <summary>A blank in the layout stands for any number of them: mail programs change it.</summary>
    private static int Literal(ReadOnlySpan<byte> text, ReadOnlySpan<byte> literal, bool last)
    {
        // Nothing may stand behind it that its last blank would stand for too.
        if (text.StartsWith(literal) && (literal[^1] != ' ' || text.Length == literal.Length || !IsBlank(text[literal.Length])))
        {
            return literal.Length;
        }

        int at = 0;
        for (int i = 0; i < literal.Length; i++)
        {
            if (literal[i] == ' ')
            {
                int blanks = 0;
                while (at < text.Length && IsBlank(text[at]))
                {
                    at++;
                    blanks++;
                }

                if (blanks == 0 && !(at == text.Length && (last || i == literal.Length - 1)))
                {
                    return -1;
                }
            }
            else if (at == text.Length || text[at++] != literal[i])
            {
                return -1;
            }
        }

        return at;
    }

    /// <summary>Where a literal begins; its blanks stand for any number of them, as above.</summary>
    private static int Find(ReadOnlySpan<byte> text, ReadOnlySpan<byte> literal)
    {
        int exact = text.IndexOf(literal);
        if (exact >= 0 || literal.IndexOf((byte)' ') < 0 || !HasOtherBlanks(text, literal))
        {
            return exact;
        }

        for (int at = 0; at < text.Length; at++)
        {
            if ((literal[0] == ' ' ? IsBlank(text[at]) : text[at] == literal[0]) && Literal(text[at..], literal, last: false) > 0)
            {
                return at;
            }
        }

        return -1;
    }

    // Where each blank is one, only the end of the text can lack one.
    private static bool HasOtherBlanks(ReadOnlySpan<byte> text, ReadOnlySpan<byte> literal) =>
        text.IndexOfAny((byte)'\t', (byte)'\n') >= 0 || text.IndexOf("  "u8) >= 0 || (literal[^1] == ' ' && text.EndsWith(literal[..^1]));

    private static int Take(in Element e, ReadOnlySpan<byte> text, EventWriter into, bool sure)
    {
        int n;
        ulong value;
        switch (e.Kind)
        {
            case ElementKind.OptionalHex:
                int prefix = AsciiText.HexPrefix(text);
                n = AsciiText.Hex(text[prefix..], out value);
                return n > 0 && into.Number(e.Field, value) ? n + prefix : -1;
            case ElementKind.Constant:
                return into.Number(e.Field, e.Value) ? 0 : -1;
            case ElementKind.Choice:
                foreach ((byte[] shown, ulong? means) in e.Choices)
                {
                    if (text.StartsWith(shown))
                    {
                        return e.Field < 0 || means is not { } v || (e.ThisReleaseOnly && !sure) || into.Number(e.Field, v) ? shown.Length : -1;
                    }
                }

                return -1;
            default:
                int end = e.Next.Length == 0 ? text.Length : Find(text, e.Next);
                return end < 0 || !TakeUpTo(in e, text[..end], into) ? -1 : end;
        }
    }

    private static bool TakeUpTo(in Element e, ReadOnlySpan<byte> text, EventWriter into)
    {
        ulong? value;
        switch (e.Kind)
        {
            case ElementKind.Skip:
                return true;
            case ElementKind.Text:
                return into.Text(e.Field, text);
            case ElementKind.Special:
                return e.Special!(text, e.Field, into);
            case ElementKind.Flags:
                return e.Table!.TryFlags(text, out value) && (value is null || into.Number(e.Field, value.Value));
            default:
                if (e.Table!.TryGet(text, out value))
                {
                    return value is null || into.Number(e.Field, value.Value);
                }

                return AsciiText.Number(text, out ulong number) == text.Length && !text.IsEmpty && into.Number(e.Field, number);
        }
    }

    private static Element Parse(string text, IReadOnlyList<EventField> fields, IReadOnlyDictionary<string, ValueTable> tables)
    {
        if (text == "*")
        {
            return new Element { Kind = ElementKind.Skip };
        }

        int end = 0;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_'))
        {
            end++;
        }

        int field = -1;
        for (int i = 0; i < fields.Count; i++)
        {
            field = fields[i].Name == text[..end] ? i : field;
        }

        string rest = text[end..];
        if ((field < 0 && end > 0) || (field < 0 && !rest.StartsWith('|')))
        {
            throw new FormatException($"{{{text}}}: no such field");
        }

        return (rest.Length == 0 ? ' ' : rest[0]) switch
        {
            ' ' => new Element { Kind = ElementKind.Number, Field = field },
            ':' when rest == ":s" => new Element { Kind = ElementKind.Text, Field = field },
            ':' when rest == ":#x" => new Element { Kind = ElementKind.OptionalHex, Field = field },
            ':' when rest.StartsWith(":x", StringComparison.Ordinal) => new Element { Kind = ElementKind.Hex, Field = field, MinDigits = rest.Length == 2 ? 1 : int.Parse(rest[2..], System.Globalization.CultureInfo.InvariantCulture) },
            '?' => new Element { Kind = ElementKind.Choice, Field = field, Choices = YesNo(rest[1..]) },
            '|' or '^' => new Element { Kind = ElementKind.Choice, Field = field, Choices = Alternatives(rest[1..]), ThisReleaseOnly = rest[0] == '^' },
            '=' => new Element { Kind = ElementKind.Constant, Field = field, Value = Value(rest[1..]) },
            '@' => new Element { Kind = ElementKind.Symbol, Field = field, Table = tables[rest[1..]] },
            '&' => new Element { Kind = ElementKind.Flags, Field = field, Table = tables[rest[1..]] },
            '!' => new Element { Kind = ElementKind.Special, Field = field, Special = SpecialElements.Create(rest[1..], fields, tables) },
            _ => throw new FormatException($"{{{text}}}: no such element"),
        };
    }

    private static (byte[] Shown, ulong? Means)[] YesNo(string text)
    {
        int colon = text.IndexOf(':');
        return Longest([(Encoding.UTF8.GetBytes(text[..colon]), 1), (Encoding.UTF8.GetBytes(text[(colon + 1)..]), 0)]);
    }

    private static (byte[] Shown, ulong? Means)[] Alternatives(string text) =>
        Longest(text.Split('|').Select(a => a.Split('=', 2)).Select(a => (Encoding.UTF8.GetBytes(a[1]), a[0].Length == 0 ? (ulong?)null : Value(a[0]))));

    // "ab" must be tried before "a".
    private static (byte[] Shown, ulong? Means)[] Longest(IEnumerable<(byte[] Shown, ulong? Means)> choices) => [.. choices.OrderByDescending(c => c.Shown.Length)];

    internal static ulong Value(string text) => AsciiText.Number(Encoding.UTF8.GetBytes(text), out ulong value) == text.Length
        ? value
        : throw new FormatException($"{text}: no number");

    private readonly struct Element
    {
        public Element()
        {
        }

        public ElementKind Kind { get; init; }

        public int Field { get; init; } = -1;

        public byte[] Literal
        {
            get;
            init
            {
                field = value;
                EndsBlank = value[^1] == ' ';
                Span<byte> padded = stackalloc byte[LongestShortLiteral];
                Span<byte> mask = stackalloc byte[LongestShortLiteral];
                int length = Math.Min(value.Length, LongestShortLiteral);
                value.AsSpan(0, length).CopyTo(padded);
                mask[..length].Fill(byte.MaxValue);
                (First, Second) = (MemoryMarshal.Read<ulong>(padded), MemoryMarshal.Read<ulong>(padded[sizeof(ulong)..]));
                (FirstMask, SecondMask) = (MemoryMarshal.Read<ulong>(mask), MemoryMarshal.Read<ulong>(mask[sizeof(ulong)..]));
            }
        } = [];

        /// <summary>The literal's first bytes, and which these are.</summary>
        public ulong First { get; private init; }

        public ulong FirstMask { get; private init; }

        /// <summary>Those behind the first eight.</summary>
        public ulong Second { get; private init; }

        public ulong SecondMask { get; private init; }

        /// <summary>The literal's last byte is a blank.</summary>
        public bool EndsBlank { get; private init; }

        /// <summary>The literal that follows; empty if none does.</summary>
        public byte[] Next { get; init; } = [];

        public int MinDigits { get; init; } = 1;

        public (byte[] Shown, ulong? Means)[] Choices { get; init; } = [];

        public bool ThisReleaseOnly { get; init; }

        public ulong Value { get; init; }

        public ValueTable? Table { get; init; }

        public SpecialElements.Taker? Special { get; init; }
    }
}
