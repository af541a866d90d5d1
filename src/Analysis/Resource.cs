namespace TraceReplay.Analysis;

/// <summary>Texts that come with the library.</summary>
internal static class Resource
{
    public static string Text(string name)
    {
        using Stream resource = typeof(Resource).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"there is no resource {name}");
        byte[] bytes = new byte[resource.Length];
        resource.ReadExactly(bytes);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }
}
