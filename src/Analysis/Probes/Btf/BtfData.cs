using System.Buffers.Binary;
using System.Text;

namespace TraceReplay.Analysis.Probes.Btf;

/// <summary>What a type of BTF is. The numbers are the kernel's (Documentation/bpf/btf.rst).</summary>
internal enum BtfKind
{
    Void = 0,
    Int = 1,
    Pointer = 2,
    Array = 3,
    Struct = 4,
    Union = 5,
    Enum = 6,
    Forward = 7,
    Typedef = 8,
    Volatile = 9,
    Const = 10,
    Restrict = 11,
    Function = 12,
    Prototype = 13,
    Variable = 14,
    Section = 15,
    Float = 16,
    DeclarationTag = 17,
    TypeTag = 18,
    Enum64 = 19,
}

/// <summary>A member of a structure or a parameter.</summary>
/// <param name="Bit">Offset in bits; of a parameter 0.</param>
/// <param name="Bits">Size of a bit field; 0 for all else.</param>
internal readonly record struct BtfMember(string Name, int Type, int Bit, int Bits);

/// <summary>
/// Types of a kernel or one of its modules, as the kernel shows them below /sys/kernel/btf. A module's count on from those of its kernel.
/// Trusts nothing in the file: every number is checked where it is used, and no file makes it take more memory than some times its size.
/// </summary>
internal sealed class BtfData
{
    private const int LongestFile = 256 << 20;
    private const int HeaderLength = 24;
    private const ushort Magic = 0xeb9f;
    private const int TypeLength = 12;

    private readonly byte[] _file;
    private readonly BtfData? _base;
    private readonly string _name;
    private readonly int _strings;
    private readonly int _stringsLength;
    private readonly List<int> _types = [];
    private readonly Dictionary<string, int> _functions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _structures = new(StringComparer.Ordinal);

    private BtfData(byte[] file, BtfData? basis, string name, int types, int typesLength, int strings, int stringsLength)
    {
        (_file, _base, _name, _strings, _stringsLength) = (file, basis, name, strings, stringsLength);
        Index(types, typesLength);
    }

    /// <summary>Number behind that of the last type.</summary>
    public int End => First + _types.Count;

    private int First => _base?.End ?? 1;

    private int FirstString => _base is null ? 0 : _base.FirstString + _base._stringsLength;

    /// <summary>Reads a file of types: those alone, or an ELF file that holds them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="basis">The kernel's, where these are a module's; null = these stand alone.</param>
    /// <exception cref="AnalysisException">It cannot be read, or is no BTF.</exception>
    public static BtfData Read(string path, BtfData? basis = null)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using MemoryStream bytes = new();
            byte[] part = new byte[1 << 16];
            for (int n; (n = file.Read(part)) > 0;)
            {
                bytes.Write(part, 0, n);
                if (bytes.Length > LongestFile)
                {
                    throw new AnalysisException(AnalysisFailure.Input, $"{path}: longer than {LongestFile >> 20} MiB, no types of a kernel are");
                }
            }

