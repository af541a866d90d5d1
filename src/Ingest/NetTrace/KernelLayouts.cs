using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>A layout that some kernels give to the records of an event.</summary>
/// <param name="Kernels">Releases, oldest first, as <c>6.12</c>.</param>
internal sealed record KernelLayout(IReadOnlyList<string> Kernels, EventFormat Format);

/// <summary>Known layouts of kernel tracepoints, from <see cref="LayoutFile"/>.</summary>
internal static class KernelLayouts
{
    private static readonly Lazy<IReadOnlyList<LayoutFile>> s_files = new(() => [.. LayoutFile.Releases.OrderBy(f => Version.Parse(f.Release))]);

    private static readonly Lazy<ILookup<string, (string Kernel, EventLayout Layout)>> s_layouts = new(() => s_files.Value
        .SelectMany(f => f.Events.Where(e => !e.IsProbe).Select(e => (f.Release, e)))
        .ToLookup(known => $"{known.e.System}:{known.e.Name}"));

    /// <summary>Bytes of the common fields.</summary>
    public const int CommonSize = 8;

    public static string[] CommonNames { get; } = [.. LayoutFile.CommonFields.Select(f => f.Name)];

    /// <summary>All releases, oldest first.</summary>
    public static IReadOnlyList<string> Kernels { get; } = [.. s_files.Value.Select(f => f.Release)];

    /// <summary>The layouts of one event, those of older kernels first.</summary>
    /// <param name="id">What the result's <see cref="EventFormat.Id"/> shall be.</param>
    public static IReadOnlyList<KernelLayout> Find(string system, string name, int id)
    {
        List<(List<string> Kernels, EventLayout Layout)> found = [];
        foreach ((string kernel, EventLayout layout) in s_layouts.Value[$"{system}:{name}"])
        {
            int same = found.FindIndex(f => f.Layout.Fields.SequenceEqual(layout.Fields));
            if (same < 0)
            {
                found.Add(([kernel], layout));
            }
            else
            {
                found[same].Kernels.Add(kernel);
            }
        }

        return [.. found.Select(f => new KernelLayout(f.Kernels, Build(system, name, id, f.Layout.Fields.Skip(LayoutFile.CommonFields.Count))))];
    }

    /// <summary>Makes a format of the common fields and others that lie behind them.</summary>
    public static EventFormat Build(string system, string name, int id, IEnumerable<EventField> fields)
    {
        List<EventField> all = [.. LayoutFile.CommonFields, .. fields];
        return new EventFormat
        {
            System = system,
            Name = name,
            Id = id,
            Fields = all,
            FixedSize = all.Max(f => f.Kind == FieldKind.Bytes || f.Size == 0 ? 0 : f.Offset + f.Size),
        };
    }
}
