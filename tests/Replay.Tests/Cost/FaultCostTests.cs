using TraceReplay.Replay.Cost;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Cost;

/// <summary>
/// Spec 12.1, cell by cell: one TDP fault of a writing guest, 4 KiB, tables exist, no contention; d = 4, locks in atomic
/// operations, so "acquire+release" is 2 and "2+2" is 4. Where the spec's cell has words, the comment says how they are counted.
/// </summary>
public class FaultCostTests
{
    private static readonly string[] s_models = ["current@6.12", "v11@6.8", "merged@7.x"];

    // operation: GUP page by current v11 merged | PFNMAP page with a struct page and a count (row 26) by current v11 merged.
    private const string Table = """
        slot_lookup        1 1 1 | 1 1 1    a hit of the slot found last
        seq_load           1 1 1 | 1 1 1
        precheck_load      4 4 4 | 4 4 4    2 x 2 loads
        walk_fast          4 4 4 | 4 4 4    fails at the special PTE
        ref_get            1 1 1 | 1 1 0
        ref_put            1 1 1 | 1 1 0
        ref_put_in_lookup  0 1 0 | 0 1 0    v11: "at once"
        ref_put_locked     0 0 1 | 0 0 0    merged: "under lock"; current: "after unlock", neither
        ref_try_fail       0 0 0 | 0 0 0
        mmap_lock          0 0 0 | 4 4 4    2+2
        vma_lookup         0 0 0 | 2 2 2
        page_table_lock    0 0 0 | 1 1 1
        walk_remapped      0 0 0 | 4 4 4
        walk_slow          0 0 0 | 0 0 0
        memmap_check       1 0 0 | 2 1 0    current: at release; get and release. v11: the page pointer is kept
        mark_accessed      1 1 1 | 1 1 0
        mark_dirty         0 0 1 | 0 0 0    at map
        page_line          1 1 1 | 1 1 0    distinct struct page lines
        mmu_lock_read      2 2 2 | 2 2 2
        mmu_lock_write     0 0 0 | 0 0 0
        stale_load         2 2 2 | 2 2 2    2 of 2..4: no window is open
        walk_level         0 0 0 | 0 0 0    the slot allows 4 KiB only
        walk_tdp           4 4 4 | 4 4 4
        spte_cas           1 1 1 | 1 1 1
        spte_store         0 0 0 | 0 0 0
        memtype_flag       1 1 1 | 1 1 1
        memtype_search     0 0 0 | 0 0 0
        slot_dirty         0 0 0 | 0 0 0    no dirty logging
        tlb_flush          0 0 0 | 0 0 0    new mapping
        mark_locked        0 1 2 | 0 1 0    lock hold time: + mark accessed; + mark accessed and dirty
        retry              0 0 0 | 0 0 0
        """;

