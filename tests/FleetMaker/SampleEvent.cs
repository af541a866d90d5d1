using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.FleetMaker;

/// <param name="Time">In the sample's clock.</param>
/// <param name="LostBefore">Records of this CPU that are missing just before this one.</param>
internal sealed record SampleEvent(long Time, int Cpu, int Pid, EventFormat Format, byte[] Payload, int LostBefore = 0)
{
    public string Name => Format.Name;

    /// <summary>The same event with another number in a field; as it is where the format has no such field.</summary>
    public SampleEvent With(string field, long value)
    {
        if (Format.Field(field) is not { } f || f.Size is not (1 or 2 or 4 or 8) || f.Offset + f.Size > Payload.Length)
        {
            return this;
        }

        byte[] changed = [.. Payload];
        for (int i = 0; i < f.Size; i++)
        {
            changed[f.Offset + (Format.BigEndian ? f.Size - 1 - i : i)] = (byte)(value >> (8 * i));
        }

        return this with { Payload = changed };
    }

    public ulong? Number(string field)
    {
        if (Format.Field(field) is not { } f || f.Size is not (1 or 2 or 4 or 8) || f.Offset + f.Size > Payload.Length)
        {
            return null;
        }

        ulong value = 0;
        for (int i = 0; i < f.Size; i++)
        {
            value |= (ulong)Payload[f.Offset + (Format.BigEndian ? f.Size - 1 - i : i)] << (8 * i);
        }

        return value;
    }
}
