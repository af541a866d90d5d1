using System.Globalization;
using System.Text.Json;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A capture of the night that shows what was found, and where in it: the way from a number to the records.</summary>
/// <param name="TraceId">The capture.</param>
/// <param name="File">Name of its file.</param>
/// <param name="Host">Where it was taken.</param>
/// <param name="Scenario">What ran in it.</param>
/// <param name="Value">What it has of the quantity, in the units of its comparison; null where that is no number.</param>
/// <param name="Fault">The fault that shows it: of a latency the slowest, of all else the first; null where none does.</param>
public sealed record NightLead(string TraceId, string File, string Host, string Scenario, double? Value, long? Fault)
{
    /// <summary>What stands for the dataset's directory in files that are the same wherever the dataset lies.</summary>
    public const string AnyDataset = "DATASET";

    /// <summary>The command that shows it; <paramref name="dataset"/> is the directory.</summary>
    public string Command(string dataset) => Fault is { } fault
        ? string.Create(CultureInfo.InvariantCulture, $"tracereplay around {TraceId} -d {ShellWord.Of(dataset)} --fault {fault}")
        : $"tracereplay report -d {ShellWord.Of(dataset)} --trace {TraceId} -o {TraceId}.html";

    /// <summary>One line for people.</summary>
    public string Line(string dataset) => $"{File} ({Host}, {Scenario}): {Command(dataset)}";

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("trace_id", TraceId);
        json.WriteString("file", File);
        json.WriteString("host", Host);
        json.WriteString("scenario", Scenario);
        if (Fault is { } fault)
        {
            json.WriteNumber("fault", fault);
        }
        else
        {
            json.WriteNull("fault");
        }

        json.WriteString("open", Command(AnyDataset));
        json.WriteString("report", $"tracereplay report -d {AnyDataset} --trace {TraceId} -o {TraceId}.html");
        json.WriteString("export", $"tracereplay export -d {AnyDataset} --trace {TraceId}{(Fault is { } f ? string.Create(CultureInfo.InvariantCulture, $" --fault {f}") : "")} -o {TraceId}.perfetto-trace");
        json.WriteEndObject();
    }
}
