using TraceReplay.Replay;

namespace TraceReplay.Analysis.Summary;

/// <summary>Models stand in the registry's order wherever they stand side by side.</summary>
internal static class ModelOrder
{
    /// <param name="source">A model's name, alone or followed by its setting.</param>
    public static int Rank(string source)
    {
        string name = source.Split(' ')[0];
        for (int i = 0; i < ModelRegistry.All.Count; i++)
        {
            if (ModelRegistry.All[i].Name == name)
            {
                return i;
            }
        }

        return int.MaxValue;
    }
}
