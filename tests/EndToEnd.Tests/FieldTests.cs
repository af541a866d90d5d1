using System.Globalization;
using System.Text.Json;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// Captures and texts as people paste, keep and send them (Field/README.md): each right value was established by reading, or by the
/// format's own tool. What a name of a directory says is the kind.
/// </summary>
public sealed class FieldTests : IDisposable
{
    private readonly Scratch _scratch = new();

    private string Data => _scratch["data"];

    private static string File(string name) => Path.Combine(Tool.Repository, "tests", "EndToEnd.Tests", "Field", name);

    public void Dispose() => _scratch.Dispose();

    private ToolResult Replay(string name, params string[] more)
    {
        ToolResult result = _scratch.Run(["run", File(name), "-d", Data, .. more]);
        Assert.True(result.Code == 0, $"{name}: exit code {result.Code}: {result.Error}");
        return result;
    }

    private List<JsonElement> Rows(string sql)
    {
        ToolResult result = _scratch.Run(["query", "-d", Data, "--format", "json", "--sql", sql], null);
        Assert.True(result.Code == 0, result.Error);
        return [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
    }

    /// <summary>A row of one query, its columns joined.</summary>
    private string[] Lines(string sql) =>
        [.. Rows(sql).Select(row => string.Join(' ', row.EnumerateObject().Select(p => p.Value.ValueKind == JsonValueKind.Null ? "-" : p.Value.ToString())))];

    private string[] Faults() => Lines("SELECT vcpu, format('0x{:x}', gpa) AS gpa, access, observed_outcome AS o, kind FROM faults ORDER BY seq");

    /// <summary>Events of the one trace, by name.</summary>
    private Dictionary<string, long> Events() =>
        Directory.EnumerateFiles(Path.Combine(Data, "traces", "manifests"), "*.json").SelectMany(path => JsonDocument.Parse(System.IO.File.ReadAllText(path)).RootElement.GetProperty("event_counts").EnumerateObject())
            .GroupBy(p => p.Name).ToDictionary(g => g.Key, g => g.Sum(p => p.Value.GetInt64()));

    private string Warnings() => string.Join('\n', Lines("SELECT unnest(warnings) AS w FROM traces"));

    private string? Vendor() => Assert.Single(Lines("SELECT cpu_vendor FROM traces"));

    /// <summary>All of an event's table that is named: <c>system.event</c>.</summary>
    private string[] Table(string name, string columns)
    {
        string[] parts = name.Split('.');
        string files = Directory.GetFiles(Path.Combine(Data, "events"), "*.parquet", SearchOption.AllDirectories).First(f => f.Contains(name, StringComparison.Ordinal) || (f.Contains(parts[0], StringComparison.Ordinal) && f.Contains(parts[1], StringComparison.Ordinal)));
        return Lines($"SELECT {columns} FROM read_parquet('{files}') ORDER BY seq");
    }

    [Fact]
    public void Annotated()
    {
        Replay("annotated/mail.txt");
        Assert.Equal(["1 0x7fc036f000 w RETRY tdp", "1 0x7fc036f000 w RETRY tdp"], Faults());
        Assert.Contains("notes behind 1 events", Warnings(), StringComparison.Ordinal);
    }

    [Fact]
    public void Arm64()
    {
        ToolResult result = Replay("arm64/trace.txt");
        Assert.Equal(1, Events()["kvm.kvm_guest_fault"]);
        ToolResult info = Tool.Run("info", File("arm64/trace.txt"));
        Assert.Equal(0, info.Code);
        Assert.Equal(["- 0x8000000 w ENOSYS arm64"], Lines("SELECT vcpu, format('0x{:x}', gpa) AS gpa, access, observed_outcome AS o, kind FROM faults").Select(line => "-" + line[line.IndexOf(' ', StringComparison.Ordinal)..]));
        Assert.Contains("probe on kvm_set_memory_region", Flat(info.Output), StringComparison.Ordinal);
        Assert.Contains("return probe on kvm_pgtable_stage2_map", Flat(info.Output), StringComparison.Ordinal);
        Assert.Contains("probes --arch arm64", Flat(info.Output), StringComparison.Ordinal);
        Assert.Contains("ENOSYS: KVM_RUN fails", Flat(result.Output), StringComparison.Ordinal);
        Assert.Equal(0, _scratch.Run("report", "-d", Data, "-o", _scratch["report.html"]).Code);
        string report = System.Text.RegularExpressions.Regex.Replace(System.IO.File.ReadAllText(_scratch["report.html"]), "<script.*?</script>", "", System.Text.RegularExpressions.RegexOptions.Singleline);
        foreach (string said in new[] { Flat(info.Output), Flat(result.Output + result.Error), report })
        {
            Assert.Contains("arm64", said, StringComparison.Ordinal);
            Assert.DoesNotContain("not modelled", said, StringComparison.Ordinal);
            Assert.DoesNotMatch("kvm_page_fault|kvmmmu|TDP|NPT|NX huge|SPTE", said);
            Assert.DoesNotContain("events are read as Linux", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Cpu_count()
    {
        Replay("cpu-count/old.dat");
        Assert.Equal(["2 330"], Lines("SELECT cpus, events FROM traces"));
    }

    [Fact]
    public void Late_first_line_in_a_directory()
    {
        ToolResult result = Replay("late-first-line-dir/inbox");
        Assert.Equal(["2 16"], Lines("SELECT count(*), sum(events)::BIGINT FROM traces"));
        Assert.Equal(4, Faults().Length);
        Assert.DoesNotContain("ignored", result.Error, StringComparison.Ordinal);

        // What is not read is named with its reason.
        using Scratch other = new();
        Directory.CreateDirectory(other["in"]);
        System.IO.File.Copy(File("late-first-line-dir/inbox/good.txt"), other["in/good.txt"]);
        System.IO.File.Copy(File("refusals/function-graph.txt"), other["in/graph.txt"]);
        ToolResult run = other.Run("run", other["in"]);
        Assert.Equal(0, run.Code);
        Assert.Contains($"1 other file ignored\n  {other["in/graph.txt"]}: function_graph text without task and time\n", run.Error, StringComparison.Ordinal);
        ToolResult night = other.Run("nightly", "--inbox", other["in"], "-d", other["night"], "--out", other["out"], "--settle", "0");
        Assert.True(night.Code == 0, night.Error);
        Assert.Contains("graph.txt: function_graph text without task and time", night.Output, StringComparison.Ordinal);
        Assert.Contains("graph.txt: function_graph text without task and time", System.IO.File.ReadAllText(other["out/summary.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Late_first_line_behind_a_header_of_perf()
    {
        Replay("late-first-line-perf-header/perf.txt");
        Assert.Equal(["perf script text 6.12.20 host1 x86_64 intel 3"], Lines("SELECT format, kernel, host, arch, cpu_vendor, events FROM traces"));
        Assert.StartsWith("0 0x113674000 x ", Assert.Single(Faults()), StringComparison.Ordinal);
    }

    [Fact]
    public void Latency_verbose()
    {
        Replay("latency-verbose/trace.txt");
        Assert.Equal(["minivmm 23215 1 2107118867000"], Table("kvm.kvm_entry", "comm, pid, cpu, ts_ns"));
        Assert.Equal(["minivmm 23215 1 2107118900000"], Table("kvm.kvm_fpu", "comm, pid, cpu, ts_ns"));
    }

    [Fact]
    public void Log_prefix()
    {
        Replay("log-prefix/journal.txt");
        Assert.Equal(["- 2301", "- 2301"], Table("kvm.kvm_entry", "comm, pid"));
        Assert.Equal(8, Events().Values.Sum());
        Assert.Equal(["0 0x113674000 w FIXED tdp", "0 0x113675000 w RETRY tdp"], Faults());
        Assert.Equal("intel", Vendor());
    }

    [Fact]
    public void Old_forms()
    {
        Replay("old-forms/trace.txt");
        Assert.Equal(["0 -", "0 -"], Table("kvm.kvm_entry", "vcpu_id, rip"));
        Assert.Equal(["0x7fa9ee5224e4 30 1 0x5658000b 0 0 0"], Table("kvm.kvm_nested_vmexit", "format('0x{:x}', guest_rip), exit_reason, isa, format('0x{:x}', info1), info2, intr_info, error_code"));
        Assert.Equal(["0 0xc13e 2 1 -"], Table("kvm.kvm_pio", "rw, format('0x{:x}', port), size, count, val"));
        Assert.Equal(["0 0x1c8f000 w FIXED tdp"], Faults());
        Assert.Equal(["2000"], Lines("SELECT latency_ns FROM faults"));
    }

    [Fact]
    public void One_line()
    {
        Replay("one-line/pasted.txt");
        Assert.Equal(8, Events().Values.Sum());
        Assert.Equal(["0 0x113674000 w FIXED tdp", "0 0x113675000 w RETRY tdp"], Faults());
        Assert.Equal(["- 2301", "- 2301"], Table("kvm.kvm_entry", "comm, pid"));
    }

    [Fact]
    public void Perf_task_events()
    {
        Replay("perf-task-events/perf.txt");
        Assert.Equal(new Dictionary<string, long> { ["perf.PERF_RECORD_FORK"] = 2, ["perf.PERF_RECORD_EXIT"] = 1, ["kvm.kvm_entry"] = 1 }, Events());
    }

    [Fact]
    public void Prose_glued()
    {
        Replay("prose-glued/mail.txt");
        Assert.Equal(["Start context switch", "End context switch"], Table("text.rcu_utilization", "text"));
        Assert.Equal(["1d9, value 4000"], Table("text.write_msr", "text"));
        Assert.Contains("2 lines are no part of a trace", Warnings(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("function-graph.txt", "function_graph text without task and time", "funcgraph-abstime")]
    public void Refused_with_reason(string name, string what, string advice)
    {
        foreach (string command in new[] { "info", "run" })
        {
            ToolResult result = Tool.Run(command, File("refusals/" + name));
            Assert.Equal(3, result.Code);
            Assert.Contains(what, Assert.Single(result.ErrorLines), StringComparison.Ordinal);
            Assert.Contains(advice, result.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("perf-no-comm.txt", 3)]
    [InlineData("perf-no-tid.txt", 2)]
    [InlineData("trace.txt.xz", 8)]
    [InlineData("trace.txt.bz2", 8)]
    public void Read_instead_of_refused(string name, int events)
    {
        Replay("refusals/" + name);
        Assert.Equal(events, Events().Values.Sum());
        if (name.StartsWith("trace", StringComparison.Ordinal))
        {
            Assert.Equal(["0 0x113674000 w FIXED tdp", "0 0x113675000 w RETRY tdp"], Faults());
        }
        else
        {
            // What was left out is NULL.
            bool comm = name.Contains("tid", StringComparison.Ordinal);
            Assert.Equal(comm ? ["- preempt_test -"] : ["- - 0"], Table("kvm.kvm_exit", comm ? "pid, comm, cpu" : "pid, comm, vcpu_id"));
        }
    }

    [Fact]
    public void Restore()
    {
        ToolResult result = Replay("restore/restored.dat");
        Assert.DoesNotContain("DAMAGED", result.Output, StringComparison.Ordinal);
        Assert.Equal(["330 True 2"], Lines("SELECT events, complete, cpus FROM traces"));
    }

    [Fact]
    public void Shadow_without_probes()
    {
        Replay("shadow-no-probes/trace.txt", "--kernel", "6.1.0");
        Assert.Equal(["0 0x3e2a008 w FIXED shadow"], Faults());
        Assert.Equal(["0x3e2a 0x1c6e 1"], Lines("SELECT format('0x{:x}', gfn) AS g, format('0x{:x}', observed_pfn) AS p, observed_level FROM faults"));
    }

    [Fact]
    public void Unread_fault()
    {
        ToolResult result = Replay("unread-fault/trace.txt");
        Assert.Empty(Faults());
        Assert.Contains("2 of 2 rows of kvm.kvm_page_fault are in no known form: only their text is kept", Warnings(), StringComparison.Ordinal);
        Assert.Contains("2 of them are faults, which have no row", result.Error, StringComparison.Ordinal);
        Assert.Contains("2 of 2 rows of kvm.kvm_page_fault are in no known form", Flat(result.Output), StringComparison.Ordinal);
        Assert.Contains("2 of 2 rows of kvm.kvm_page_fault are in no known form", Flat(Tool.Run("info", File("unread-fault/trace.txt")).Output), StringComparison.Ordinal);
    }

    [Fact]
    public void Vendor_efault()
    {
        Replay("vendor-efault/trace.txt");
        Assert.Equal("intel", Vendor());
        Assert.Equal([$"1 0x{70296845492224.ToString("x", CultureInfo.InvariantCulture)} r EFAULT tdp"], Faults());
    }

    [Fact]
    public void Vendor_text()
    {
        ToolResult result = Replay("vendor-text/trace.txt");
        Assert.Equal("intel", Vendor());
        Assert.Equal(["0 0x20fe612 x FIXED tdp", "0 0x113674000 w RETRY tdp"], Faults());
        Assert.Equal(["0x34d4fe 1 True", "- - -"], Lines("SELECT format('0x{:x}', observed_pfn) AS p, observed_level, observed_writable FROM faults ORDER BY seq"));
        Assert.Equal(["1", "1"], Table("kvm.kvm_exit", "isa"));
        Assert.Contains("Intel EPT", Flat(result.Output), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrap_after_name()
    {
        ToolResult result = Replay("wrap-after-name/mail.txt");
        Assert.Equal("intel", Vendor());
        Assert.Equal(new Dictionary<string, long> { ["kvm.kvm_exit"] = 3, ["kvm.kvm_entry"] = 4, ["kvm.kvm_page_fault"] = 3, ["text.rcu_utilization"] = 1, ["text.write_msr"] = 2 }, Events());
        Assert.Equal(["End context switch"], Table("text.rcu_utilization", "text"));
        Assert.Equal(["1d9, value 4000", "1d9, value 4000"], Table("text.write_msr", "text"));
        Assert.Equal(["0x683", "0x683", "0x683"], Table("kvm.kvm_exit", "format('0x{:x}', info1) AS i"));
        Assert.Equal(["1 0x1170aaff8 w RETRY tdp", "3 0x274300ff8 w RETRY tdp", "1 0x1170aaff8 w RETRY tdp"], Faults());
        Assert.DoesNotContain("no known form", Warnings(), StringComparison.Ordinal);
        Assert.Contains("vCPU 1 faults on gfn 0x1170aa (w) 2 times in a row", Flat(result.Output), StringComparison.Ordinal);
        string storms = _scratch.Run(["query", "-d", Data, "retry_storms", "--format", "json"], null).Output;
        JsonElement storm = Assert.Single(JsonDocument.Parse(storms).RootElement.EnumerateArray());
        Assert.Equal(("0x1170aa", 2), (storm.GetProperty("worst_gfn").GetString(), storm.GetProperty("longest_run").GetInt32()));
    }

    [Fact]
    public void Wrap_after_time()
    {
        Replay("wrap-after-time/mail.txt");
        Assert.Equal(5, Events().Values.Sum());
        Assert.Equal(["1 1 0x22da", "30 1 0x110c8c"], Table("kvm.kvm_exit", "exit_reason, isa, format('0x{:x}', guest_rip) AS r"));
        Assert.Equal(["1 12"], Table("kvm.kvm_ack_irq", "irqchip, pin"));
        Assert.Equal(["pckbd_kbd_update_irq kbd=0 aux=1"], Table("ftrace.print", "trim(buf, chr(10)) AS b"));
        Assert.Single(Table("kvm.kvm_entry", "rip"));
    }

    [Fact]
    public void Wrap_hard_80()
    {
        Replay("wrap-hard-80/terminal.txt");
        Assert.Equal(8, Events().Values.Sum());
        Assert.Equal("intel", Vendor());
        Assert.Equal(["0 0x113674000 w FIXED tdp", "0 0x113675000 w RETRY tdp"], Faults());
        Assert.Equal(["0x1c6e00 1", "- -"], Lines("SELECT format('0x{:x}', observed_pfn) AS p, observed_level FROM faults ORDER BY seq"));
        Assert.DoesNotContain("no known form", Warnings(), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrap_in_name()
    {
        Replay("wrap-in-name/mail.txt");
        Assert.Equal("amd", Vendor());
        Assert.Equal(["1 1024 2 0xfd11d 0x100000014 0xfd000", "2 1024 2 0xfd11d 0x100000014 0xfd000"], Table("kvm.kvm_exit", "vcpu_id, exit_reason, isa, format('0x{:x}', guest_rip) AS r, format('0x{:x}', info1) AS i, format('0x{:x}', info2) AS j"));
        Assert.Equal(["1 0xfd000 x EMULATE", "2 0xfd000 x EMULATE"], Faults().Select(f => f[..f.LastIndexOf(' ')]).Order());
    }

    [Fact]
    public void Wrap_with_no_break_spaces()
    {
        Replay("wrap-nbsp/mail.txt");
        Assert.Equal("amd", Vendor());
        Assert.Equal(new Dictionary<string, long> { ["kvm.kvm_exit"] = 2, ["kvm.kvm_entry"] = 3, ["kvm.kvm_page_fault"] = 2 }, Events());
        Assert.Equal(["0 0xf88eb2ff8 w RETRY tdp", "0 0xf88eb2ff8 w RETRY tdp"], Faults());
        Assert.Equal(["CPU 14414", "CPU 14414", "CPU 14414"], Table("kvm.kvm_entry", "comm, pid"));
        Assert.DoesNotContain("no known form", Warnings(), StringComparison.Ordinal);
        JsonElement storm = Assert.Single(JsonDocument.Parse(_scratch.Run(["query", "-d", Data, "retry_storms", "--format", "json"], null).Output).RootElement.EnumerateArray());
        Assert.Equal(("0xf88eb2", 2), (storm.GetProperty("worst_gfn").GetString(), storm.GetProperty("longest_run").GetInt32()));
    }

    /// <summary>What <c>perf kvm stat record</c> has of faults: AMD's exit tells address and error code, Intel's does not tell the address.</summary>
    [Fact]
    public void Faults_of_exits_alone()
    {
        string npf = string.Concat(Enumerable.Range(0, 3).Select(i =>
            $" qemu-7 [000] d..1.  1.00000{(2 * i) + 1}: kvm_exit: vcpu 3 reason {(i == 1 ? "msr" : "npf")} rip 0x1020 info1 0x0000000100000006 info2 0x000000001501f000 intr_info 0x00000000 error_code 0x00000000\n qemu-7 [000] d..1.  1.00000{(2 * i) + 2}: kvm_entry: vcpu 3, rip 0x1020\n"));
        ToolResult result = _scratch.Run("run", _scratch.Write("npf.txt", System.Text.Encoding.UTF8.GetBytes(npf)), "-d", Data);
        Assert.True(result.Code == 0, result.Error);
        Assert.Equal(["3 0x1501f000 w tdp kvm_exit", "3 0x1501f000 w tdp kvm_exit"], Lines("SELECT vcpu, format('0x{:x}', gpa) AS g, access, kind, source FROM faults ORDER BY seq"));
        string ept = npf.Replace("reason npf", "reason EPT_VIOLATION", StringComparison.Ordinal).Replace("reason msr", "reason MSR_READ", StringComparison.Ordinal);
        result = _scratch.Run("run", _scratch.Write("ept.txt", System.Text.Encoding.UTF8.GetBytes(ept)), "-d", _scratch["intel"]);
        Assert.Contains("2 of them are faults, which have no row", result.Error, StringComparison.Ordinal);
    }

    /// <summary>On one line, whatever the terminal's width.</summary>
    private static string Flat(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
