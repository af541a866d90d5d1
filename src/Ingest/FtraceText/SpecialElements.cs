using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>Parts of a layout that tell more than one field, or whose meaning depends on who printed them.</summary>
internal static class SpecialElements
{
    /// <returns>false if the text is not of this kind.</returns>
    public delegate bool Taker(ReadOnlySpan<byte> text, int field, EventWriter into);

    public static Taker Create(string kind, IReadOnlyList<EventField> fields, IReadOnlyDictionary<string, ValueTable> tables) => kind switch
    {
        "pointer" => Pointer,
        "bytes" => Bytes,
        "exit" => Exit(IndexOf(fields, "isa"), tables["vmx"], tables["svm"], tables["svm-report"]),
        "userspace" => UserspaceExit(IndexOf(fields, "errno"), tables["kvm_exit"]),
        "marker" => Marker,
        "graph" => FunctionGraph.Create(IndexOf(fields, "depth"), IndexOf(fields, "duration_ns")),
        "function" => Function,
        "probe" => Probe(IndexOf(fields, "__probe_ret_ip")),
        _ => throw new FormatException($"{kind}: no such element"),
    };

    /// <summary>A number as <c>report -R</c> prints it, or the option <c>fields</c> (twice, the second time in parentheses).</summary>
    public static bool Raw(ReadOnlySpan<byte> text, int field, EventWriter into) => RawNumber(text, field, into, AsciiText.Number(text, out ulong value), value);

    public static bool RawHex(ReadOnlySpan<byte> text, int field, EventWriter into)
    {
        int prefix = AsciiText.HexPrefix(text);
        int n = AsciiText.Hex(text[prefix..], out ulong value);
        return RawNumber(text, field, into, n == 0 ? 0 : n + prefix, value);
    }

    private static bool RawNumber(ReadOnlySpan<byte> text, int field, EventWriter into, int taken, ulong value)
    {
        text = text[taken..];
        return taken > 0 && (text.IsEmpty || (text.StartsWith(" ("u8) && text[^1] == ')')) && into.Number(field, value);
    }

    /// <summary>
    /// What <c>%p</c> printed. The kernel hashes pointers to 32 bits unless told otherwise, trace-cmd prints them as they are.
    /// </summary>
    private static bool Pointer(ReadOnlySpan<byte> text, int field, EventWriter into)
    {
        int prefix = AsciiText.HexPrefix(text);
        if (AsciiText.Hex(text[prefix..], out ulong value) + prefix != text.Length || text.IsEmpty)
        {
            return text.StartsWith("("u8);
        }

        return value >> 32 == 0 || into.Number(field, value);
    }

    /// <summary>Hexadecimal bytes with blanks between; the field is their number, as the array itself is longer than what is shown.</summary>
    private static bool Bytes(ReadOnlySpan<byte> text, int field, EventWriter into)
    {
        foreach (byte b in text)
        {
            if (b != ' ' && !char.IsAsciiHexDigit((char)b))
            {
                return false;
            }
        }

        return into.Number(field, (ulong)((text.Length + 1) / 3));
    }

    /// <summary>
    /// An exit reason. Names of VMX and SVM differ, so a name tells the instruction set, too. Behind a VMX name may stand
    /// what else is set in the upper half.
    /// </summary>
    private static Taker Exit(int isa, ValueTable vmx, ValueTable svm, ValueTable svmReport) => (text, field, into) =>
    {
        int blank = text.IndexOf((byte)' ');
        ReadOnlySpan<byte> name = blank < 0 ? text : text[..blank];
        if ((svm.TryGet(name, out ulong? value) || svmReport.TryGet(name, out value)) && blank < 0)
        {
            return value is null || (into.Number(field, value.Value) && into.Number(isa, 2));
        }

        if (!vmx.TryGet(name, out value))
        {
            return blank < 0 && AsciiText.Number(name, out ulong number) == name.Length && !name.IsEmpty && into.Number(field, number);
        }

        ulong upper = 0;
        if (blank >= 0)
        {
            foreach (Range part in text[(blank + 1)..].Split((byte)' '))
            {
                ReadOnlySpan<byte> flag = text[(blank + 1)..][part];
                ulong bits = 0x80000000;
                if (!flag.SequenceEqual("FAILED_VMENTRY"u8) && AsciiText.Number(flag, out bits) != flag.Length)
                {
                    return false;
                }

                upper |= bits;
            }
        }

        return value is null || (into.Number(field, value.Value | upper) && into.Number(isa, 1));
    };

    /// <summary>
    /// <c>error (14)</c> and <c>restart (4)</c> show an errno and hide the reason; other texts show the reason, and that errno is
    /// not negative, which for KVM_RUN means 0. trace-cmd 3.1 takes errno for unsigned and prints a reason whatever it is: there it is
    /// unknown (see <see cref="TextDialect.FromReport"/>).
    /// </summary>
    private static Taker UserspaceExit(int errno, ValueTable reasons) => (text, field, into) =>
    {
        int open = text.LastIndexOf(" ("u8);
        if (open < 0 || text[^1] != ')' || AsciiText.Unsigned(text[(open + 2)..^1], out ulong number) != text.Length - open - 3)
        {
            return false;
        }

        ReadOnlySpan<byte> name = text[..open];
        if (name.SequenceEqual("error"u8) || name.SequenceEqual("restart"u8))
        {
            return into.Number(errno, 0 - number);
        }

        return (reasons.TryGet(name, out _) || name.StartsWith("0x"u8)) && into.Number(field, number) && (into.FromReport || into.Number(errno, 0));
    };

    /// <summary>A text that user space wrote: it ends with a line feed, which ends the line here.</summary>
    private static bool Marker(ReadOnlySpan<byte> text, int field, EventWriter into)
    {
        if (text.StartsWith("ip="u8))
        {
            int start = text.IndexOf(" buf="u8);
            return start > 0 && WithLineFeed(text[(start + 5)..], field, into);
        }

        int colon = text.IndexOf((byte)':');
        return colon > 0 && WithLineFeed(text[Math.Min(colon + 2, text.Length)..], field, into);
    }

    private static bool WithLineFeed(ReadOnlySpan<byte> text, int field, EventWriter into)
    {
        byte[] line = new byte[text.Length + 1];
        text.CopyTo(line);
        line[^1] = (byte)'\n';
        return into.Text(field, line);
    }

    /// <summary>A function without the offset and the module that some options add.</summary>
    private static bool Function(ReadOnlySpan<byte> text, int field, EventWriter into)
    {
        int end = text.IndexOfAny("+ "u8);
        return into.Text(field, end < 0 ? text : text[..end]);
    }

    private static Taker Probe(int returnAddress) => (text, field, into) => ProbeText.TakeAddresses(text, field, returnAddress, into);

    private static int IndexOf(IReadOnlyList<EventField> fields, string name)
    {
        for (int i = 0; i < fields.Count; i++)
        {
            if (fields[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }
}
