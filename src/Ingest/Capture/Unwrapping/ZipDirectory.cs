using System.Buffers.Binary;

namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>How large the directory at the end of a zip archive is (APPNOTE 4.3.14 to 4.3.16): it is read whole, so that is bounded before.</summary>
internal static class ZipDirectory
{
    private const int EndSize = 22;
    private const int LongestComment = ushort.MaxValue;
    private const int LocatorSize = 20;
    private const int Zip64EndSize = 56;

    // 46 bytes and a name, for each member.
    private const int MostBytesPerMember = 1024;

    /// <exception cref="CaptureException">It has too many members.</exception>
    public static void Check(CaptureFile file, UnpackBudget budget)
    {
        byte[] tail = new byte[(int)Math.Min(file.Length, EndSize + LongestComment)];
        long start = file.Length - tail.Length;
        file.ReadExactly(start, tail, "a zip archive's end");
        int end = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (end < 0 || end + EndSize > tail.Length)
        {
            return; // no archive, which the library says
        }

        long offset = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end + 16));
        byte[] locator = new byte[LocatorSize];
        if (file.Read(Math.Max(0, start + end - LocatorSize), locator) == LocatorSize && locator.AsSpan().StartsWith("PK\x06\x07"u8))
        {
            byte[] record = new byte[Zip64EndSize];
            long at = BinaryPrimitives.ReadInt64LittleEndian(locator.AsSpan(8));
            offset = at >= 0 && at < file.Length && file.Read(at, record) == record.Length ? BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(48)) : offset;
        }

        if (start + end - offset > (long)UnpackBudget.MostMembers * MostBytesPerMember)
        {
            throw budget.TooManyMembers();
        }
    }
}
