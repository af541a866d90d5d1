namespace TraceReplay.FleetMaker;

/// <summary>Faults that a vCPU's thread is in: from kvm_page_fault to its next kvm_entry or kvm_userspace_exit.</summary>
internal sealed class OpenFaults
{
    private readonly Dictionary<int, int> _byThread = [];
    private int _begun;

    public int Count => _byThread.Count;

    /// <summary>The number of a fault that is open, counted from 0; -1 if none is.</summary>
    public int Any => _byThread.Count == 0 ? -1 : _byThread.Values.Max();

    public void Next(SampleEvent e)
    {
        if (e.Name == "kvm_page_fault")
        {
            _byThread[e.Pid] = _begun++;
        }
        else if (e.Name is "kvm_entry" or "kvm_userspace_exit")
        {
            _byThread.Remove(e.Pid);
        }
    }
}
