using System.Text;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>`replay --script`: scenarios without a dataset.</summary>
public class ScriptReplayTests
{
    private const string TtmTail = """
        # the second page of a TTM block of order 1
        slot 1 gfn 0x1000 pages 2 hva 0x7f0000000000
        alloc pfn 0x100000 order 1
        bo 0xb0 memory 0
        vma 0x7f0000000000 0x7f0000002000 bo 0xb0 read write shared pfnmap io
        pte 0x7f0000001000 pfn 0x100001 writable special
        fault begin 0 gpa 0x1001000 write
        fault map 0

        """;

    [Fact]
    public void A_script_from_standard_input_gives_a_row_per_fault_and_model()
    {
        ToolResult result = Run(TtmTail, "--format", "csv");
        Assert.Equal((0, ""), (result.Code, result.Error));
        string[] rows = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("fault_id,model,setting,gfn,outcome,pfn,level,writable,refs_got,", rows[0], StringComparison.Ordinal);
        Assert.StartsWith("0,current,6.12,4097,EFAULT,,,,0,0,0,0,,P4,remapped,INV-31,", rows[1], StringComparison.Ordinal);
        Assert.Equal("0,v11,posted,4097,FIXED,1048577,1,true,0,0,0,0,,P4,remapped,,", rows[2]);
        Assert.Equal("0,merged,7.x,4097,FIXED,1048577,1,true,0,0,0,0,,P4,remapped,,", rows[3]);
        Assert.Equal(4, rows.Length);
    }

    [Fact]
    public void Models_and_settings_are_chosen_as_for_a_dataset()
    {
        ToolResult result = Run(TtmTail, "--format", "csv", "--model", "v11", "--setting", "6.8", "--vendor", "ept");
        Assert.Contains("\n0,v11,6.8,4097,FIXED,", result.Output, StringComparison.Ordinal);
        Assert.Equal(2, result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_fault_that_is_never_mapped_is_said_to_have_no_row()
    {
        ToolResult result = Run("fault begin 0 gpa 0x1000\n");
        Assert.Equal((0, "warning: -: 1 faults begin and are never mapped: no rows for them\n"), (result.Code, result.Error));
    }

    [Fact]
    public void A_line_that_is_no_operation_is_exit_code_3_and_one_line()
    {
        ToolResult result = Run(TtmTail + "fault begin 0 gpa\n");
        Assert.Equal((3, "", "-:9: the end of the line, expected a number for gpa\n"), (result.Code, result.Output, result.Error));
    }

    [Fact]
    public void A_script_that_is_not_there_is_exit_code_3()
    {
        ToolResult result = Tool.Run("replay", "--script", "no-such-script.txt");
        Assert.Equal((3, ""), (result.Code, result.Output));
        Assert.StartsWith("no-such-script.txt: ", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    private static ToolResult Run(string script, params string[] options) =>
        Tool.Run(["replay", "--script", "-", .. options], Encoding.UTF8.GetBytes(script), Tool.Repository);
}
