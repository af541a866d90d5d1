using System.Text;
using MimeKit;

namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>Mails and mailboxes: their plain texts, or what is attached.</summary>
internal static class Mail
{
    // It is parsed in memory.
    private const long LargestMail = 64 << 20;

    /// <summary>Header fields with which a mail or a mailbox begins.</summary>
    private static readonly string[] s_mailFields =
        ["Return-Path:", "Received:", "Delivered-To:", "MIME-Version:", "Message-ID:", "X-Mailer:", "DKIM-Signature:", "Authentication-Results:", "X-Received:", "List-Id:", "Envelope-To:", "X-Original-To:", "Content-Type:"];

    public static bool Is(ReadOnlySpan<byte> head)
    {
        // "From " begins a mailbox; the line after it is a field.
        int start = head.StartsWith("From "u8) ? head.IndexOf((byte)'\n') + 1 : 0;
        int fields = 0;
        bool known = false;
        foreach (Range range in head[start..].Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = head[start..][range].TrimEnd((byte)'\r');
            if (line.IsEmpty)
            {
                break;
            }

            int colon = line.IndexOf((byte)':');
            if (fields > 0 && line[0] is (byte)' ' or (byte)'\t')
            {
                continue;
            }

            if (colon < 1 || line[..colon].IndexOfAnyExceptInRange((byte)'!', (byte)'~') >= 0)
            {
                break;
            }

            fields++;
            string field = Encoding.ASCII.GetString(line[..(colon + 1)]);
            known |= s_mailFields.Contains(field, StringComparer.OrdinalIgnoreCase);
        }

        return known && fields > 1;
    }

    /// <summary>
    /// The plain texts of a mail or of a mailbox, decoded, one behind the other, if a trace is in them; else the one attachment that is
    /// a capture. Mails within mails count.
    /// </summary>
    /// <exception cref="CaptureException">There is neither.</exception>
    public static CaptureFile Open(CaptureFile file, Unwrapper unwrapper)
    {
        if (file.Length > LargestMail)
        {
            throw file.Damaged(0, $"a mailbox of more than {LargestMail >> 20} MiB", "expected a mail: save the one that has the trace");
        }

        using MemoryStream text = new();
        List<(string Name, Func<Stream> Open)> attachments = [];
        try
        {
            using SeekableCaptureStream stream = new(file);
            byte[] start = new byte[5];
            bool mailbox = file.Read(0, start) == start.Length && start.AsSpan().SequenceEqual("From "u8);
            MimeParser parser = new(stream, mailbox ? MimeFormat.Mbox : MimeFormat.Entity);
            while (!parser.IsEndOfStream)
            {
                Read(parser.ParseMessage(unwrapper.Cancellation), text, attachments, unwrapper.Budget);
            }
        }
        catch (Exception e) when (Wrapping.IsDamage(e) || e is ParseException)
        {
            throw file.Damaged(0, "a mail that cannot be parsed", "expected header fields, an empty line and a text");
        }

        text.Position = 0;
        CaptureFile body = CaptureFormats.Spool([], text, file.DisplayName, unwrapper.Cancellation);
        if (attachments.Count == 0)
        {
            return body;
        }

        if (CaptureRecognition.IsKnown(body))
        {
            body.Notes.Add($"the text of the mail was read, its attachments were not: {string.Join(", ", attachments.Select(a => ShownText.Of(a.Name)))}");
            return body;
        }

        body.Dispose();
        return Archive.OnlyCapture(file, "mail, seen as an", attachments, unwrapper);
    }

    private static void Read(MimeMessage message, MemoryStream text, List<(string, Func<Stream>)> attachments, UnpackBudget budget)
    {
        long start = text.Length;
        string? html = null;
        MimeIterator parts = new(message);
        while (parts.MoveNext())
        {
            budget.Member();
            if (parts.Current is TextPart { IsHtml: true } page)
            {
                html ??= page.Text;
            }
            else if (parts.Current is TextPart plain)
            {
                Add(plain.Text, text);
            }
            else if (parts.Current is MimePart { Content: { } content } part)
            {
                attachments.Add((part.FileName ?? "attachment", content.Open));
            }
        }

        // Beside a plain text it says the same.
        if (text.Length == start && html is not null)
        {
            Add(HtmlText.Of(html), text);
        }
    }

    private static void Add(string? words, MemoryStream text)
    {
        text.Write(Encoding.UTF8.GetBytes(words ?? ""));
        text.Write("\n\n"u8);
    }
}
