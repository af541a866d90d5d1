using System.Text;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>Kernel symbols from the text of <c>/proc/kallsyms</c>, parsed when first asked for.</summary>
public sealed class SymbolTable
{
    // No function is larger; a user-space address must not be taken for the last per-CPU symbol, which lies near 0.
    private const ulong MaxDistance = 1 << 20;

    private readonly Lazy<byte[]> _text;
    private readonly Lock _lock = new();
    private ulong[]? _addresses;
    private int[] _names = [];

    /// <param name="text">Gives lines <c>address type name [module]</c>; called at most once.</param>
    public SymbolTable(Func<byte[]> text) => _text = new Lazy<byte[]>(text);

    public static SymbolTable Empty { get; } = new(() => []);

    /// <summary>The nearest symbol at or below the address.</summary>
    /// <returns>null if there is none, or the symbols were recorded without addresses (kptr_restrict).</returns>
    public string? Find(ulong address)
    {
        ulong[] addresses = Parse();
        int at = Array.BinarySearch(addresses, address);
        if (at < 0)
        {
            at = ~at - 1;
        }

        if (at < 0 || addresses[at] == 0 || address - addresses[at] > MaxDistance)
        {
            return null;
        }

        // Aliases share an address; the first recorded one is what kallsyms itself prints.
        ulong found = addresses[at];
        int first = _names[at];
        for (int i = at - 1; i >= 0 && addresses[i] == found; i--)
        {
            first = Math.Min(first, _names[i]);
        }

        for (int i = at + 1; i < addresses.Length && addresses[i] == found; i++)
        {
            first = Math.Min(first, _names[i]);
        }

        return Name(first);
    }

    private string Name(int at)
    {
        ReadOnlySpan<byte> name = _text.Value.AsSpan(at);
        return Encoding.UTF8.GetString(name[..name.IndexOfAny(" \t\n"u8)]);
    }

    /// <summary>All symbols at exactly this address.</summary>
    internal IReadOnlyList<string> Names(ulong address)
    {
        ulong[] addresses = Parse();
        List<string> names = [];
        int at = Array.BinarySearch(addresses, address);
        while (at > 0 && addresses[at - 1] == address)
        {
            at--;
        }

        for (; at >= 0 && at < addresses.Length && addresses[at] == address; at++)
        {
            names.Add(Name(_names[at]));
        }

        return names;
    }

    /// <summary>Unpacks and parses now, to have it ready when <see cref="Find"/> is called.</summary>
    public void Load() => _ = Parse();

    /// <summary><c>amd</c> or <c>intel</c> if just one of kvm's vendor modules was there, else null.</summary>
    internal string? CpuVendor()
    {
        ReadOnlySpan<byte> text = _text.Value;
        bool amd = text.IndexOf("[kvm_amd]"u8) >= 0 || text.IndexOf(" svm_vcpu_run"u8) >= 0;
        bool intel = text.IndexOf("[kvm_intel]"u8) >= 0 || text.IndexOf(" vmx_vcpu_run"u8) >= 0;
        return amd == intel ? null : amd ? "amd" : "intel";
    }

    private ulong[] Parse()
    {
        lock (_lock)
        {
            return _addresses ?? ParseText();
        }
    }

    private ulong[] ParseText()
    {
        byte[] text = _text.Value;
        List<ulong> addresses = new(text.Length / 40);
        List<int> names = new(text.Length / 40);
        int pos = 0;
        bool sorted = true;
        while (pos < text.Length)
        {
            int end = text.AsSpan(pos).IndexOf((byte)'\n');
            end = end < 0 ? text.Length : pos + end;
            ulong address = 0;
            int p = pos;
            int digit;
            while (p < end && (digit = HexDigit(text[p])) >= 0)
            {
                address = (address << 4) | (uint)digit;
                p++;
            }

            // address, space, type letter, space, name, line end
            if (p > pos && p + 3 < end && end < text.Length && text[p] == ' ' && text[p + 2] == ' ' && text[p + 3] > ' ')
            {
                sorted &= addresses.Count == 0 || addresses[^1] <= address;
                addresses.Add(address);
                names.Add(p + 3);
            }

            pos = end + 1;
        }

        ulong[] keys = [.. addresses];
        _names = [.. names];
        if (!sorted)
        {
            Array.Sort(keys, _names);
        }

        return _addresses = keys;
    }

    private static int HexDigit(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
        _ => -1,
    };
}
