namespace TraceReplay.Ingest.Tests.Capture;

/// <summary>Packed by xz 5.4.1 and bzip2 1.0.8, as no library at hand packs them.</summary>
internal static class Packed
{
    /// <summary><see cref="WrappingTests.Text"/> by <c>xz -9</c>.</summary>
    public static byte[] XzText { get; } = Convert.FromBase64String(
        "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AGmAMtdABGICweBYTlySP4E339KXpmlEWTcJaMnZb0KagZSgu2jvKFUlVVfY546GVMuHryq76dsHfdcSuwRj7VoR55UThZ6SVd49+saQ4R5zPdkwvY8pwU3b6/OyPSb" +
        "r+EKEYTLUQJpZNlLxUMKQnGFQkP5pAi/4K8VWYKeuU6KI9U7SavARc8RrXsKzXJGmEWROMfYwYUJghnWPmiUeyV/rKxeezfpTaLBoH/idM+g1YZscUOkypgCmed8JgW2X6VjvbQZXboB0dTzTZ+DUfQAAABTSNg3" +
        "zc/PvQAB5wGnAwAAskmOJ7HEZ/sCAAAAAARZWg==");

    /// <summary>A trace's header and 1 GiB of line feeds by <c>xz -9</c>: 156,332 bytes.</summary>
    public static byte[] XzBomb { get; } = Unpacked(
        "H4sIAAAAAAACA+3QWWjPAQAH8N/szzCzyTViOZoxWdsLaaH2wKI92KTNOcWUc45JGv5LE8qxtBoPlJIcM0SuzDDU5ohcKUdC0Rw5MvH3l2dvnsjn+/ytb99PZMSqwilBEHp57/jYNkH/mD5BECTdLLwWjabErJoe" +
        "dNkQH1cxa+TS3B+hJ2vHz7hU/awgXPmsNP9zn2Nl78oXlgSDIt0TTsztt/Hg7bPnEi7mDi9Ljl2dOnf5/Td18XHzl+W1FA/7OGpgwvlIZtP2pu4TX0xqDl37dDjn1J2nX5Ibr+7I7Zby9HHG6bvtv159WPv9W/7Q" +
        "5ddTpvbL+fqoYFTrkNkdssPN6QuenMh+33guY+aBxNETSnK2de0cTdreumRlUWv89Wj14LGJ+7+XP/62MzNjcsPWyo/rKhrmNKYWtH6uGp7Vdu+Rt4svlOaN63SrqsuB2uK+Z24cTUueVrT+VUl+Yf2rFYeKnr+Y" +
        "2vZvnF7xOmfe7mhSzNCgZVnBvkj94fKs3rtPbs5aVLpr38CZLYObK29V12xak171Ia3sS6+GdjV5NZEHdXe3Jf771/9semLimGPAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDA" +
        "gAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAED" +
        "BgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwY" +
        "MGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDA" +
        "gAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAED" +
        "BgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwY" +
        "MGDAgAEDBgwYMGDAgAEDBgwYMGDAgAEDBgwYMGDAgP0/YBWPokGP38GW1O3pGPzKgOb4K+mxjdVBTMXlDlvC4XAoCOoTDl3q1jM7M/ZXIVQ05Sf7MIddrGICAA==");

    /// <summary>The same by <c>bzip2 -9</c>: 813 bytes.</summary>
    public static byte[] Bzip2Bomb { get; } = Unpacked(
        "H4sIAAAAAAACA3OKyrA0dIxUC478YuCuzVpnGtnQIODBwCCgxXiFgYFDgSGgIYPBN5Th4uS7Gis487k8tNbtemw+4/jNczvPdDVMf6ahrXIqWzXPPE9B++MJBgEmBkYWBjYBzhUnQli2KgYIjcqPyg9+eev761kX" +
        "CHp1guQZHEAqJBuWmhzymHCjU8n56J2JfiIq1ls9KxkAZcGA4S0DAAA=");

    private static byte[] Unpacked(string gzip)
    {
        using System.IO.Compression.GZipStream plain = new(new MemoryStream(Convert.FromBase64String(gzip)), System.IO.Compression.CompressionMode.Decompress);
        using MemoryStream bytes = new();
        plain.CopyTo(bytes);
        return bytes.ToArray();
    }
}
