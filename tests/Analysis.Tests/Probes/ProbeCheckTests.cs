using System.Buffers.Binary;
using System.Text;
using TraceReplay.Analysis.Knowledge;
using TraceReplay.Analysis.Probes;
using TraceReplay.Analysis.Probes.Btf;
using Xunit;

namespace TraceReplay.Analysis.Tests.Probes;

/// <summary>Definitions against types. fault.btf is what pahole made of fault.c, fault.o the object file with it.</summary>
public class ProbeCheckTests
{
    [Theory]
    [InlineData("p:tracereplay/a handle vcpu=vcpu:x64 addr=fault->addr:x64 flags=fault->flags:x64 b=fault->pair:x64 color=color:u32", null)]
    [InlineData("p:tracereplay/a handle id=fault->slot->id:s16 low=fault->slot->flags:x32 ready=fault->ready:u8", null)]
    [InlineData("r:tracereplay/a handle addr=fault->addr:x64 ret=$retval:s32", null)]
    [InlineData("p:tracereplay/a handle addr=+0($arg2):x64 slot=+16($arg2):x64 id=+8(+16($arg2)):s16 flags=+12(+16($arg2)):x32 color=$arg3:u32", null)]
    [InlineData("p:tracereplay/a forget number=+0($arg2):s32", null)]
    [InlineData("p:tracereplay/a nobody x=$arg1:x64", "no function nobody among the types")]
    [InlineData("p:tracereplay/a handle x=page:x64", "no argument page; there are vcpu, fault, color")]
    [InlineData("p:tracereplay/a handle x=fault->gfn:x64", "struct fault has no member gfn")]
    [InlineData("p:tracereplay/a handle x=fault->slot->id:x64", "fault->slot->id has 2 bytes, 8 are read")]
    [InlineData("p:tracereplay/a handle x=+4($arg2):x64", "nothing begins at 4 of struct fault")]
    [InlineData("p:tracereplay/a handle x=$arg4:x64", "argument 4 of 3")]
    [InlineData("r:tracereplay/a forget ret=$retval:s32", "forget returns nothing")]
    [InlineData("p:tracereplay/a handle x=vcpu->id:x32", "?what has the member id is not among the types")]
    [InlineData("p:tracereplay/a handle x=fault->hidden->id:x32", "?what has the member id is not among the types")]
    [InlineData("p:tracereplay/a handle x=+8($arg1):x64", "?what +8($arg1) points to is not among the types")]
    public void A_definition_is_right_if_all_that_it_reads_is_there(string text, string? expected)
    {
        ProbeVerdict verdict = Check(text);
        Assert.Equal(expected is null ? ProbeFit.Right : expected[0] == '?' ? ProbeFit.Unknown : ProbeFit.Wrong, verdict.Fit);
        Assert.EndsWith(expected?.TrimStart('?') ?? "", verdict.Reason, StringComparison.Ordinal);
        Assert.Equal(expected is null, verdict.Reason.Length == 0);
    }

    /// <summary>6.1 reads kvm_page_fault.addr by its offset; what is meant by it, the definitions of 6.12 say.</summary>
    [Fact]
    public void An_offset_at_which_another_member_lies_is_wrong()
    {
        byte[] file = Types();
        ProbeGeneration generation = ProbeCatalog.Of(Machine.X86).Single(g => g.Name == "6.1");
        BtfData types = Renamed(file, "handle\0"u8, "faulti\0"u8);
        ProbeDefinition Of(int offset) => ProbeDefinition.Parse($"p:tracereplay/tdp_fault faulti addr=+{offset}($arg2):x64");
        IReadOnlyList<ProbeVerdict> verdicts = ProbeCheck.Of([types], null).Check(generation, [Of(0), Of(16)]);
        Assert.Equal([ProbeFit.Right, ProbeFit.Wrong], verdicts.Select(v => v.Fit));
        Assert.Equal("addr: addr of struct fault is at 0, not at 16", verdicts[1].Reason);
    }

