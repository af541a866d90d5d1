using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.Slots;

/// <summary>How far a memslot call has certainly come (spec 4.7).</summary>
internal enum RegionStep : byte
{
    /// <summary>Called: the old memslots are active, or already the INVALID one.</summary>
    Called,

    /// <summary>The memslot that goes is INVALID.</summary>
    Invalid,

    /// <summary>The new memslots are active.</summary>
    Active,
}

/// <summary>A memslot call under way: what it asks for, and what it replaces.</summary>
/// <param name="Vm">Whose.</param>
/// <param name="New">The memslot that it makes; null for a deletion.</param>
/// <param name="Old">The memslot with this id before; null for a creation.</param>
/// <param name="Invalidates">The old one is marked INVALID first: it is deleted or moved.</param>
/// <param name="Seq">Position of the call.</param>
internal sealed record PendingRegion(VmTrack Vm, Memslot? New, Memslot? Old, bool Invalidates, long Seq)
{
    public RegionStep Step { get; set; }
}
