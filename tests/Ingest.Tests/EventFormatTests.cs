using TraceReplay.Ingest.Tracefs;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>Declarations as kernels from 3.10 to 7.2 write them.</summary>
public sealed class EventFormatTests
{
    [Theory]
    [InlineData("u64 gfn;\toffset:8;\tsize:8;\tsigned:0;", "gfn", "u64", FieldKind.Integer, false)]
    [InlineData("long ret;\toffset:8;\tsize:4;\tsigned:1;", "ret", "long", FieldKind.Integer, true)]
    [InlineData("u64 * sptep;\toffset:8;\tsize:8;\tsigned:0;", "sptep", "u64 *", FieldKind.Pointer, false)]
    [InlineData("const void *call_site;\toffset:8;\tsize:4;\tsigned:1;", "call_site", "const void *", FieldKind.Pointer, false)]
    [InlineData("char comm[16];\toffset:8;\tsize:16;\tsigned:1;", "comm", "char[16]", FieldKind.CharArray, false)]
    [InlineData("char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;", "comm", "char[TASK_COMM_LEN]", FieldKind.CharArray, false)]
    [InlineData("__u8 insn[15];\toffset:8;\tsize:15;\tsigned:0;", "insn", "__u8[15]", FieldKind.Bytes, false)]
    [InlineData("unsigned long args[6];\toffset:8;\tsize:48;\tsigned:0;", "args", "unsigned long[6]", FieldKind.Bytes, false)]
    [InlineData("__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:1;", "name", "__data_loc char[]", FieldKind.DynamicString, false)]
    [InlineData("__rel_loc char[] name;\toffset:8;\tsize:4;\tsigned:1;", "name", "__rel_loc char[]", FieldKind.DynamicString, false)]
    [InlineData("__data_loc unsigned long[] cpus;\toffset:8;\tsize:4;\tsigned:0;", "cpus", "__data_loc unsigned long[]", FieldKind.DynamicBytes, false)]
    [InlineData("char buf[];\toffset:8;\tsize:0;\tsigned:1;", "buf", "char[]", FieldKind.TailString, false)]
    [InlineData("char buf;\toffset:8;\tsize:0;\tsigned:0;", "buf", "char", FieldKind.TailString, false)]
    [InlineData("u32 buf[];\toffset:8;\tsize:0;\tsigned:0;", "buf", "u32[]", FieldKind.TailBytes, false)]
    [InlineData("char prio;\toffset:8;\tsize:1;\tsigned:1;", "prio", "char", FieldKind.Integer, true)]
    [InlineData("struct in6_addr addr;\toffset:8;\tsize:16;\tsigned:0;", "addr", "struct in6_addr", FieldKind.Bytes, false)]
    [InlineData("unsigned char common_flags;\toffset:2;\tsize:1;", "common_flags", "unsigned char", FieldKind.Integer, false)]
    public void A_field_is_what_its_declaration_and_size_say(string line, string name, string type, FieldKind kind, bool signed)
    {
        EventFormat? f = EventFormatParser.Parse("s", TraceDatBuilder.Format("e", 7, line));
        EventField field = f!.Fields[^1];
        Assert.Equal((name, type, kind, signed), (field.Name, field.Type, field.Kind, field.Signed));
        Assert.Equal(("s.e", 7, 4), (f.FullName, f.Id, f.Fields.Count(x => x.Common)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("name: x\nformat:\n")]
    [InlineData("name: x\nID: 99999999999\nformat:\n")]
    [InlineData("name: x\nID: 5\nformat:\n\tfield:int a;\toffset:-1;\tsize:4;\tsigned:1;\n")]
    [InlineData("name: x\nID: 5\nformat:\n\tfield:int a;\toffset:8;\tsize:2000000000;\tsigned:1;\n")]
    [InlineData("name: x\nID: 5\nformat:\n\tfield:int a\n")]
    public void What_is_no_format_is_refused(string text) => Assert.Null(EventFormatParser.Parse("s", text));

    [Fact]
    public void A_dynamic_slot_that_points_outside_gives_what_lies_inside()
    {
        EventField f = EventFormatParser.Parse("s", TraceDatBuilder.Format("e", 7, "__data_loc char[] t;\toffset:8;\tsize:4;\tsigned:1;"))!.Fields[^1];
        byte[] payload = [7, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0xff, 0xff, (byte)'h', (byte)'i'];
        Assert.Equal("hi"u8, FieldReader.Bytes(f, payload, false));
        payload[8] = 200;
        Assert.Equal(0, FieldReader.Bytes(f, payload, false).Length);
        Assert.Equal(0, FieldReader.Bytes(f, payload.AsSpan(0, 9), false).Length);
    }

    [Theory]
    [InlineData(0xffffffff81000000, "_text")]
    [InlineData(0xffffffff810000ff, "_text")]
    [InlineData(0xffffffff81000104, "first_alias")]
    [InlineData(0xffffffffc0000004, "in_module")]
    [InlineData(0xffffffffd0000004, null)]
    [InlineData(0x401000UL, null)]
    [InlineData(0x10UL, null)]
    public void A_symbol_is_the_nearest_at_or_below(ulong address, string? name)
    {
        byte[] text = "0000000000000000 A fixed_percpu_data\nffffffffc0000000 t in_module\t[kvm]\nffffffff81000000 T _text\nffffffff81000100 T first_alias\nffffffff81000100 T second_alias\nbroken line\n"u8.ToArray();
        Assert.Equal(name, new SymbolTable(() => text).Find(address));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_shown_not_lost() => Assert.Equal("a\\xffé\\xe2", TraceText.Decode([(byte)'a', 0xff, .. "é"u8, 0xe2]));
}
