using System.Security.Cryptography;
using System.Text;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>
/// A text that stands in a file for one of the same length that is not known yet, and where: the pages, indexes and statistics of its
/// column. Nothing in a capture can be taken for it, as it is drawn by chance.
/// </summary>
internal sealed class StandIn
{
    private readonly byte[] _bytes;
    private readonly List<long> _places = [];

    /// <param name="length">Characters, each of them one byte.</param>
    public StandIn(int length)
    {
        Text = RandomNumberGenerator.GetString("ghijklmnopqrstuv", length);
        _bytes = Encoding.ASCII.GetBytes(Text);
    }

    public string Text { get; }

    /// <summary>Remembers where it stands in bytes that go to the file.</summary>
    /// <param name="position">Of the bytes in the file.</param>
    public void Find(ReadOnlySpan<byte> bytes, long position)
    {
        for (int at = 0; bytes[at..].IndexOf(_bytes) is >= 0 and int next; at += _bytes.Length)
        {
            at += next;
            _places.Add(position + at);
        }
    }

    /// <summary>Puts the text in its places, in memory and in the file.</summary>
    /// <param name="write">Writes bytes at a place of the file.</param>
    public void Replace(string text, Span<byte> inMemory, Action<byte[], long> write)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        if (bytes.Length != _bytes.Length)
        {
            throw new ArgumentException($"{text.Length} characters in place of {_bytes.Length}", nameof(text));
        }

        foreach (long place in _places)
        {
            write(bytes, place);
        }

        while (inMemory.IndexOf(_bytes) is >= 0 and int at)
        {
            bytes.CopyTo(inMemory[at..]);
            inMemory = inMemory[(at + bytes.Length)..];
        }
    }
}
