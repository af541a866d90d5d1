using System.IO.MemoryMappedFiles;

namespace TraceReplay.Fuzz.Drivers;

/// <summary>What a worker did, in a file that outlives it however it ends.</summary>
internal sealed class Tally : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public Tally(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, 4096);
        _view = _file.CreateViewAccessor();
    }

    public long Cases { get => _view.ReadInt64(0); set => _view.Write(0, value); }

    /// <summary>Ended by an exception for which the program's exit code is 70.</summary>
    public long Defects { get => _view.ReadInt64(8); set => _view.Write(8, value); }

    public long Broken { get => _view.ReadInt64(16); set => _view.Write(16, value); }

    public long Hangs { get => _view.ReadInt64(24); set => _view.Write(24, value); }

    public long Deaths { get => _view.ReadInt64(32); set => _view.Write(32, value); }

    /// <summary>Highest resident memory of the process, bytes.</summary>
    public long Peak { get => _view.ReadInt64(40); set => _view.Write(40, value); }

    /// <summary>Most processor time of a case, ms.</summary>
    public long Slowest { get => _view.ReadInt64(48); set => _view.Write(48, value); }

    /// <summary>Processor time of all, ms.</summary>
    public long Processor { get => _view.ReadInt64(56); set => _view.Write(56, value); }

    /// <summary>Cases in which there were events: a campaign of refusals would find nothing.</summary>
    public long Read { get => _view.ReadInt64(64); set => _view.Write(64, value); }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
