namespace TraceReplay.Replay.Timeline.Tasks;

/// <summary>The tasks of a trace by pid; the idle ones are forgotten when there are too many.</summary>
internal sealed class TaskTable
{
    private const int MaxTasks = 1 << 16;

    private readonly Dictionary<int, TaskState> _tasks = [];

    // The task of the last event: most events come in runs of one task.
    private TaskState _last = new(-1);

    public IEnumerable<TaskState> All => _tasks.Values;

    public TaskState Of(int pid)
    {
        if (_last.Pid == pid)
        {
            return _last;
        }

        if (!_tasks.TryGetValue(pid, out TaskState? task))
        {
            if (_tasks.Count >= MaxTasks)
            {
                foreach (TaskState idle in _tasks.Values.Where(t => t.IsIdle).ToArray())
                {
                    _tasks.Remove(idle.Pid);
                }
            }

            task = new TaskState(pid);
            _tasks.Add(pid, task);
        }

        return _last = task;
    }
}