            return Parse(bytes.ToArray(), basis, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{path}: {e.Message}", e);
        }
    }

    /// <inheritdoc cref="Read"/>
    public static BtfData Parse(byte[] file, BtfData? basis, string name)
    {
        int start = 0, length = file.Length;
        if (file.AsSpan().StartsWith("\u007f"u8) && !ElfSection.TryFind(file, ".BTF", out start, out length))
        {
            throw Bad(name, 0, "an ELF file without a section .BTF");
        }

        file = file.AsSpan(start, length).ToArray();
        if (file.Length < HeaderLength || BinaryPrimitives.ReadUInt16LittleEndian(file) != Magic)
        {
            throw Bad(name, 0, "expected the types of a kernel (BTF), little-endian, as /sys/kernel/btf/vmlinux has them");
        }

        long header = Word(4);
        long types = header + Word(8), typesLength = Word(12), strings = header + Word(16), stringsLength = Word(20);
        if (header < HeaderLength || types + typesLength > file.Length || strings + stringsLength > file.Length)
        {
            throw Bad(name, 4, "a section ends behind the file");
        }

        return new BtfData(file, basis, name, (int)types, (int)typesLength, (int)strings, (int)stringsLength);

        long Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));
    }

    /// <summary>The prototype of a function, here or in the kernel that this is a module of; null if it has none of that name.</summary>
    public int? Prototype(string function) => _functions.TryGetValue(function, out int id) ? TypeOf(id) : _base?.Prototype(function);

    /// <summary>A structure or union with members, by its name.</summary>
    public int? Structure(string name) => _structures.TryGetValue(name, out int id) ? id : _base?.Structure(name);

    public BtfKind Kind(int id) => id == 0 ? BtfKind.Void : (BtfKind)((Info(id) >> 24) & 0x1f);

    public string Name(int id) => id == 0 ? "void" : Text(Word(id, 0));

    /// <summary>What a pointer, function, typedef or qualifier is of; the result of a prototype.</summary>
    public int TypeOf(int id) => (int)Word(id, 8);

    /// <summary>Bytes of a number, structure or enumeration.</summary>
    public long Size(int id) => Word(id, 8);

    /// <summary>The type of an array's elements, and how many.</summary>
    public (int Type, long Count) Array(int id) => ((int)Word(id, TypeLength), Word(id, TypeLength + 8));

    /// <summary>Members of a structure or union, parameters of a prototype.</summary>
    public IEnumerable<BtfMember> Members(int id)
    {
        bool isPrototype = Kind(id) == BtfKind.Prototype;
        bool hasFields = Info(id) >> 31 != 0;
        int count = (int)(Info(id) & 0xffff), each = isPrototype ? 8 : 12;
        for (int i = 0; i < count; i++)
        {
            int at = TypeLength + (i * each);
            uint bits = isPrototype ? 0 : Word(id, at + 8);
            yield return new BtfMember(Text(Word(id, at)), (int)Word(id, at + 4), (int)(hasFields ? bits & 0xffffff : bits), (int)(hasFields ? bits >> 24 : 0));
        }
    }

    private void Index(int at, int length)
    {
        int end = at + length;
        while (at < end)
        {
            if (end - at < TypeLength)
            {
                throw Bad(_name, at, "a type is cut off");
            }

            uint info = BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at + 4));
            int count = (int)(info & 0xffff);
            int more = (BtfKind)((info >> 24) & 0x1f) switch
            {
                BtfKind.Int or BtfKind.Variable or BtfKind.DeclarationTag => 4,
                BtfKind.Array => 12,
                BtfKind.Struct or BtfKind.Union or BtfKind.Section or BtfKind.Enum64 => 12 * count,
                BtfKind.Enum or BtfKind.Prototype => 8 * count,
                BtfKind.Void or > BtfKind.Enum64 => throw Bad(_name, at, $"type of the unknown kind {(info >> 24) & 0x1f}"),
                _ => 0,
            };
            if (end - at - TypeLength < more)
            {
                throw Bad(_name, at, "a type is cut off");
            }

            _types.Add(at);
            int id = First + _types.Count - 1;
            switch (Kind(id))
            {
                case BtfKind.Function:
                    _functions.TryAdd(Name(id), id);
                    break;
                case BtfKind.Struct or BtfKind.Union when count > 0:
                    _structures.TryAdd(Name(id), id);
                    break;
            }

            at += TypeLength + more;
        }
    }

    private uint Info(int id) => Word(id, 4);

    private uint Word(int id, int offset)
    {
        if (id < First && _base is not null)
        {
            return _base.Word(id, offset);
        }

        int index = id - First;
        return index >= 0 && index < _types.Count ? BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(_types[index] + offset)) : throw Bad(_name, 0, $"no type {id}");
    }

    private string Text(uint offset)
    {
        if (offset < FirstString)
        {
            return _base!.Text(offset);
        }

        long at = offset - (uint)FirstString;
        if (at >= _stringsLength)
        {
            // The empty name is at 0 of the kernel's.
            return offset == 0 ? "" : throw Bad(_name, _strings, $"a name at {offset}, behind the names");
        }

        ReadOnlySpan<byte> text = _file.AsSpan(_strings + (int)at, _stringsLength - (int)at);
        int end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }

    private static AnalysisException Bad(string name, int at, string what) => new(AnalysisFailure.Input, $"{name}: offset 0x{at:x}: {what}");
}
