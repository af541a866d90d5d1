using System.Globalization;
using System.Text.RegularExpressions;

namespace TraceReplay.Replay.Tests.Judging;

/// <summary>A copy of a capture's text in which the kernel's recorded behaviour is altered, and what was altered.</summary>
internal sealed partial class Forgery(RecordedText text)
{
    private readonly string?[] _lines = [.. text.Lines];

    public RecordedText Text { get; } = text;

    /// <summary>The faults that were altered.</summary>
    public List<TextFault> Faults { get; } = [];

    /// <summary>The lines of the records that were altered or left out.</summary>
    public List<int> Records { get; } = [];

    /// <summary>Guest frames on which a consequence of the alteration may show.</summary>
    public HashSet<ulong> Gfns { get; } = [];

    public string this[int line]
    {
        get => _lines[line]!;
        set => _lines[line] = value;
    }

    public string Content => string.Join('\n', _lines.Where(line => line is not null));

    /// <summary>Takes a fault as altered. What follows on its frame, or on the huge page around it, follows from that.</summary>
    public void Mark(TextFault fault)
    {
        Faults.Add(fault);
        Touch(fault.Gfn);
    }

    public void Touch(ulong gfn)
    {
        Gfns.Add(gfn);
        Gfns.Add(gfn & ~511UL);
    }

    public void Drop(IEnumerable<int> lines)
    {
        foreach (int line in lines)
        {
            _lines[line] = null;
        }
    }

    public bool IsDropped(int line) => _lines[line] is null;

    /// <summary>Replaces in one line; a pattern that is not found is an error of the test.</summary>
    public void Replace(int line, string pattern, string replacement) => Replace(line, pattern, match => match.Result(replacement));

    public void Replace(int line, string pattern, MatchEvaluator replacement)
    {
        string before = _lines[line]!;
        if (!Regex.IsMatch(before, pattern))
        {
            throw new InvalidOperationException($"'{pattern}' is not in: {before}");
        }

        _lines[line] = Regex.Replace(before, pattern, replacement);
    }

    /// <summary>Adds events behind a line, of the same task, CPU and time.</summary>
    public void AddBehind(int line, params string[] events) => AddLinesBehind(line, events.Select(e => Text.Events[line]!.Head + e));

    public void AddLinesBehind(int line, IEnumerable<string> lines) => _lines[line] += string.Concat(lines.Select(added => '\n' + added));

    public void AddLinesBefore(int line, IEnumerable<string> lines) => _lines[line] = string.Concat(lines.Select(added => added + '\n')) + _lines[line];

    public void ReplaceEvent(int line, string e) => _lines[line] = Text.Events[line]!.Head + e;

    /// <summary>The handler's recorded return.</summary>
    public void Return(TextFault fault, int from, int to) =>
        Replace(fault.Of("tdp_fault_ret"), string.Create(CultureInfo.InvariantCulture, $@"ret={from}$"), string.Create(CultureInfo.InvariantCulture, $"ret={to}"));

    /// <summary>KVM_RUN returns EFAULT where the guest was entered again.</summary>
    public void ExitWithEfault(TextFault fault)
    {
        if (fault.Has("kvm_entry"))
        {
            ReplaceEvent(fault.Of("kvm_entry"), "kvm_userspace_exit: reason error (14)");
        }
    }

    public void EnterAgain(TextFault fault) => ReplaceEvent(fault.Of("kvm_userspace_exit"), "kvm_entry: vcpu 0, rip 0x1020");

    /// <summary>Leaves out what installed the leaf.</summary>
    public void DropInstall(TextFault fault) => Drop(fault.All("kvm_mmu_spte_requested", "kvm_tdp_mmu_spte_changed", "kvm_mmu_set_spte"));

    /// <summary>The lookup fails.</summary>
    public void RefuseLookup(TextFault fault)
    {
        Replace(fault.Of("hva_to_pfn_ret"), @"pfn=0x[0-9a-f]+", "pfn=0x7ff0000000000000");
        Replace(fault.Of("faultin_ret"), @"pfn=0x[0-9a-f]+", "pfn=0x7ff0000000000000");
        Replace(fault.Of("faultin_ret"), @" ret=0", " ret=-14");
    }

    /// <summary>Alters the entry that a record says was written.</summary>
    public void Entry(int line, Func<ulong, ulong> change) => Replace(
        line, @"(spte |new_spte )([0-9a-f]+)(?=$| \()", match => match.Groups[1].Value + change(Hex(match.Groups[2].Value)).ToString("x", CultureInfo.InvariantCulture));

    /// <summary>Alters the installed leaf in both records of it.</summary>
    public void Leaf(TextFault fault, Func<ulong, ulong> change)
    {
        Entry(fault.Of("kvm_tdp_mmu_spte_changed"), change);
        Entry(fault.Of("kvm_mmu_set_spte"), change);
    }

    /// <summary>The recorded counts of ends rise by one from a line on: another window has ended.</summary>
    public void ShiftSequence(int from)
    {
        for (int i = from; i < _lines.Length; i++)
        {
            if (_lines[i]?.Contains("kvm_inv_end:", StringComparison.Ordinal) == true)
            {
                _lines[i] = EndSequence().Replace(_lines[i]!, match => $" seq={Next(match)}");
            }
            else if (_lines[i]?.Contains("faultin", StringComparison.Ordinal) == true)
            {
                _lines[i] = SnapshotSequence().Replace(_lines[i]!, match => $"mmu_seq={Next(match)}");
            }
        }
    }

    public static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static string Next(Match match) => (long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@" seq=(\d+)")]
    private static partial Regex EndSequence();

    [GeneratedRegex(@"mmu_seq=([1-9]\d*)")]
    private static partial Regex SnapshotSequence();
}
