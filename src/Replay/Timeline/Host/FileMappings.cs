using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Tasks;

namespace TraceReplay.Replay.Timeline.Host;

/// <summary>
/// Which file, by descriptor, a VMM's mappings are of: where one ends, get_user_pages fails. A descriptor may have been closed and used again
/// without a record, so that a file's end explains a lookup that failed and never makes one fail.
/// </summary>
internal sealed class FileMappings
{
    private const int MaxMappings = 1024;

    private readonly List<Mapping> _mappings = [];

    public void Mapped(TaskState task, int fd, ulong start, ulong end, ulong offset, VmaFlags flags)
    {
        _mappings.RemoveAll(mapping => mapping.Pid == task.Pid && mapping.Start < end && start < mapping.End);
        if (fd < 0 || end <= start)
        {
            return;
        }

        if (_mappings.Count >= MaxMappings)
        {
            _mappings.RemoveAt(0);
        }

        _mappings.Add(new Mapping(task.Pid, fd, start, end, offset, flags));
    }

    /// <summary>The mappings that this task made of a descriptor.</summary>
    public IReadOnlyList<Mapping> Of(TaskState task, int fd) => _mappings.FindAll(mapping => mapping.Pid == task.Pid && mapping.Fd == fd);

    /// <param name="Pid">The task that made it.</param>
    /// <param name="Fd">Its descriptor.</param>
    /// <param name="Start">First byte.</param>
    /// <param name="End">Behind the last byte.</param>
    /// <param name="Offset">Of the file, in bytes.</param>
    /// <param name="Flags">What the mmap call permits.</param>
    internal readonly record struct Mapping(int Pid, int Fd, ulong Start, ulong End, ulong Offset, VmaFlags Flags)
    {
        /// <summary>Where a file of this size ends in the mapping: behind its last page.</summary>
        public ulong EndOfFile(ulong size)
        {
            ulong pages = (size + 4095) & ~4095UL;
            return size > 1UL << 62 ? End : Math.Clamp(Start + Math.Max(pages, Offset) - Offset, Start, End);
        }
    }
}
