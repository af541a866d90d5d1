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
    private readonly List<Element> _elements = [];

    private Layout(string source) => Source = source;

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
        Layout layout = new(source);
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
                layout._elements.Add(new Element { Kind = ElementKind.Literal, Literal = Encoding.UTF8.GetBytes(literal.ToString()) });
            }

            if (i < source.Length)
            {
                int close = source.IndexOf('}', i);
                layout._elements.Add(Parse(close < 0 ? "" : source[(i + 1)..close], fields, tables));
                i = close + 1;
            }
        }

        return layout;
    }

    /// <summary><c>name=value</c> of every field, as trace-cmd report -R and the option <c>fields</c> print it.</summary>
    /// <param name="hex">Fields whose numbers are hexadecimal even without 0x.</param>
    public static Layout Raw(IReadOnlyList<EventField> fields, IReadOnlySet<string> hex)
    {
        Layout layout = new("raw");
        for (int i = 0; i < fields.Count; i++)
        {
            EventField f = fields[i];
            if (!f.Common)
            {
                layout._elements.Add(new Element { Kind = ElementKind.Literal, Literal = Encoding.UTF8.GetBytes((layout._elements.Count == 0 ? "" : " ") + f.Name + "=") });
                layout._elements.Add(f.IsNumber
                    ? new Element { Kind = ElementKind.Special, Field = i, Special = hex.Contains(f.Name) ? SpecialElements.RawHex : SpecialElements.Raw }
                    : new Element { Kind = f.IsString ? ElementKind.Text : ElementKind.Skip, Field = i });
            }
        }

        return layout;
    }

    /// <param name="sure">Whether it is known that the text comes from the release that the layout is of.</param>
    /// <param name="end">What is known of the text's end: what only it tells is unknown where it is not sure.</param>
    /// <returns>false if the text is not of this layout; the writer's record is then of no use.</returns>
    public bool Match(ReadOnlySpan<byte> text, EventWriter into, bool sure, TextEnd end = TextEnd.Sure)
    {
        text = AsciiText.TrimEnd(text);
        ReadOnlySpan<Element> elements = CollectionsMarshal.AsSpan(_elements);
        for (int i = 0; i < elements.Length; i++)
        {
            ref readonly Element e = ref elements[i];
            if (e.Kind == ElementKind.Literal)
            {
                int n = Literal(text, e.Literal, last: i == elements.Length - 1);
                if (n < 0)
                {
                    return false;
                }

                text = text[n..];
                continue;
            }

            int taken = Take(in e, text, i + 1 < elements.Length && elements[i + 1].Kind == ElementKind.Literal ? elements[i + 1].Literal : [], into, sure);
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

    /// <summary>A blank in the layout stands for any number of them: mail programs change it.</summary>
    private static int Literal(ReadOnlySpan<byte> text, ReadOnlySpan<byte> literal, bool last)
    {
        // Nearly always it stands there as it is, with nothing behind it that its last blank would stand for too.
        if (text.StartsWith(literal) && (literal[^1] != ' ' || text.Length == literal.Length || !(AsciiText.IsSpace(text[literal.Length]) || text[literal.Length] == '\n')))
        {
            return literal.Length;
        }

        int at = 0;
        for (int i = 0; i < literal.Length; i++)
        {
            if (literal[i] == ' ')
            {
                int blanks = 0;
                while (at < text.Length && (AsciiText.IsSpace(text[at]) || text[at] == '\n'))
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
            if ((literal[0] == ' ' ? AsciiText.IsSpace(text[at]) || text[at] == '\n' : text[at] == literal[0]) && Literal(text[at..], literal, last: false) > 0)
            {
                return at;
            }
        }

        return -1;
    }

    // Where each blank is one, only the end of the text can lack one.
    private static bool HasOtherBlanks(ReadOnlySpan<byte> text, ReadOnlySpan<byte> literal) =>
        text.IndexOfAny((byte)'\t', (byte)'\n') >= 0 || text.IndexOf("  "u8) >= 0 || (literal[^1] == ' ' && text.EndsWith(literal[..^1]));

    private static int Take(in Element e, ReadOnlySpan<byte> text, ReadOnlySpan<byte> next, EventWriter into, bool sure)
    {
        int n;
        ulong value;
        switch (e.Kind)
        {
            case ElementKind.Number:
                n = AsciiText.Number(text, out value);
                return n > 0 && into.Number(e.Field, value) ? n : -1;
            case ElementKind.Hex:
                n = AsciiText.Hex(text, out value);
                return n > 0 && n >= e.MinDigits && into.Number(e.Field, value) ? n : -1;
            case ElementKind.OptionalHex:
                int prefix = text.StartsWith("0x"u8) ? 2 : 0;
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
                int end = next.IsEmpty ? text.Length : Find(text, next);
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

        public byte[] Literal { get; init; } = [];

        public int MinDigits { get; init; } = 1;

        public (byte[] Shown, ulong? Means)[] Choices { get; init; } = [];

        public bool ThisReleaseOnly { get; init; }

        public ulong Value { get; init; }

        public ValueTable? Table { get; init; }

        public SpecialElements.Taker? Special { get; init; }
    }
}
