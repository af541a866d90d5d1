using System.Buffers.Binary;

namespace TraceReplay.Analysis.Probes.Btf;

/// <summary>Finds a section of a 64-bit little-endian ELF file, as a kernel or a module is.</summary>
internal static class ElfSection
{
    private const int HeaderLength = 64;
    private const int EntryLength = 64;

    public static bool TryFind(ReadOnlySpan<byte> file, string name, out int start, out int length)
    {
        (start, length) = (0, 0);
        if (file.Length < HeaderLength || !file.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return false;
        }

        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(file[0x28..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3c..]), names = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3e..]);
        if (names >= count || table > (ulong)file.Length || (ulong)file.Length - table < (ulong)count * EntryLength
            || !TryPlace(file, file.Slice((int)table + (names * EntryLength), EntryLength), out int namesAt, out int namesLength))
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = file.Slice((int)table + (i * EntryLength), EntryLength);
            uint at = BinaryPrimitives.ReadUInt32LittleEndian(entry);
            if (at < namesLength && Is(file.Slice(namesAt + (int)at, namesLength - (int)at), name))
            {
                return TryPlace(file, entry, out start, out length);
            }
        }

        return false;
    }

    private static bool Is(ReadOnlySpan<byte> text, string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (i >= text.Length || text[i] != name[i])
            {
                return false;
            }
        }

        return text.Length > name.Length && text[name.Length] == 0;
    }

    private static bool TryPlace(ReadOnlySpan<byte> file, ReadOnlySpan<byte> entry, out int start, out int length)
    {
        ulong at = BinaryPrimitives.ReadUInt64LittleEndian(entry[0x18..]), size = BinaryPrimitives.ReadUInt64LittleEndian(entry[0x20..]);
        bool isThere = at <= (ulong)file.Length && size <= (ulong)file.Length - at;
        (start, length) = isThere ? ((int)at, (int)size) : (0, 0);
        return isThere;
    }
}
