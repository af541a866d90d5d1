namespace TraceReplay.Fuzz.Inputs;

/// <summary>Changes of a file by one who knows nothing of it.</summary>
internal static class Blind
{
    public static byte[] Of(IReadOnlyList<byte[]> seeds, Random random)
    {
        byte[] file = (byte[])seeds[random.Next(seeds.Count)].Clone();
        for (int n = 1 << random.Next(5); n > 0 && file.Length > 0; n--)
        {
            file = Change(file, seeds, random);
        }

        return file;
    }

    private static byte[] Change(byte[] file, IReadOnlyList<byte[]> seeds, Random random)
    {
        int at = random.Next(file.Length);
        int length = Math.Min(file.Length - at, 1 << random.Next(13));
        switch (random.Next(12))
        {
            case 0:
                return file[..at];
            case 1:
                return [.. file[..at], .. file[(at + length)..]];
            case 2:
                return file.Length > 1 << 20 ? file : [.. file[..(at + length)], .. file[at..]];
            case 3:
                byte[] other = seeds[random.Next(seeds.Count)];
                int from = other.Length == 0 ? 0 : random.Next(other.Length);
                return [.. file[..at], .. other[from..Math.Min(other.Length, from + length)], .. file[(random.Next(2) == 0 ? at : at + length)..]];
            case 4:
                file.AsSpan(at, length).Fill((byte)random.Next(256));
                return file;
            case 5:
                random.NextBytes(file.AsSpan(at, Math.Min(length, 16)));
                return file;
            case 6:
            case 7:
                file[at] ^= (byte)(1 << random.Next(8));
                return file;
            default:
                Numbers.Strike(file, at, random);
                return file;
        }
    }
}