    public static TheoryData<string, string, string, int> Cells()
    {
        TheoryData<string, string, string, int> cells = [];
        foreach (string line in Table.Split('\n'))
        {
            string[] words = [.. line.Split([' ', '|', '\r'], StringSplitOptions.RemoveEmptyEntries)];
            for (int cell = 0; cell < 6; cell++)
            {
                cells.Add(words[0], s_models[cell % 3], cell < 3 ? "GUP" : "PFNMAP", int.Parse(words[cell + 1], null));
            }
        }

        return cells;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void A_cell_of_12_1_is_what_the_model_counts(string operation, string model, string page, int expected)
    {
        CostScene scene = page == "GUP" ? new CostScene(model).Anonymous(4) : new CostScene(model).Remapped(PageKind.P2, 4);
        scene.Play.Fault(0x101, write: true);
        scene.Take();
        scene.Play.Fault(0x102, write: true);
        Assert.Equal(expected, Assert.Single(scene.Take()).Counts[Operation(operation)]);
    }

    [Theory]
    [InlineData("current@6.12", "ref_get=0 ref_put=0 ref_try_fail=1 page_line=1")]
    [InlineData("v11@6.8", "ref_get=0 ref_put=0 ref_try_fail=1 page_line=1")]
    [InlineData("merged@7.x", "ref_get=0 ref_put=0 ref_try_fail=0 page_line=0")]
    public void A_tail_page_costs_a_failed_try_or_nothing(string model, string expected)
    {
        CostScene scene = new CostScene(model).Remapped(PageKind.P4, 4);
        scene.Play.Fault(0x101, write: true);
        CostVector counts = Assert.Single(scene.Take()).Counts;
        foreach (string cell in expected.Split(' '))
        {
            Assert.Equal(cell, $"{cell.Split('=')[0]}={counts[Operation(cell.Split('=')[0])]}");
        }
    }

    /// <summary>Prechecks: 0 at 6.1. The posted v11 has none either.</summary>
    [Theory]
    [InlineData("current@6.1", 0)]
    [InlineData("v11@posted", 0)]
    [InlineData("current@6.8", 4)]
    public void Prechecks_are_a_setting(string model, int loads) =>
        Assert.Equal(loads, OneFault(new CostScene(model).Anonymous(4))[CostOperation.PrecheckLoad]);

    /// <summary>Stale check: 2 loads, and the range's 2 while a window is open elsewhere.</summary>
    [Theory]
    [InlineData("current@6.12")]
    [InlineData("v11@6.8")]
    [InlineData("merged@7.x")]
    public void The_range_is_loaded_while_a_window_is_open(string model)
    {
        CostScene scene = new CostScene(model).Anonymous(4);
        scene.Play.WindowBegins(CostScene.Hva(3), CostScene.Hva(4));
        scene.Take();
        Assert.Equal(4, OneFault(scene)[CostOperation.StaleLoad]);
    }

    /// <summary>Host level walk: only if the slot allows more than 4 KiB. Slot dirty bit: logging only.</summary>
    [Theory]
    [InlineData("current@6.12")]
    [InlineData("v11@6.8")]
    [InlineData("merged@7.x")]
    public void A_slot_that_allows_huge_pages_or_logs_costs_more(string model)
    {
        CostScene huge = new(model);
        huge.Play.Slot(0x200, 512, hva: 0x7f00_0020_0000).Pte(0x7f00_0020_0000, CostScene.Pfn, writable: true);
        huge.Play.Fault(0x200, write: true);
        Assert.Equal(4, huge.Take()[^1].Counts[CostOperation.WalkLevel]);
        CostVector logged = OneFault(new CostScene(model).Anonymous(4, flags: MemslotFlags.LogDirty));
        Assert.Equal((1, 0), (logged[CostOperation.SlotDirty], logged[CostOperation.WalkLevel]));
    }

    /// <summary>Memory type: PAT and e820 are searched for a page without struct page.</summary>
    [Theory]
    [InlineData("current@6.12", 2)]
    [InlineData("v11@6.8", 1)]
    [InlineData("merged@7.x", 0)]
    public void Device_memory_has_no_struct_page_to_touch(string model, int checks)
    {
        CostVector counts = OneFault(new CostScene(model).Remapped(PageKind.P0, 4));
        Assert.Equal((0, 1), (counts[CostOperation.MemtypeFlag], counts[CostOperation.MemtypeSearch]));
        Assert.Equal((checks, 0, 0), (counts[CostOperation.MemmapCheck], counts[CostOperation.PageLine], counts[CostOperation.RefGet]));
    }

    /// <summary>n_log: 1 on the slot that was found last, else log2 of the slots.</summary>
    [Fact]
    public void Finding_a_slot_takes_log2_of_the_slots_unless_it_was_the_last()
    {
        CostCounter costs = new();
        List<int> steps = [];
        foreach ((int id, int slots) in new[] { (1, 1), (2, 8), (2, 8), (3, 9), (1, 9) })
        {
            costs.Begin(0);
            costs.AddSlotLookup(0, 0, new Memslot(0, id, 0, 1, 0, MemslotFlags.None), slots);
            costs.EndFault(default, default);
            steps.Add(costs.Rows[^1].Counts[CostOperation.SlotLookup]);
        }

        Assert.Equal([1, 3, 1, 4, 4], steps);
    }

    private static CostVector OneFault(CostScene scene)
    {
        scene.Play.Fault(0x101, write: true);
        return Assert.Single(scene.Take()).Counts;
    }

    private static CostOperation Operation(string name) => (CostOperation)CostOperations.Names.ToList().IndexOf(name);
}
