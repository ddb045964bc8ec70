using System.Text;
using ContentSync.Content;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>Realistic items of about 600 bytes, all different.</summary>
internal sealed class SampleItems
{
    private readonly ContentReader _reader = new(new ContentOptions(), TimeProvider.System);
    private int _next;

    /// <summary>New items, as a caller sends them.</summary>
    public IReadOnlyList<byte[]> Texts(int count) => [.. Enumerable.Range(0, count).Select(_ => Text(_next++))];

    /// <summary>New items, read and validated.</summary>
    public IReadOnlyList<ContentItem> Items(int count) => [.. Texts(count).Select(text => _reader.Read(text).Item!)];

    /// <summary>The item with this number, as a caller sends it.</summary>
    public static byte[] Text(int i)
    {
        var locales = $$$"""
            {"zh_HK":{"name":"手工曲奇禮盒 {{{i}}} 件裝","description":"以法國牛油新鮮烘焙,附送心意卡。"},
            "en_US":{"name":"Hand-made cookie gift box, set of {{{i}}}","description":"Baked fresh with French butter, card included."}}
            """;
        var info = $$$"""
            {"category":"e-commerce","spuId":"SPU-{{{i / 4:d8}}}","localeInfo":{{{locales}}},"currencyCode":"HKD",
            "currentAmountCent":{{{i % 90_000 + 900}}},"originalAmountCent":{{{i % 90_000 + 1_900}}},"stock":{{{i % 500}}},
            "imageUrl":"https://img.example.com/sku/{{{i:d8}}}.jpg"}
            """;
        var item = $$$"""{"contentId":"SKU-{{{i:d8}}}","contentType":"SKU","contentStatus":1,"contentInfo":{{{info}}}}""";
        return Encoding.UTF8.GetBytes(item.Replace("\n", "", StringComparison.Ordinal));
    }
}
