using System.Globalization;
using System.Text;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Scripts;

/// <summary>Which of an operation's numbers a part of the line stands for.</summary>
internal enum Place
{
    A,
    B,
    C,
    D,

    /// <summary>The high half of D.</summary>
    HighD,

    /// <summary>The low half of D.</summary>
    LowD,
    Open,
    FaultId,
}

/// <summary>A part of a line after its verb: reads into an operation, writes out of one.</summary>
internal abstract class LinePart(Place place)
{
    public abstract void Read(LineWords words, ref Operation op);

    public abstract void Write(in Operation op, StringBuilder line);

    protected ulong Get(in Operation op) => place switch
    {
        Place.A => op.A,
        Place.B => op.B,
        Place.C => op.C,
        Place.D => op.D,
        Place.HighD => op.D >> 32,
        Place.LowD => (uint)op.D,
        Place.Open => (ulong)op.Open,
        _ => (ulong)op.FaultId,
    };

    protected void Set(ref Operation op, ulong value)
    {
        switch (place)
        {
            case Place.A: op.A = value; break;
            case Place.B: op.B = value; break;
            case Place.C: op.C = value; break;
            case Place.D: op.D = value; break;
            case Place.HighD: op.D = (uint)op.D | (value << 32); break;
            case Place.LowD: op.D = (op.D & ~(ulong)uint.MaxValue) | (uint)value; break;
            case Place.Open: op.Open = (int)value; break;
            default: op.FaultId = (long)value; break;
        }
    }
}

/// <summary>A number, after its label unless that is empty.</summary>
internal sealed class NumberPart(Place place, string label, string what, ulong max = ulong.MaxValue) : LinePart(place)
{
    /// <summary>Written in decimal.</summary>
    public bool Decimal { get; init; }

    /// <summary>May be left out, and then counts as 0.</summary>
    public bool Optional { get; init; }

    public ulong Min { get; init; }

    /// <summary>Another part stands for the same number; absent, this one leaves it.</summary>
    public bool KeepsOther { get; init; }

    /// <summary>The operation holds the number plus one, and 0 for none.</summary>
    public bool PlusOne { get; init; }

    public override void Read(LineWords words, ref Operation op)
    {
        if (label.Length > 0 && !words.Take(label))
        {
            if (!Optional)
            {
                throw words.Complaint($"{words.Peek}, expected '{label}'");
            }

            if (!KeepsOther)
            {
                Set(ref op, 0);
            }

            return;
        }

        ulong value = words.Number(what, max);
        if (value < Min)
        {
            throw words.Complaint(string.Create(CultureInfo.InvariantCulture, $"{what} {value}, expected at least {Min}"));
        }

        Set(ref op, value + (PlusOne ? 1UL : 0));
    }

    public override void Write(in Operation op, StringBuilder line)
    {
        ulong value = Get(in op);
        if (Optional && (value == 0 || value < Min || (KeepsOther && value > max)))
        {
            return;
        }

        value -= PlusOne ? 1UL : 0;
        line.Append(label.Length > 0 ? $" {label} " : " ");
        line.Append(Decimal ? value.ToString(CultureInfo.InvariantCulture) : $"0x{value:x}");
    }
}

/// <summary>Words that stand for bits, in any order; bits without a name come as <c>flags 0xN</c>.</summary>
internal sealed class FlagsPart(Place place, params (string Name, ulong Bit)[] names) : LinePart(place)
{
    public override void Read(LineWords words, ref Operation op)
    {
        ulong value = 0;
        while (!words.AtEnd)
        {
            int taken = Array.FindIndex(names, flag => words.Take(flag.Name));
            if (taken >= 0)
            {
                value |= names[taken].Bit;
            }
            else if (words.Take("flags"))
            {
                value |= words.Number("flags", ulong.MaxValue);
            }
            else
            {
                break;
            }
        }

        Set(ref op, value);
    }

    public override void Write(in Operation op, StringBuilder line)
    {
        ulong value = Get(in op);
        foreach ((string name, ulong bit) in names)
        {
            if ((value & bit) != 0)
            {
                line.Append(' ').Append(name);
                value &= ~bit;
            }
        }

        if (value != 0)
        {
            line.Append(CultureInfo.InvariantCulture, $" flags 0x{value:x}");
        }
    }
}

/// <summary>One word out of several, after its label unless that is empty; left out, it is the first.</summary>
internal sealed class ChoicePart(Place place, string label, params string[] names) : LinePart(place)
{
    public override void Read(LineWords words, ref Operation op)
    {
        int taken = 0;
        if (label.Length == 0 || words.Take(label))
        {
            taken = Array.FindIndex(names, words.Take);
            if (taken < 0 && label.Length > 0)
            {
                throw words.Complaint($"{words.Peek}, expected one of {string.Join(' ', names)}");
            }
        }

        Set(ref op, (ulong)Math.Max(0, taken));
    }

    public override void Write(in Operation op, StringBuilder line)
    {
        ulong value = Get(in op);
        if (value != 0)
        {
            line.Append(label.Length > 0 ? $" {label} " : " ").Append(names[value]);
        }
    }
}
