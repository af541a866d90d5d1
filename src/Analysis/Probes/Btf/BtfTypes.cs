namespace TraceReplay.Analysis.Probes.Btf;

/// <summary>Questions about types: what lies where.</summary>
internal static class BtfTypes
{
    // Of real kernels; a file that goes deeper is made to.
    private const int Deepest = 32;
    private const int PointerSize = 8;

    /// <summary>A type without its typedefs and qualifiers.</summary>
    public static int Plain(this BtfData btf, int type)
    {
        for (int i = 0; i < Deepest; i++)
        {
            if (btf.Kind(type) is not (BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag))
            {
                return type;
            }

            type = btf.TypeOf(type);
        }

        return 0;
    }

    /// <summary>The structure or union that a pointer points to; null where it is something else, or nothing says what.</summary>
    public static int? Pointee(this BtfData btf, int type)
    {
        type = btf.Plain(type);
        if (btf.Kind(type) != BtfKind.Pointer)
        {
            return null;
        }

        type = btf.Plain(btf.TypeOf(type));
        return btf.Kind(type) switch
        {
            BtfKind.Struct or BtfKind.Union => type,

            // A module knows only the name of what its kernel has.
            BtfKind.Forward => btf.Structure(btf.Name(type)),
            _ => null,
        };
    }

    /// <summary>Bytes of a value; 0 where nothing says it.</summary>
    public static long SizeOf(this BtfData btf, int type)
    {
        type = btf.Plain(type);
        switch (btf.Kind(type))
        {
            case BtfKind.Pointer:
                return PointerSize;
            case BtfKind.Int or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Float:
                return btf.Size(type);
            default:
                return 0;
        }
    }

    /// <summary>A member by its name, also of anonymous structures in it; its bit is counted from the structure's begin.</summary>
    public static BtfMember? Member(this BtfData btf, int structure, string name, int depth = 0)
    {
        foreach (BtfMember member in btf.Members(structure))
        {
            if (member.Name == name)
            {
                return member;
            }

            int type = btf.Plain(member.Type);
            if (member.Name.Length == 0 && depth < Deepest && btf.Kind(type) is BtfKind.Struct or BtfKind.Union && btf.Member(type, name, depth + 1) is { } inner)
            {
                return inner with { Bit = inner.Bit + member.Bit };
            }
        }

        return null;
    }

    /// <summary>What begins at a byte of a structure: names of members and of members in them, outermost first, with their sizes.</summary>
    public static IEnumerable<(string Name, int Type)> At(this BtfData btf, int structure, long offset, int depth = 0)
    {
        foreach (BtfMember member in btf.Members(structure))
        {
            int type = btf.Plain(member.Type);
            long begin = member.Bit / 8, size = btf.SizeOf(type);
            if (member.Bits == 0 && begin == offset)
            {
                yield return (member.Name, member.Type);
            }

            if (depth < Deepest && btf.Kind(type) is BtfKind.Struct or BtfKind.Union && offset >= begin && offset < begin + size)
            {
                foreach ((string Name, int Type) inner in btf.At(type, offset - begin, depth + 1))
                {
                    yield return inner;
                }
            }
        }
    }
}