    [Fact]
    public void Types_are_found_in_an_ELF_file_and_those_of_a_module_count_on()
    {
        BtfData kernel = BtfData.Parse(File.ReadAllBytes(Fixture("fault.o")), null, "fault.o");
        Assert.NotNull(kernel.Prototype("handle"));
        BtfData module = BtfData.Parse(Module(kernel.End, Types()), kernel, "module");
        Assert.Equal(["number"], module.Members(module.Prototype("mod")!.Value).Select(p => p.Name));
        Assert.NotNull(module.Prototype("forget"));
        Assert.Equal("fault", module.Name(module.Structure("fault")!.Value));
    }

    [Theory]
    [InlineData(0, "no function handle (inlined, or its module is not loaded)")]
    [InlineData(2, "handle is there 2 times: the kernel refuses a name that several functions have")]
    public void Symbols_say_what_the_kernel_would_refuse(int times, string reason)
    {
        string list = string.Concat(Enumerable.Repeat("ffffffff81000000 t handle\n", times)) + "0000000000000000 T forget\t[kvm]\nffffffff81000000 D handle\n";
        ProbeVerdict verdict = Check("p:tracereplay/a handle x=vcpu:x64", list);
        Assert.Equal((ProbeFit.Wrong, reason), (verdict.Fit, verdict.Reason));
        Assert.Equal(ProbeFit.Right, Check("p:tracereplay/a forget x=slot:x64", list).Fit);
        Assert.Equal("the compiler made handle.isra.0 of handle", Check("p:tracereplay/a handle x=vcpu:x64", "0 t handle.isra.0\n").Reason);
        Assert.Equal(ProbeFit.Unknown, Check("p:tracereplay/a other x=vcpu:x64", "0 t other\n").Fit);
    }

    [Fact]
    public void A_list_without_functions_and_one_of_endless_lines_are_refused_or_passed_over()
    {
        Assert.Equal(AnalysisFailure.Input, Assert.Throws<AnalysisException>(() => KernelSymbols.Read(new StringReader("nothing here\n"), "x", ["a"])).Failure);
        KernelSymbols symbols = KernelSymbols.Read(new StringReader(new string('x', 5_000_000) + "\n0 t a\n"), "x", ["a"]);
        Assert.Equal(1, symbols.Times("a"));
    }

