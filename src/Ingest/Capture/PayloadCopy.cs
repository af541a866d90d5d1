using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TraceReplay.Ingest.Capture;

/// <summary>Copies what a record holds: a few dozen bytes in whole steps, without a call and without a branch on what is left.</summary>
internal static class PayloadCopy
{
    /// <summary>Bytes behind the end that are written, and read where that is possible, as if they belonged to the payload.</summary>
    public const int Slack = 16;

    private const int Longest = 8 * Slack;

    /// <param name="readable">Bytes that may be read from the payload's start on.</param>
    /// <param name="target">Has room for <see cref="Slack"/> bytes more than <paramref name="length"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(ref byte payload, int length, int readable, ref byte target)
    {
        if (length <= Longest && readable >= length + Slack)
        {
            for (int done = 0; done < length; done += Slack)
            {
                Vector128.LoadUnsafe(ref payload, (nuint)done).StoreUnsafe(ref target, (nuint)done);
            }
        }
        else
        {
            MemoryMarshal.CreateReadOnlySpan(ref payload, length).CopyTo(MemoryMarshal.CreateSpan(ref target, length));
        }
    }
}
