using System.Runtime.Intrinsics;
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
            int p = pos;
            ulong address = 0;
            if (end - pos > 16 && TrySixteen(text, pos, out address))
            {
                p += 16;
            }

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

    /// <summary>The address of a 64-bit kernel, all digits of it at once.</summary>
    private static bool TrySixteen(byte[] text, int at, out ulong address)
    {
        Vector128<byte> digits = Vector128.LoadUnsafe(ref text[at]);
        Vector128<byte> decimals = digits - Vector128.Create((byte)'0');
        Vector128<byte> letters = (digits | Vector128.Create((byte)0x20)) - Vector128.Create((byte)('a' - 10));
        Vector128<byte> isDecimal = Vector128.LessThan(decimals, Vector128.Create((byte)10));
        Vector128<byte> isLetter = Vector128.LessThan(letters - Vector128.Create((byte)10), Vector128.Create((byte)6));
        Vector128<ulong> nibbles = Vector128.ConditionalSelect(isDecimal, decimals, letters).AsUInt64();
        address = ((ulong)Packed(nibbles.GetElement(0)) << 32) | Packed(nibbles.GetElement(1));
        if ((isDecimal | isLetter) == Vector128<byte>.AllBitsSet)
        {
            return true;
        }

        address = 0;
        return false;
    }

    /// <summary>Eight digits, one in each byte, the first in the lowest.</summary>
    private static uint Packed(ulong nibbles)
    {
        ulong pairs = ((nibbles << 4) | (nibbles >> 8)) & 0x00ff_00ff_00ff_00ff;
        ulong fours = ((pairs << 8) | (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        return (uint)((fours << 16) | (fours >> 32));
    }

    private static int HexDigit(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
        _ => -1,
    };
}
