using System.Globalization;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>The tracks of one trace, told of when they are first needed, each below what it belongs to.</summary>
internal sealed class TrackTree(PacketWriter writer, string traceId, string rootName)
{
    // Ids are global to a Perfetto trace, and two exports may be opened as one.
    private readonly ulong _base = ulong.Parse(traceId, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & ~0xff_ffffUL;

    private readonly Dictionary<string, ulong> _tracks = new(StringComparer.Ordinal);

    public ulong Root => Track("", 0, rootName);

    public ulong Vm(int vm) => Track($"vm {vm}", Root, $"VM {vm}");

    public ulong Vcpu(int vm, int? vcpu, int pid) => Track($"vcpu {vm} {vcpu} {pid}", Vm(vm), vcpu is { } n ? $"vCPU {n} (task {pid})" : $"vCPU of task {pid}");

    /// <summary>Windows of several tasks overlap without nesting: each takes the first lane that is free.</summary>
    public ulong Windows(int vm, int lane) => Track($"windows {vm} {lane}", Vm(vm), lane == 0 ? "invalidation windows" : $"invalidation windows ({lane + 1})");

    public ulong InProgress(int vm) => Track($"in progress {vm}", Vm(vm), "windows in progress", "windows");

    public ulong MappedPages => Track("pages", Root, "pages mapped since the capture began", "pages");

    public ulong Bo(string name) => Track($"bo {name}", Track("bos", Root, "TTM buffers (0 system, 1 TT, 2 VRAM)"), $"buffer {name}");

    private ulong Track(string key, ulong parent, string name, string? counterUnit = null)
    {
        if (!_tracks.TryGetValue(key, out ulong uuid))
        {
            uuid = _base + (ulong)_tracks.Count + 1;
            _tracks.Add(key, uuid);
            writer.Track(uuid, parent, name, counterUnit);
        }

        return uuid;
    }
}
