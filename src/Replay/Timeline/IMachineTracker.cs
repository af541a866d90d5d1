using TraceReplay.Replay.Timeline.Tasks;

namespace TraceReplay.Replay.Timeline;

/// <summary>What one architecture's records tell: its faults, its leaves, how its vCPUs enter and leave the guest.</summary>
internal interface IMachineTracker
{
    /// <summary>Faults that have ended since the caller last cleared the list.</summary>
    List<ObservedFault> Ended { get; }

    /// <summary>Place of the earliest snapshot that a fault which is still open may have taken; <see cref="long.MaxValue"/> if none is open.</summary>
    long OldestSnapshot { get; }

    /// <summary>Called for every event of a task before it is handed to anybody.</summary>
    void Before(EventCursor e, TaskState task);

    /// <summary>An event that may be this architecture's.</summary>
    /// <returns>False if it is for others.</returns>
    bool Take(EventCursor e, TaskState task);

    /// <summary>A fault whose record does not tell enough: it has no row, and ends the one before.</summary>
    void OnUntold(EventCursor e, TaskState task);

    /// <summary>The task enters or leaves a system call.</summary>
    /// <param name="task">The task.</param>
    /// <param name="seq">The event's position.</param>
    /// <param name="result">What KVM_RUN may have returned; null if the event does not say it.</param>
    void OnSyscallEdge(TaskState task, long seq, int? result);

    /// <summary>The capture is over.</summary>
    void Complete(IReadOnlyCollection<TaskState> tasks);
}
