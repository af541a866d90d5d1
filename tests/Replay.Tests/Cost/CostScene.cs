using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Tests.Scenarios;

namespace TraceReplay.Replay.Tests.Cost;

/// <summary>A scenario whose model counts.</summary>
internal sealed class CostScene
{
    public const ulong Pfn = 0x5000;

    private readonly CostCounter _costs = new();

    /// <param name="model">name@setting.</param>
    /// <param name="arm64">Of arm64's stage 2.</param>
    public CostScene(string model, bool arm64 = false)
    {
        string[] parts = model.Split('@');
        Play = new Scenario(ModelCatalog.Create(parts[0], parts.Length > 1 ? parts[1] : null, arm64 ? SpteLayout.Stage2 : SpteLayout.Npt, _costs), arm64);
    }

    public Scenario Play { get; }

    /// <summary>What was counted since the last asking.</summary>
    public IReadOnlyList<CostRow> Take()
    {
        CostRow[] rows = [.. _costs.Rows];
        _costs.Rows.Clear();
        return rows;
    }

    /// <summary>The same as one sum.</summary>
    public CostVector Sum()
    {
        CostVector sum = default;
        foreach (CostRow row in Take())
        {
            foreach (CostOperation operation in Enum.GetValues<CostOperation>())
            {
                sum.Add(operation, row.Counts[operation]);
            }
        }

        return sum;
    }

    /// <summary>`operation=n` of all that is not 0, in the order of the enumeration.</summary>
    public static string Text(CostVector counts) => string.Join(' ', Enum.GetValues<CostOperation>()
        .Where(operation => counts[operation] != 0)
        .Select(operation => $"{CostOperations.Names[(int)operation]}={counts[operation]}"));

    public static ulong Hva(ulong page) => Scenario.Hva + (page << 12);

    /// <summary>A slot of pages from gfn 0x100, anonymous memory, present and writable in the host unless said.</summary>
    public CostScene Anonymous(ulong pages, bool writable = true, MemslotFlags flags = MemslotFlags.None, ulong gfn = 0x101)
    {
        Play.Slot(gfn, pages, flags: flags);
        for (ulong page = 0; page < pages; page++)
        {
            Play.Pte(Hva(page), Pfn + page, writable);
        }

        Take();
        return this;
    }

    /// <summary>The same of a driver's pages, mapped by pfn.</summary>
    public CostScene Remapped(PageKind kind, ulong pages, MemslotFlags flags = MemslotFlags.None)
    {
        Play.Slot(0x101, pages, flags: flags);
        Play.VmaOf(kind, Scenario.Hva, pages, VmaFlags.PfnMap | VmaFlags.Io | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared);
        for (ulong page = 0; page < pages; page++)
        {
            Play.Pte(Hva(page), Pfn + page, writable: true, special: true);
        }

        Take();
        return this;
    }
}
