using TraceReplay.Analysis.Knowledge;

namespace TraceReplay.Analysis.Probes;

/// <summary>Prints definitions for a person, a shell or tracefs.</summary>
public static class ProbeScript
{
    /// <summary>A script for /bin/sh that places the events; how to record and to clean up stands in its comments.</summary>
    public static void WriteShell(TextWriter output, ProbeChoice choice, string tracefs)
    {
        Machine machine = choice.Generation.Machine;
        output.WriteLine("#!/bin/sh");
        output.WriteLine($"# Dynamic events for Linux {choice.Release} on {Machines.Name(machine)}:");
        foreach (string note in choice.Notes)
        {
            output.WriteLine($"# - {note}");
        }

        output.WriteLine(machine == Machine.Arm64
            ? "# Run it as root when the module ttm is loaded, where there is one (KVM is built in): what does not exist cannot be probed."
            : "# Run it as root when the modules are loaded (kvm_amd or kvm_intel, ttm): what does not exist cannot be probed.");
        output.WriteLine($"T={ShellWord.Quoted(tracefs)}");
        output.WriteLine("add() { echo \"$1\" >> \"$T/dynamic_events\" || echo \"refused: $1\" >&2; }");
        foreach (ProbeDefinition definition in choice.Definitions)
        {
            output.WriteLine($"add {ShellWord.Quoted(definition.Text)}");
        }

        output.WriteLine("# Record from before the virtual machine starts, because memslots are seen when they are made. With trace-cmd:");
        output.WriteLine($"#   {RecordingCommand.TraceCmd("COMMAND", machine)}");
        output.WriteLine("# or with perf:");
        output.WriteLine($"#   {RecordingCommand.Perf("COMMAND", machine)}");
        output.WriteLine("# Take the events away:");
        output.WriteLine("#   tracereplay probes --remove");
    }

    /// <summary>The definitions alone, one a line.</summary>
    public static void WriteProbeFile(TextWriter output, ProbeChoice choice)
    {
        foreach (ProbeDefinition definition in choice.Definitions)
        {
            output.WriteLine(definition.Text);
        }
    }
}
