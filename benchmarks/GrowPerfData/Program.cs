using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

// Makes a large perf.data out of a small one: the records again and again, each copy later than the one before, so that the
// result is what a longer recording of the same load would be. Little-endian file mode, plain records, all events alike.
if (args.Length != 3 || !long.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out long wanted))
{
    Console.Error.WriteLine("usage: GrowPerfData PERF.DATA BYTES OUT");
    return 2;
}

const int sampleRecord = 9;
const int firstUserRecord = 64;
byte[] file = File.ReadAllBytes(args[0]);
if (!file.AsSpan().StartsWith("PERFILE2"u8) || U64(file, 8) != 104)
{
    Console.Error.WriteLine($"{args[0]}: expected a little-endian perf.data in file mode");
    return 3;
}

int attrs = (int)U64(file, 24);
int data = (int)U64(file, 40);
int size = (int)U64(file, 48);
ulong sampleType = U64(file, attrs + 24);
const ulong identifier = 1 << 16;
const ulong time = 1 << 2;
int inSample = 8 + (8 * BitOperations.PopCount(sampleType & (identifier | 1 | 2)));

// The id block that ends other records: TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER.
int fromEnd = 8 * BitOperations.PopCount(sampleType & (time | (1 << 6) | (1 << 9) | (1 << 7) | identifier));
List<int> places = [];
ulong first = ulong.MaxValue;
ulong last = 0;
for (int at = data; at < data + size;)
{
    uint type = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));
    int length = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at + 6));
    int place = type == sampleRecord ? at + inSample : at + length - fromEnd;
    if (type < firstUserRecord && U64(file, place) is var t and not (0 or ulong.MaxValue))
    {
        places.Add(place);
        (first, last) = (Math.Min(first, t), Math.Max(last, t));
    }

    at += length;
}

int copies = (int)Math.Max(1, (wanted + size - 1) / size);
ulong step = last - first + 1000;
long grown = (long)size * (copies - 1);
int features = BitOperations.PopCount(U64(file, 72)) + BitOperations.PopCount(U64(file, 80)) + BitOperations.PopCount(U64(file, 88)) + BitOperations.PopCount(U64(file, 96));
using FileStream output = File.Create(args[2]);
BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(48), (ulong)size * (ulong)copies);
output.Write(file, 0, data);
for (int copy = 0; copy < copies; copy++)
{
    output.Write(file, data, size);
    foreach (int place in places)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(place), U64(file, place) + step);
    }
}

for (int i = 0; i < features; i++)
{
    int at = data + size + (16 * i);
    BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), U64(file, at) + (ulong)grown);
}

output.Write(file, data + size, file.Length - data - size);
return 0;

static ulong U64(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
