using System.Runtime.CompilerServices;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

/// <summary>What the numbers or texts of a column are like.</summary>
public enum Shape
{
    Constant,
    Few,
    Rising,
    RisingWithJumps,
    Small,
    Random,
    Extremes,
    FewThenMany,
    Mixed,
}

/// <summary>Which rows of a column are NULL.</summary>
public enum Holes
{
    NotNullable,
    None,
    All,
    Some,
    Blocks,
}

/// <summary>A column with what it holds.</summary>
/// <param name="Add">Adds one of the values, or null.</param>
internal sealed record TestColumn(Column Column, Action<object?> Add, object?[] Values);

internal static class RandomColumns
{
    public const int Kinds = 13;

    /// <param name="kind">0 to 10: a type of numbers; 11 texts; 12 bytes.</param>
    public static TestColumn Make(int kind, Shape shape, Holes holes, int rows, Random random) => kind switch
    {
        0 => Numbers<sbyte>(shape, holes, rows, random),
        1 => Numbers<byte>(shape, holes, rows, random),
        2 => Numbers<short>(shape, holes, rows, random),
        3 => Numbers<ushort>(shape, holes, rows, random),
        4 => Numbers<int>(shape, holes, rows, random),
        5 => Numbers<uint>(shape, holes, rows, random),
        6 => Numbers<long>(shape, holes, rows, random),
        7 => Numbers<ulong>(shape, holes, rows, random),
        8 => Numbers<float>(shape, holes, rows, random),
        9 => Numbers<double>(shape, holes, rows, random),
        10 => Numbers<bool>(shape, holes, rows, random),
        11 => Texts(shape, holes, rows, random),
        _ => Bytes(shape, holes, rows, random),
    };

    private static TestColumn Numbers<T>(Shape shape, Holes holes, int rows, Random random)
        where T : unmanaged
    {
        Column<T> column = new("value", holes != Holes.NotNullable);
        return new TestColumn(column, v => column.Add((T?)v), Values(shape, holes, rows, random, bits => (object)Of<T>(bits)));
    }

    private static TestColumn Texts(Shape shape, Holes holes, int rows, Random random)
    {
        StringColumn column = new("value", holes != Holes.NotNullable);
        return new TestColumn(column, v => column.Add((string?)v), Values(shape, holes, rows, random, Text));
    }

    private static TestColumn Bytes(Shape shape, Holes holes, int rows, Random random)
    {
        BytesColumn column = new("value", holes != Holes.NotNullable);
        return new TestColumn(column, v => column.Add((byte[]?)v), Values(shape, holes, rows, random, bits => BitConverter.GetBytes(bits).AsSpan(0, (int)((ulong)bits % 9)).ToArray()));
    }

    // The same number always gives the same text; some are empty, some long, some not in ASCII.
    private static string Text(long bits) => ((ulong)bits % 7) switch
    {
        0 => "",
        1 => $"é{bits}\0€",
        2 => new string('x', (int)((ulong)bits % 900)),
        _ => $"kworker/{bits}",
    };

    private static T Of<T>(long bits)
        where T : unmanaged
    {
        if (typeof(T) == typeof(bool))
        {
            return Unsafe.BitCast<bool, T>((bits & 1) != 0);
        }

        // Every pattern of bits is a value, NaN and both zeros of floats among them.
        return Unsafe.As<long, T>(ref bits);
    }

    private static object?[] Values(Shape shape, Holes holes, int rows, Random random, Func<long, object> of)
    {
        object?[] values = new object?[rows];
        long[] few = [.. Enumerable.Range(0, random.Next(2, 200)).Select(_ => random.NextInt64(long.MinValue, long.MaxValue))];
        long[] extremes = [0, -1, 1, long.MinValue, long.MaxValue, int.MinValue, int.MaxValue, uint.MaxValue, 1L << 63, 1L << 31, short.MinValue, sbyte.MinValue, 255, 65535];
        long at = random.NextInt64(1L << 40);
        bool hole = false;
        for (int i = 0; i < rows; i++)
        {
            Shape now = shape switch
            {
                Shape.FewThenMany => i < 3000 ? Shape.Few : Shape.Random,
                Shape.Mixed => (Shape)(i / 1700 % (int)Shape.FewThenMany),
                _ => shape,
            };
            long bits = now switch
            {
                Shape.Constant => few[0],
                Shape.Few => few[random.Next(8) == 0 ? random.Next(few.Length) : random.Next(2)],
                Shape.Rising => at += random.Next(1, 50),
                Shape.RisingWithJumps => at += random.Next(500) == 0 ? random.NextInt64(1L << 60) : 4096,
                Shape.Small => random.Next(1000),
                Shape.Extremes => extremes[random.Next(extremes.Length)],
                _ => random.NextInt64(long.MinValue, long.MaxValue),
            };
            hole = holes == Holes.Blocks ? (random.Next(700) == 0 ? !hole : hole) : holes == Holes.All || (holes == Holes.Some && random.Next(3) == 0);
            values[i] = hole ? null : of(bits);
        }

        return values;
    }
}
