namespace TraceReplay.Ingest.Tracefs;

/// <summary>How the bytes of a field are to be understood (spec/trace-formats section 3).</summary>
public enum FieldKind
{
    /// <summary>An integer of 1, 2, 4 or 8 bytes.</summary>
    Integer,

    /// <summary>A floating-point number of 4 or 8 bytes; no tracefs format has one, other recorders do.</summary>
    Float,

    /// <summary>A pointer: unsigned, shown in 8 bytes whatever the kernel's long.</summary>
    Pointer,

    /// <summary><c>char name[N]</c>, cut at NUL.</summary>
    CharArray,

    /// <summary>Anything else of fixed size.</summary>
    Bytes,

    /// <summary><c>__data_loc char[]</c> or <c>__rel_loc char[]</c>.</summary>
    DynamicString,

    /// <summary><c>__data_loc</c> or <c>__rel_loc</c> of another type.</summary>
    DynamicBytes,

    /// <summary><c>char name[]</c> of size 0: to the end of the record, cut at NUL.</summary>
    TailString,

    /// <summary><c>T name[]</c> of size 0: to the end of the record.</summary>
    TailBytes,
}

/// <summary>One field of an event, from its format text.</summary>
/// <param name="Name">The kernel's name.</param>
/// <param name="Type">The declared type, with array brackets and <c>__data_loc</c> as recorded; for people, never for decoding.</param>
/// <param name="Offset">Bytes from the start of the record.</param>
/// <param name="Size">Bytes; it wins over the type's name. 0 = to the end of the record.</param>
/// <param name="Relative"><c>__rel_loc</c>: the offset counts from the end of the slot.</param>
/// <param name="Common">One of the fields that every event starts with.</param>
public sealed record EventField(string Name, string Type, int Offset, int Size, bool Signed, FieldKind Kind, bool Relative, bool Common)
{
    public bool IsString => Kind is FieldKind.CharArray or FieldKind.DynamicString or FieldKind.TailString;

    /// <summary>An integer or a pointer.</summary>
    public bool IsNumber => Kind is FieldKind.Integer or FieldKind.Pointer;

    public bool IsBytes => Kind is FieldKind.Bytes or FieldKind.DynamicBytes or FieldKind.TailBytes;
}
