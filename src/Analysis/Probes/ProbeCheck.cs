using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Analysis.Probes.Btf;

namespace TraceReplay.Analysis.Probes;

/// <summary>Whether a definition fits a kernel.</summary>
public enum ProbeFit
{
    /// <summary>Its function is there, and everything that it reads is what it is taken for.</summary>
    Right,

    /// <summary>The kernel would refuse it, or would record something else.</summary>
    Wrong,

    /// <summary>Nothing at hand says it.</summary>
    Unknown,
}

/// <summary>One definition against a kernel.</summary>
/// <param name="Reason">Why it does not fit or cannot be judged; empty where it fits.</param>
public sealed record ProbeVerdict(ProbeDefinition Definition, ProbeFit Fit, string Reason);

/// <summary>Holds definitions against a kernel's own types (BTF) and symbols: which are right, without placing one.</summary>
public sealed partial class ProbeCheck
{
    private readonly IReadOnlyList<BtfData> _types;
    private readonly KernelSymbols? _symbols;

    private ProbeCheck(IReadOnlyList<BtfData> types, KernelSymbols? symbols) => (_types, _symbols) = (types, symbols);

    /// <summary>Where the running kernel shows its types.</summary>
    public const string RunningTypes = "/sys/kernel/btf";

    /// <summary>Where the running kernel lists its symbols.</summary>
    public const string RunningSymbols = "/proc/kallsyms";

    // Modules whose functions are probed; their types count on from the kernel's.
    private static readonly string[] s_modules = ["kvm", "kvm_amd", "kvm_intel", "ttm"];

    /// <summary>The running kernel's.</summary>
    /// <exception cref="AnalysisException">It does not show them.</exception>
    public static ProbeCheck OfRunning(string? kallsyms = null)
    {
        string kernel = Path.Combine(RunningTypes, "vmlinux");
        return File.Exists(kernel)
            ? Of([kernel, .. s_modules.Select(module => Path.Combine(RunningTypes, module)).Where(File.Exists)], kallsyms ?? RunningSymbols)
            : throw new AnalysisException(AnalysisFailure.Environment, $"{kernel}: the running kernel does not show its types (CONFIG_DEBUG_INFO_BTF); --btf FILE names another's");
    }

    /// <param name="btf">Files of types: the kernel's, then those of its modules.</param>
    /// <param name="kallsyms">A list of its symbols; null if there is none.</param>
    /// <exception cref="AnalysisException">A file cannot be read, or is something else.</exception>
    public static ProbeCheck Of(IReadOnlyList<string> btf, string? kallsyms)
    {
        BtfData kernel = BtfData.Read(btf[0]);
        return new ProbeCheck(
            [kernel, .. btf.Skip(1).Select(module => BtfData.Read(module, kernel))],
            kallsyms is null ? null : KernelSymbols.Read(kallsyms, ProbeCatalog.All.SelectMany(g => g.Definitions).Select(d => d.Function)));
    }

    internal static ProbeCheck Of(IReadOnlyList<BtfData> types, KernelSymbols? symbols) => new(types, symbols);

    /// <summary>Each definition against the kernel.</summary>
    /// <param name="generation">Whose definitions.</param>
    /// <param name="definitions">Those, or some of them.</param>
    public IReadOnlyList<ProbeVerdict> Check(ProbeGeneration generation, IReadOnlyList<ProbeDefinition> definitions)
    {
        // Where a definition reads at an offset, one of another generation names the member that is meant.
        Dictionary<(string, string), string> meant = [];
        foreach (ProbeDefinition definition in ProbeCatalog.Of(generation.Machine).Where(g => !g.ByOffset).SelectMany(g => g.Definitions))
        {
            foreach ((string field, string place, _) in Reads(definition).Where(r => r.Place.Contains("->", StringComparison.Ordinal)))
            {
                meant.TryAdd((definition.Name, field), place[(place.LastIndexOf('>') + 1)..]);
            }
        }

        return [.. definitions.Select(definition => Check(definition, field => meant.GetValueOrDefault((definition.Name, field))))];
    }

    /// <summary>The definitions of a machine that fit the kernel best: fewest wrong, then most right.</summary>
    public ProbeGeneration Best(IEnumerable<ProbeGeneration> generations) => generations
        .Select(g => (Generation: g, Verdicts: Check(g, g.Definitions)))
        .OrderBy(g => g.Verdicts.Count(v => v.Fit == ProbeFit.Wrong)).ThenByDescending(g => g.Verdicts.Count(v => v.Fit == ProbeFit.Right))
        .First().Generation;

