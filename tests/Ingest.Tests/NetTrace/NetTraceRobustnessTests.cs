using System.Runtime.InteropServices;
using CsCheck;
using TraceReplay.Ingest.Capture;
using Xunit;
using static TraceReplay.Ingest.Tests.NetTrace.NetTraceBuilder;

namespace TraceReplay.Ingest.Tests.NetTrace;

/// <summary>Nothing in a file may crash, hang or fill memory; what was complete before the damage is kept.</summary>
public sealed class NetTraceRobustnessTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void A_file_cut_anywhere_says_where_it_ends_and_keeps_whole_events(int version)
    {
        byte[] whole = Whole(version, out NetTraceBuilder builder);
        Assert.Equal((40, null), ReadAny(whole));
        // Boundaries: begin and end of the trace block, two descriptions, four blocks of 10 events.
        for (int i = 0; i < 4; i++)
        {
            long end = builder.Boundaries[^((2 * i) + 1)];
            (int events, CaptureDamage? damage) = ReadAny(whole[..(int)end]);
            Assert.Equal((40 - (10 * i), end), (events, damage!.Offset));
            (events, damage) = ReadAny(whole[..(int)(end - 1)]);
            // The last byte of a block of version 4 is a tag behind its events.
            Assert.Equal((version == 4 ? 40 : 39) - (10 * i), events);
            Assert.InRange(damage!.Offset, builder.Boundaries[^((2 * i) + 2)], end);
        }

        int before = 0;
        for (int cut = 0; cut < whole.Length - 1; cut += 7)
        {
            (int events, CaptureDamage? damage) = ReadAny(whole[..cut]);
            Assert.True(damage is not null, $"cut at {cut} of {whole.Length} went unnoticed");
            Assert.InRange(damage.Offset, 0, cut);
            Assert.DoesNotContain('\n', damage.ToString());
            Assert.InRange(events, before, before + 1);
            before = events;
        }
    }

    /// <summary>What TraceEvent takes from malloc it gives back: a night may read thousands of files.</summary>
    [Fact]
    public void A_file_that_was_read_leaves_no_native_memory()
    {
        byte[] whole = Whole(6, out _);
        ReadAny(whole);
        nuint before = NativeHeap();
        for (int i = 0; i < 2000; i++)
        {
            ReadAny(whole);
            if (i % 100 == 0)
            {
                // Descriptions of events are given back by finalizers.
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        // Tests beside this one take some, too; before it was mended the table of events made it 20 MiB or more.
        Assert.InRange((double)NativeHeap() - before, double.NegativeInfinity, 10 << 20);
    }

    [Fact]
    public void A_recording_of_one_large_block_is_kept_up_to_the_cut()
    {
        // The recorder wrote 636,016 bytes of events as one block from 0x6ad2 on.
        (int events, CaptureDamage? damage) = ReadAny(NetTraceCaptureTests.Unpacked()[..500_000]);
        Assert.InRange(events, 3000, 4747);
        Assert.Equal("expected the rest of a block of 636016 bytes", damage!.Expected);
    }

    [Fact]
    public void A_payload_that_leaves_its_block_is_not_handed_to_TraceEvent()
    {
        byte[] whole = Whole(6, out NetTraceBuilder builder);
        long lastBlock = builder.Boundaries[^2];
        // Block header 4, block's own header 20, event header 52 of which the last 4 are the payload's size.
        BitConverter.GetBytes(60000).CopyTo(whole, lastBlock + 4 + 20 + 48);
        (int events, CaptureDamage? damage) = ReadAny(whole);
        Assert.Equal(30, events);
        Assert.Equal((lastBlock + 4 + 20, "expected events that fill their block"), (damage!.Offset, damage.Expected));
    }

    public static TheoryData<string, byte[]> Excesses => new()
    {
        { "65535 fields", [.. Varint(1), .. Text("P"), .. Varint(1), .. Text("E"), .. Shorts(65535)] },
        { "types nested", [.. Varint(1), .. Text("P"), .. Varint(1), .. Text("E"), .. Shorts(1, 5002), .. Text("a"), .. Enumerable.Repeat((byte)19, 5000)] },
        { "a structure without fields", [.. Varint(1), .. Text("P"), .. Varint(1), .. Text("E"), .. Shorts(1, 6), .. Text("a"), 19, 1, .. Shorts(0), 0] },
    };

    [Theory]
    [MemberData(nameof(Excesses))]
    public void A_description_cannot_ask_for_more_than_fields_can_be(string found, byte[] row)
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "P", "E", 1, ("a", 9)).Events((1, 0, 0, 5, Bytes(1))).Description(row);
        (int events, CaptureDamage? damage) = ReadAny(b.Build());
        Assert.Equal(1, events);
        Assert.StartsWith(found, damage!.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_description_of_version_4_cannot_ask_for_more_either()
    {
        NetTraceBuilder b = new(version: 4);
        b.Metadata(1, "P", "E", 1, ("a", 9)).Events((1, 0, 0, 5, Bytes(1)));
        b.Description([.. Bytes(2), .. Utf16("P"), .. Bytes(2), .. Utf16("F"), .. new byte[16], .. Bytes(int.MaxValue)]);
        (int events, CaptureDamage? damage) = ReadAny(b.Build());
        Assert.Equal(1, events);
        Assert.StartsWith("2147483647 fields", damage!.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_that_TraceEvent_refuses_ends_the_file_there()
    {
        NetTraceBuilder b = new();
        b.Metadata(1, "P", "E", 1, ("a", 9)).Events((1, 0, 0, 5, Bytes(1)));
        b.Events((99, 0, 0, 6, Bytes(1)));
        (int events, CaptureDamage? damage) = ReadAny(b.Build());
        Assert.Equal((1, b.Boundaries[^2]), (events, damage!.Offset));
        Assert.Contains("TraceEvent stopped", damage.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void Any_changed_bytes_are_survived(int version)
    {
        byte[] whole = Whole(version, out _);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[1, 8]).List[1, 4].Sample(
            changes =>
            {
                byte[] file = (byte[])whole.Clone();
                foreach ((int at, byte value, int count) in changes)
                {
                    file.AsSpan(at, Math.Min(count, file.Length - at)).Fill(value);
                }

                Assert.InRange(ReadAny(file).Events, 0, 200);
            },
            iter: 300);
    }

    [Fact]
    public void Changed_bytes_of_a_real_capture_are_survived()
    {
        byte[] whole = NetTraceCaptureTests.Unpacked();
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 6].Sample(
            changes =>
            {
                byte[] file = (byte[])whole.Clone();
                foreach ((int at, byte value) in changes)
                {
                    file[at] = value;
                }

                Assert.InRange(ReadAny(file).Events, 0, 5000);
            },
            iter: 20);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void Garbage_behind_the_magic_is_survived(int version)
    {
        byte[] start = new NetTraceBuilder(version).Build();
        Gen.Byte.Array[0, 300].Sample(bytes => ReadAny([.. start[..^1], .. bytes]), iter: 300);
        Gen.Byte.Array[0, 100].Sample(bytes => ReadAny([.. "Nettrace"u8, .. bytes]), iter: 300);
    }

    private static byte[] Whole(int version, out NetTraceBuilder builder)
    {
        builder = new NetTraceBuilder(version);
        builder.Tracepoint(1, "kvm", "kvm_fpu", 37, ("load", 10)).Metadata(2, "My", "Event", 5, ("text", 18), ("n", 12));
        for (int block = 0; block < 4; block++)
        {
            builder.Events([.. Enumerable.Range(0, 10).Select(i => i % 2 == 0
                ? (1, 1, 0, (100L * block) + i, Padded(Common(37, 42), Bytes(1)))
                : (2, 2, 1, (100L * block) + i, (byte[])[.. Utf16("text"), .. Bytes(7L)]))]);
        }

        return builder.Build();
    }

    private static (int Events, CaptureDamage? Damage) ReadAny(byte[] file)
    {
        try
        {
            (Recorder r, _, CaptureDamage? damage) = Recorder.Read(file);
            return (r.Events.Count, damage);
        }
        catch (CaptureException e)
        {
            return (0, e.Damage);
        }
    }

    /// <summary>Bytes in use in all arenas of glibc's malloc.</summary>
    private static nuint NativeHeap() => GetAllocations().InUse;

    [DllImport("libc", EntryPoint = "mallinfo2")]
    private static extern Allocations GetAllocations();

    /// <summary>struct mallinfo2.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Allocations
    {
        private readonly nuint _arena;
        private readonly nuint _ordblks;
        private readonly nuint _smblks;
        private readonly nuint _hblks;
        private readonly nuint _hblkhd;
        private readonly nuint _usmblks;
        private readonly nuint _fsmblks;
        public readonly nuint InUse;
        private readonly nuint _fordblks;
        private readonly nuint _keepcost;
    }
}