    /// <summary>Whatever the file holds: an answer, or one line of refusal.</summary>
    [Fact]
    public void A_file_cut_off_anywhere_or_with_any_byte_changed_does_no_harm()
    {
        byte[] whole = Types();
        for (int length = 0; length < whole.Length; length++)
        {
            Ask(whole[..length]);
        }

        byte[] elf = File.ReadAllBytes(Fixture("fault.o"));
        for (int length = 0; length < elf.Length; length += 7)
        {
            Ask(elf[..length]);
        }

        foreach (byte value in (byte[])[0, 1, 0x7f, 0xff])
        {
            for (int at = 0; at < whole.Length; at++)
            {
                byte[] changed = [.. whole];
                changed[at] = value;
                Ask(changed);
            }
        }

        static void Ask(byte[] file)
        {
            try
            {
                BtfData types = BtfData.Parse(file, null, "x");
                ProbeCheck.Of([types], null).Check(ProbeCatalog.All[0], [.. s_asked.Select(ProbeDefinition.Parse)]);
            }
            catch (AnalysisException e) when (e.Failure == AnalysisFailure.Input)
            {
                Assert.StartsWith("x: offset 0x", e.Message, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>A structure in itself, and a typedef of itself.</summary>
    [Fact]
    public void Types_that_go_round_in_circles_end()
    {
        byte[] names = "\0f\0p\0s\0"u8.ToArray();
        // 1: struct s { s (anonymous) }, 2: typedef of itself, 3: pointer to 1, 4: prototype (p: 3, p: 2), 5: function f.
        uint[] types = [5, Info(4, 1), 8, 0, 1, 0, 3, Info(8, 0), 2, 0, Info(2, 0), 1, 0, Info(13, 2), 0, 3, 3, 3, 2, 1, Info(12, 0), 4];
        BtfData data = BtfData.Parse(FileOf(types, names), null, "x");
        ProbeVerdict[] verdicts = [.. ProbeCheck.Of([data], null).Check(ProbeCatalog.All[0], [ProbeDefinition.Parse("p:tracereplay/a f x=p->q:x64"), ProbeDefinition.Parse("p:tracereplay/a f x=+0($arg1):x64 y=+0($arg2):x64")])];
        Assert.Equal("x: struct s has no member q", verdicts[0].Reason);
        Assert.Equal(2, verdicts.Length);

        static uint Info(uint kind, uint count) => (kind << 24) | count;
    }

    [Fact]
    public void The_definitions_that_fit_best_are_found()
    {
        BtfData types = BtfData.Parse(Types(), null, "x");
        ProbeCheck check = ProbeCheck.Of([types], null);
        ProbeGeneration best = check.Best(ProbeCatalog.Of(Machine.X86));
        int Wrong(ProbeGeneration g) => check.Check(g, g.Definitions).Count(v => v.Fit == ProbeFit.Wrong);
        Assert.Equal(ProbeCatalog.Of(Machine.X86).Min(Wrong), Wrong(best));
    }

    private static readonly string[] s_asked =
    [
        "p:tracereplay/a handle addr=fault->addr:x64 id=fault->slot->id:s16 ready=fault->ready:u8 h=fault->hidden->x:x8",
        "p:tracereplay/b handle addr=+0($arg2):x64 id=+8(+16($arg2)):s16 ret=$retval:s32",
        "r:tracereplay/c forget number=+0($arg2):s32 ret=$retval:s32",
    ];

    private static ProbeVerdict Check(string text, string? symbols = null)
    {
        ProbeDefinition definition = ProbeDefinition.Parse(text);
        BtfData types = BtfData.Parse(Types(), null, "fault.btf");
        KernelSymbols? listed = symbols is null ? null : KernelSymbols.Read(new StringReader(symbols), "kallsyms", ["handle", "forget", "other"]);
        return Assert.Single(ProbeCheck.Of([types], listed).Check(ProbeCatalog.All[0], [definition]));
    }

    private static byte[] Types() => File.ReadAllBytes(Fixture("fault.btf"));

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Probes", name);

    private static BtfData Renamed(byte[] file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> other)
    {
        other.CopyTo(file.AsSpan(file.AsSpan().IndexOf(name)));
        return BtfData.Parse(file, null, "renamed");
    }

    /// <summary>One function, mod(int number), whose int is the kernel's.</summary>
    private static byte[] Module(int first, byte[] kernel)
    {
        uint strings = BinaryPrimitives.ReadUInt32LittleEndian(kernel.AsSpan(20));
        uint number = (uint)kernel.AsSpan((int)(24 + BinaryPrimitives.ReadUInt32LittleEndian(kernel.AsSpan(16)))).IndexOf("number\0"u8);
        return FileOf([0, (13u << 24) | 1, 0, number, 1, strings, 12u << 24, (uint)first], "mod\0"u8.ToArray());
    }

    private static byte[] FileOf(uint[] types, byte[] names)
    {
        using MemoryStream file = new();
        using BinaryWriter writer = new(file, Encoding.UTF8);
        writer.Write((ushort)0xeb9f);
        writer.Write((ushort)1);
        foreach (int word in (int[])[24, 0, types.Length * 4, types.Length * 4, names.Length])
        {
            writer.Write(word);
        }

        foreach (uint word in types)
        {
            writer.Write(word);
        }

        writer.Write(names);
        return file.ToArray();
    }
}
