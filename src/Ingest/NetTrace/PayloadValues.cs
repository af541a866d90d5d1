using System.Runtime.CompilerServices;
using Microsoft.Diagnostics.Tracing;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>
/// The values of one event as TraceEvent decodes them, from a copy of its payload with bytes of our own behind it. TraceEvent looks
/// where a value begins, not where it ends: of one that its payload cuts off it gives what lies in memory behind. A value that changes
/// with the bytes behind the payload was not recorded.
/// </summary>
internal readonly ref struct PayloadValues : IDisposable
{
    // A cut value holds the first byte behind; those after it are as far as a number can reach.
    private const int Changed = 16;

    // Behind that all is 0, so that a text ends and a count read there is small: as far as arrays of the largest count lead.
    private const int Behind = 1 << 20;

    [ThreadStatic]
    private static byte[]? s_bytes;

    [ThreadStatic]
    private static int s_used;

    private readonly TraceEvent _event;
    private readonly IntPtr _payload;
    private readonly Span<byte> _behind;

    public unsafe PayloadValues(TraceEvent e)
    {
        byte[] bytes = s_bytes ??= GC.AllocateArray<byte>(ushort.MaxValue + Behind, pinned: true);
        _event = e;
        _payload = e.DataStart;
        ReadOnlySpan<byte> payload = new((void*)_payload, e.EventDataLength);
        payload.CopyTo(bytes);
        if (payload.Length < s_used)
        {
            bytes.AsSpan(payload.Length, s_used - payload.Length).Clear();
        }

        s_used = payload.Length;
        _behind = bytes.AsSpan(payload.Length, Changed);
        PayloadOf(e) = (IntPtr)Unsafe.AsPointer(ref bytes[0]);
    }

    /// <returns>null if the event has no such field, its payload ends within it, or its bytes make no sense.</returns>
    public object? Read(int field)
    {
        object? value = Take(field);
        if (value is null)
        {
            return null;
        }

        _behind.Fill(1);
        object? other = Take(field);
        _behind.Clear();
        return other is not null && (value.Equals(other) || (value is not ValueType && ValueText.Same(value, other))) ? value : null;
    }

    /// <summary>The type of a field, also of one that its payload cuts off.</summary>
    public Type? TypeOf(int field) => Take(field)?.GetType();

    public void Dispose() => PayloadOf(_event) = _payload;

    private object? Take(int field)
    {
        try
        {
            object? value = _event.PayloadValue(field);
            return value is string s && s.StartsWith("<<<EXCEPTION", StringComparison.Ordinal) ? null : value;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // TraceEvent's typed events throw whatever they meet in a payload that is not as its version promises.
            return null;
        }
    }

    // There is no public way to give an event another payload. A version of TraceEvent that names it otherwise fails every test of this format.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "userData")]
    private static extern ref IntPtr PayloadOf(TraceEvent e);
}
