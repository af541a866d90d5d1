using System.Globalization;
using System.Numerics;
using System.Text;
using CsCheck;
using TraceReplay.Ingest.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.FtraceText;

/// <summary>Numbers of a text against large integers, wherever they stand and whatever stands behind them.</summary>
public sealed class TextNumberTests
{
    // Mostly digits, as most of what is looked at is; zeros, as they make numbers longer and no larger.
    private static readonly Gen<byte[]> s_texts = Gen.OneOf(
        Gen.Char["0123456789abcdefABCDEF"].Array[0, 40],
        Gen.Char["00000001"].Array[0, 40],
        Gen.Char["0fF9x- \t:,gG/@`\0\u00c1\u00e1"].Array[0, 40],
        Gen.Select(Gen.Char["0123456789abcdef"].Array[0, 20], Gen.Char.Array[0, 20], (a, b) => (char[])[.. a, .. b]),
        Gen.Select(Gen.Const("0x".ToCharArray()), Gen.Char["0123456789abcdef "].Array[0, 22], (a, b) => (char[])[.. a, .. b]),
        Gen.Select(Gen.Const("-".ToCharArray()), Gen.Char["0123456789"].Array[0, 22], (a, b) => (char[])[.. a, .. b])).Select(Encoding.Latin1.GetBytes);

    private static readonly Gen<(byte[] Bytes, int Start)> s_places = Gen.Select(s_texts, Gen.Int[0, 24], (text, start) => ((byte[])[.. new byte[start], .. text], start));

    [Fact]
    public void Hexadecimal_digits_are_the_number_that_they_say() => s_places.Sample(
        place =>
        {
            ReadOnlySpan<byte> text = place.Bytes.AsSpan(place.Start);
            (int Taken, ulong Value) expected = Expected(text, hex: true);
            foreach (bool vectors in (bool[])[true, false])
            {
                int taken = AsciiText.Hex(text, out ulong value, vectors);
                Assert.Equal(expected, (taken, taken == 0 ? 0 : value));
            }
        },
        iter: 20_000);

    [Fact]
    public void Decimal_digits_are_the_number_that_they_say() => s_places.Sample(
        place =>
        {
            ReadOnlySpan<byte> text = place.Bytes.AsSpan(place.Start);
            int taken = AsciiText.Unsigned(text, out ulong value);
            Assert.Equal(Expected(text, hex: false), (taken, taken == 0 ? 0 : value));
        },
        iter: 20_000);

    [Fact]
    public void A_number_has_a_sign_or_a_prefix_or_neither() => s_places.Sample(
        place =>
        {
            ReadOnlySpan<byte> text = place.Bytes.AsSpan(place.Start);
            int taken = AsciiText.Number(text, out ulong value);
            int skip = text.StartsWith("0x"u8) ? 2 : text.StartsWith("-"u8) ? 1 : 0;
            (int digits, ulong expected) = Expected(text[skip..], hex: skip == 2);
            digits = skip == 1 && expected > 1UL << 63 ? 0 : digits;
            Assert.Equal(digits == 0 ? 0 : digits + skip, taken);
            Assert.True(digits == 0 || value == (skip == 1 ? 0 - expected : expected));
        },
        iter: 20_000);

    [Theory]
    [InlineData("18446744073709551615", 20)]
    [InlineData("18446744073709551616", 0)]
    [InlineData("00000000000000000000000018446744073709551615", 44)]
    [InlineData("99999999999999999999", 0)]
    public void A_decimal_number_that_does_not_fit_is_none(string text, int taken) => Assert.Equal(taken, AsciiText.Unsigned(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData("ffffffffffffffff", 16)]
    [InlineData("10000000000000000", 0)]
    [InlineData("0000000000000000ffffffffffffffff", 32)]
    [InlineData("ffffffffffffffff 1", 16)]
    public void A_hexadecimal_number_that_does_not_fit_is_none(string text, int taken)
    {
        Assert.Equal(taken, AsciiText.Hex(Encoding.ASCII.GetBytes(text), out _, vectors: true));
        Assert.Equal(taken, AsciiText.Hex(Encoding.ASCII.GetBytes(text), out _, vectors: false));
    }

    [Fact]
    public void Blanks_at_both_ends_are_taken_off() => Gen.Char[" \ta\n"].Array[0, 12].Sample(chars =>
    {
        byte[] text = Encoding.ASCII.GetBytes(chars);
        Assert.True(AsciiText.TrimStart(text).SequenceEqual(text.AsSpan().TrimStart(" \t"u8)));
        Assert.True(AsciiText.TrimEnd(text).SequenceEqual(text.AsSpan().TrimEnd(" \t"u8)));
    });

    private static (int Taken, ulong Value) Expected(ReadOnlySpan<byte> text, bool hex)
    {
        string digits = string.Concat(Encoding.Latin1.GetString(text).TakeWhile(c => hex ? char.IsAsciiHexDigit(c) : char.IsAsciiDigit(c)));
        BigInteger number = digits.Length == 0 ? 0
            : hex ? BigInteger.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        return number > ulong.MaxValue ? (0, 0) : (digits.Length, (ulong)number);
    }
}
