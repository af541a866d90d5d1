namespace TraceReplay.Analysis;

/// <summary>Texts that come with the library.</summary>
internal static class Resource
{
    public static string Text(string name)
    {
        using Stream resource = typeof(Resource).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"there is no resource {name}");
        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }
}
