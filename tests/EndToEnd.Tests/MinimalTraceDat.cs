using System.Text;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// A trace.dat of version 6 with one CPU and two records of one event that has nothing to do with KVM, written byte by byte
/// after the format's documentation (trace-cmd.dat.v6.5.txt), not by any code of ours.
/// </summary>
internal static class MinimalTraceDat
{
    private const int PageSize = 4096;

    public static byte[] WithoutKvm()
    {
        var file = new MemoryStream();
        using var w = new BinaryWriter(file, Encoding.ASCII);
        w.Write((byte[])[0x17, 0x08, 0x44, .. "tracing6\0"u8]);
        w.Write((byte)0); // little endian
        w.Write((byte)8); // size of long
        w.Write(PageSize);
        Text(w, "header_page\0", """
            	field: u64 timestamp;	offset:0;	size:8;	signed:0;
            	field: local_t commit;	offset:8;	size:8;	signed:1;
            	field: int overwrite;	offset:8;	size:1;	signed:1;
            	field: char data;	offset:16;	size:4080;	signed:1;

            """);
        Text(w, "header_event\0", """
            # compressed entry header
            	type_len    :    5 bits
            	time_delta  :   27 bits
            	array       :   32 bits

            	padding     : type == 29
            	time_extend : type == 30
            	time_stamp : type == 31
            	data max type_len  == 28

            """);
        w.Write(0); // ftrace's own formats
        w.Write(1); // systems
        w.Write("sched\0"u8);
        w.Write(1); // events in it
        Text(w, "", """
            name: sched_tick
            ID: 300
            format:
            	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
            	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
            	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
            	field:int common_pid;	offset:4;	size:4;	signed:1;

            	field:u64 value;	offset:8;	size:8;	signed:0;

            print fmt: "value=%llu", REC->value

            """);
        w.Write(0); // kallsyms
        w.Write(0); // printk formats
        w.Write(9L); // saved command lines
        w.Write("7 worker\n"u8);
        w.Write(1); // CPUs
        w.Write("flyrecord\0"u8);
        w.Write((long)PageSize * 2);
        w.Write((long)PageSize);
        w.Flush();
        file.Position = PageSize * 2;
        w.Write(1_000_000L); // time stamp of the page
        w.Write(2 * 20L); // commit: two records of 4 + 16 bytes
        Record(w, delta: 0, value: ulong.MaxValue);
        Record(w, delta: 500, value: 2);
        w.Flush();
        file.SetLength(PageSize * 3);
        return file.ToArray();
    }

    private static void Text(BinaryWriter w, string tag, string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text.ReplaceLineEndings("\n"));
        w.Write(Encoding.ASCII.GetBytes(tag));
        w.Write((long)bytes.Length);
        w.Write(bytes);
    }

    private static void Record(BinaryWriter w, uint delta, ulong value)
    {
        w.Write((delta << 5) | 4); // type_len 4: sixteen bytes follow
        w.Write((ushort)300);
        w.Write((ushort)0); // flags, preempt count
        w.Write(7); // pid
        w.Write(value);
    }
}
