namespace TraceReplay.Analysis.Query;

/// <summary>What a query's leading comment says of it.</summary>
/// <param name="Name">The query.</param>
/// <param name="Sections">question, columns, then, and what else the comment has a line for; parameters, if it has any.</param>
public sealed record QueryNotes(string Name, IReadOnlyList<(string Name, string Text)> Sections)
{
    private const string Question = "question";
    private const int Indent = 12;

    /// <summary>Reads the comment: its first line is the question, a line "Word: ..." begins a section, any other goes on with the one before.</summary>
    public static QueryNotes Of(string name, string sql)
    {
        List<(string Name, string Text)> sections = [];
        foreach (string line in sql.Split('\n').Select(line => line.Trim()).TakeWhile(line => line.StartsWith("--", StringComparison.Ordinal)))
        {
            string text = line.TrimStart('-').Trim();
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (sections.Count == 0)
            {
                sections.Add((Question, text));
            }
            else if (colon > 0 && text[..colon].All(char.IsAsciiLetter))
            {
                sections.Add((text[..colon].ToLowerInvariant(), text[(colon + 1)..].Trim()));
            }
            else
            {
                sections[^1] = (sections[^1].Name, $"{sections[^1].Text} {text}");
            }
        }

        IReadOnlyList<string> parameters = QueryParameters.In(sql);
        return new QueryNotes(name, parameters.Count == 0 ? sections : [.. sections, ("parameters", string.Join(", ", parameters.Select(p => $"--param {p}=VALUE")))]);
    }

    /// <summary>For people, a paragraph for each section.</summary>
    public void Write(TextWriter output, int width)
    {
        foreach ((string name, string text) in Sections)
        {
            if (name == Question)
            {
                Prose.Labelled(output, "", text, 0, width);
                continue;
            }

            output.Write('\n');
            Prose.Labelled(output, name, text, Indent, width);
        }
    }
}
