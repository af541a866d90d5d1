using System.Runtime.InteropServices;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>Whose fault handler, events and probes a capture's are.</summary>
public enum Machine
{
    X86,
    Arm64,
}

/// <summary>Names of machines.</summary>
public static class Machines
{
    /// <summary>What a person may type, by machine; the first is ours.</summary>
    private static readonly (Machine Machine, string[] Names)[] s_names =
    [
        (Machine.X86, ["x86", "x86_64", "amd64", "i386", "i686"]),
        (Machine.Arm64, ["arm64", "aarch64"]),
    ];

    /// <summary>All names.</summary>
    public static IEnumerable<string> All => s_names.SelectMany(n => n.Names);

    /// <summary>The machine of that name, as uname -m, a distribution or the kernel's tree calls it; null if none.</summary>
    public static Machine? Named(string? name)
    {
        foreach ((Machine machine, string[] names) in s_names)
        {
            if (names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return machine;
            }
        }

        return null;
    }

    /// <summary>Our name for it.</summary>
    public static string Name(Machine machine) => Array.Find(s_names, n => n.Machine == machine).Names[0];

    /// <summary>The machine that a release names, as Debian's 6.12.95+deb12-arm64 does; null if it names none.</summary>
    public static Machine? OfRelease(string? release) => (release ?? "").Split('-', '+', '.').Select(Named).FirstOrDefault(machine => machine is not null);

    /// <summary>The machine that this runs on; x86 for any other.</summary>
    public static Machine Running => RuntimeInformation.OSArchitecture == Architecture.Arm64 ? Machine.Arm64 : Machine.X86;

    /// <summary>That of a capture: its own word; else that of its kernel's name; else the events that only one of them has.</summary>
    public static Machine Of(string? arch, string? release, IEnumerable<string> events) =>
        Named(arch) ?? OfRelease(release) ?? (events.Any(name => name is "kvm:kvm_guest_fault" or "kvm.kvm_guest_fault") ? Machine.Arm64 : Machine.X86);
}
