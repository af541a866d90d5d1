namespace TraceReplay.Analysis;

/// <summary>Words as a POSIX shell takes them.</summary>
public static class ShellWord
{
    /// <summary>What a shell takes as it stands is left as it stands.</summary>
    public static string Of(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./,=:+@%".Contains(c, StringComparison.Ordinal)) ? word : Quoted(word);

    /// <summary>In quotes, whatever it is.</summary>
    public static string Quoted(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
