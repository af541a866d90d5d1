using System.Runtime.CompilerServices;

namespace TraceReplay.Replay.Cost;

/// <summary>How often each operation was done.</summary>
[InlineArray(Length)]
public struct CostVector
{
    private const int Length = 40;

    private int _first;

    public readonly int this[CostOperation operation] => this[(int)operation];

    public void Add(CostOperation operation, int times) => this[(int)operation] += times;

    public readonly bool IsZero => ((ReadOnlySpan<int>)this).IndexOfAnyExcept(0) < 0;
}
