using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Order;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline.Order;

/// <summary>Operations leave the queue in the order in which they came; one whose place is open holds back all behind it.</summary>
public class OperationQueueTests
{
    private readonly OperationQueue _queue = new();

    [Fact]
    public void Nothing_held_everything_goes()
    {
        Add(1, 2, 3);
        Assert.Equal([1, 2, 3], Take());
        Assert.Equal([], Take());
    }

    [Fact]
    public void What_stands_behind_a_held_one_waits_with_it()
    {
        Add(1);
        long held = _queue.Hold(Operation(2));
        Add(3, 4);
        Assert.Equal([1], Take());
        Add(5);
        _queue.Release(held);
        Assert.Equal([2, 3, 4, 5], Take());
    }

    [Fact]
    public void Of_two_that_are_held_the_first_decides_whichever_is_released_first()
    {
        long first = _queue.Hold(Operation(1));
        long second = _queue.Hold(Operation(2));
        Add(3);
        _queue.Release(second);
        Assert.Equal([], Take());
        _queue.Release(first);
        Assert.Equal([1, 2, 3], Take());
    }

    [Fact]
    public void A_held_one_can_be_changed_until_it_is_taken()
    {
        Add(1);
        long held = _queue.Hold(Operation(2));
        Assert.Equal([1], Take());
        Assert.True(_queue.Has(held));
        _queue[held].A = 20;
        _queue.Release(held);
        Assert.True(_queue.Has(held));
        Assert.Equal([20], Take());
        Assert.False(_queue.Has(held));
    }

    [Fact]
    public void The_handle_of_a_taken_one_is_never_another_s()
    {
        long first = _queue.Add(Operation(1));
        Take();
        long second = _queue.Add(Operation(2));
        Assert.False(_queue.Has(first));
        Assert.True(_queue.Has(second));
        _queue.Release(first);
        Assert.Equal([2], Take());
    }

    [Fact]
    public void At_the_end_all_go()
    {
        _queue.Hold(Operation(1));
        _queue.Hold(Operation(2));
        _queue.ReleaseAll();
        Assert.Equal([1, 2], Take());
    }

    /// <summary>The end of a window may be lost: what waits for it must not hold the rest of the trace back for ever.</summary>
    [Fact]
    public void One_that_is_never_released_is_given_on_when_too_many_wait()
    {
        const int bound = 1 << 16;
        _queue.Hold(Operation(0));
        for (ulong i = 1; i < bound; i++)
        {
            _queue.Release(_queue.Hold(Operation(i)));
        }

        Assert.Equal(0, _queue.ForcedOn);
        Assert.Equal(0, _queue.Ready);
        long last = _queue.Hold(Operation(bound));
        Assert.Equal(1, _queue.ForcedOn);
        Assert.Equal(bound, _queue.Ready);
        _queue.Release(last);
        Assert.Equal(Enumerable.Range(0, bound + 1).Select(i => (ulong)i), Take());
    }

    [Fact]
    public void Order_and_handles_outlast_long_holding_back()
    {
        List<ulong> taken = [];
        long held = -1;
        for (ulong i = 0; i < 300_000; i++)
        {
            if (held >= 0 && i % 1000 == 0)
            {
                _queue.Release(held);
                held = -1;
            }

            long handle = held < 0 ? held = _queue.Hold(Operation(i)) : _queue.Add(Operation(i));
            Assert.Equal(i, _queue[handle].A);
            taken.AddRange(Take());
        }

        _queue.ReleaseAll();
        taken.AddRange(Take());
        Assert.Equal(Enumerable.Range(0, 300_000).Select(i => (ulong)i), taken);
        Assert.Equal(0, _queue.ForcedOn);
    }

    private static Operation Operation(ulong number) => new() { Kind = OperationKind.ZapAll, A = number };

    private void Add(params ulong[] numbers)
    {
        foreach (ulong number in numbers)
        {
            _queue.Add(Operation(number));
        }
    }

    private List<ulong> Take()
    {
        List<ulong> numbers = [];
        foreach (Operation operation in _queue.Peek())
        {
            numbers.Add(operation.A);
        }

        Assert.Equal(numbers.Count, _queue.Ready);
        _queue.Taken();
        return numbers;
    }
}
