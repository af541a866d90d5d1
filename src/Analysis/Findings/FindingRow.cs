namespace TraceReplay.Analysis.Findings;

/// <summary>A row of the view <c>findings</c>.</summary>
/// <param name="Finding">Id in the catalogue.</param>
/// <param name="Title">One sentence: what was found, where.</param>
/// <param name="Faults">Faults that show it; null where it does not show in faults.</param>
/// <param name="Pages">Guest pages concerned; null likewise.</param>
/// <param name="FirstFault">fault_id of the first; null likewise.</param>
/// <param name="FirstSeq">Position of the first record of it; null for what concerns the capture as a whole.</param>
/// <param name="Evidence">The numbers that it rests on.</param>
public sealed record FindingRow(
    string TraceId, string Finding, string Severity, string Title, long? Faults, long? Pages, long? FirstFault, long? FirstSeq, string Certainty, string Cause, string Evidence, string Advice);