    private ProbeVerdict Check(ProbeDefinition definition, Func<string, string?> meant)
    {
        string function = definition.Function;
        if (_symbols is not null && _symbols.Times(function) != 1)
        {
            return new ProbeVerdict(definition, ProbeFit.Wrong, _symbols.Times(function) > 1
                ? $"{function} is there {_symbols.Times(function)} times: the kernel refuses a name that several functions have"
                : _symbols.Variant(function) is { } variant ? $"the compiler made {variant} of {function}" : $"no function {function} (inlined, or its module is not loaded)");
        }

        if (_types.FirstOrDefault(t => t.Prototype(function) is not null) is not { } types)
        {
            return new ProbeVerdict(definition, _symbols is null ? ProbeFit.Wrong : ProbeFit.Unknown, _symbols is null ? $"no function {function} among the types" : $"no types of {function}");
        }

        int prototype = types.Prototype(function)!.Value;
        BtfMember[] parameters = [.. types.Members(prototype)];
        ProbeVerdict verdict = new(definition, ProbeFit.Right, "");
        foreach ((string field, string place, int bytes) in Reads(definition))
        {
            (ProbeFit fit, string reason) = place == "$retval"
                ? types.Kind(types.Plain(types.TypeOf(prototype))) == BtfKind.Void ? (ProbeFit.Wrong, $"{function} returns nothing") : (ProbeFit.Right, "")
                : place.StartsWith('+') || place.StartsWith('$') ? AtOffset(types, parameters, place, bytes, meant(field))
                : ByName(types, parameters, place, bytes);
            if (fit == ProbeFit.Wrong || (fit == ProbeFit.Unknown && verdict.Fit == ProbeFit.Right))
            {
                verdict = new ProbeVerdict(definition, fit, $"{field}: {reason}");
                if (fit == ProbeFit.Wrong)
                {
                    break;
                }
            }
        }

        return verdict;
    }

    private static (ProbeFit, string) ByName(BtfData types, BtfMember[] parameters, string place, int bytes)
    {
        string[] names = place.Split("->");
        BtfMember parameter = System.Array.Find(parameters, p => p.Name == names[0]);
        if (parameter.Name is null)
        {
            return (ProbeFit.Wrong, $"no argument {names[0]}; there are {string.Join(", ", parameters.Select(p => p.Name))}");
        }

        int type = parameter.Type;
        foreach (string name in names.Skip(1))
        {
            if (types.Pointee(type) is not { } structure)
            {
                return (ProbeFit.Unknown, $"what has the member {name} is not among the types");
            }

            if (types.Member(structure, name) is not { } member)
            {
                return (ProbeFit.Wrong, $"struct {types.Name(structure)} has no member {name}");
            }

            type = member.Type;
        }

        return names.Length == 1 ? (ProbeFit.Right, "") : Fits(types, type, place, bytes);
    }

    private static (ProbeFit, string) Fits(BtfData types, int type, string place, int bytes)
    {
        long size = types.SizeOf(type);
        return size == 0 || size >= bytes ? (ProbeFit.Right, "") : (ProbeFit.Wrong, $"{place} has {size} bytes, {bytes} are read");
    }

    private static (ProbeFit, string) AtOffset(BtfData types, BtfMember[] parameters, string place, int bytes, string? meant)
    {
        Match match = Place().Match(place);
        int number = match.Success ? int.Parse(match.Groups["arg"].Value, CultureInfo.InvariantCulture) : 0;
        if (number < 1)
        {
            return (ProbeFit.Unknown, $"{place} is of a form that is not checked");
        }

        if (number > parameters.Length)
        {
            return (ProbeFit.Wrong, $"argument {number} of {parameters.Length}");
        }

        int type = parameters[number - 1].Type;
        long[] offsets = [.. match.Groups["offset"].Captures.Select(c => long.Parse(c.Value, CultureInfo.InvariantCulture)).Reverse()];
        for (int i = 0; i < offsets.Length; i++)
        {
            long offset = offsets[i];
            bool isLast = i == offsets.Length - 1;
            if (types.Pointee(type) is not { } structure)
            {
                // A pointer to a number, or to what nobody declares.
                return offset == 0 && isLast && types.Kind(types.Plain(type)) == BtfKind.Pointer ? (ProbeFit.Right, "") : (ProbeFit.Unknown, $"what {place} points to is not among the types");
            }

            List<(string Name, int Type)> found = [.. types.At(structure, offset)];
            if (found.Count == 0)
            {
                return (ProbeFit.Wrong, $"nothing begins at {offset} of struct {types.Name(structure)}");
            }

            if (!isLast)
            {
                type = found.Find(m => types.Kind(types.Plain(m.Type)) == BtfKind.Pointer) is { Name: not null } pointer ? pointer.Type : 0;
                continue;
            }

            if (meant is not null && found.TrueForAll(m => m.Name != meant))
            {
                return types.Member(structure, meant) is { } member
                    ? (ProbeFit.Wrong, $"{meant} of struct {types.Name(structure)} is at {member.Bit / 8}, not at {offset}")
                    : (ProbeFit.Wrong, $"struct {types.Name(structure)} has no member {meant}; at {offset} it has {found[^1].Name}");
            }

            return Fits(types, found.Find(m => m.Name == meant) is { Name: not null } named ? named.Type : found[^1].Type, place, bytes);
        }

        return (ProbeFit.Right, "");
    }

    /// <summary>What a definition reads: the field, the place, the bytes.</summary>
    private static IEnumerable<(string Field, string Place, int Bytes)> Reads(ProbeDefinition definition) =>
        Argument().Matches(definition.Text).Select(m => (m.Groups[1].Value, m.Groups[2].Value, int.Parse(m.Groups[3].Value, CultureInfo.InvariantCulture) / 8));

    [GeneratedRegex(@"(\w+)=(\S+):[usx](8|16|32|64)(?= |$)")]
    private static partial Regex Argument();

    [GeneratedRegex(@"^(\+(?<offset>\d+)\()*\$arg(?<arg>\d+)\)*$")]
    private static partial Regex Place();
}
