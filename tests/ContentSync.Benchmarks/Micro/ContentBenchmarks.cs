using BenchmarkDotNet.Attributes;
using ContentSync.AlipayHk;
using ContentSync.Content;

namespace ContentSync.Benchmarks.Micro;

/// <summary>What happens to an item before it is sent: it is read, validated, hashed in its canonical form, and turned into a request body.</summary>
[MemoryDiagnoser]
public class ContentBenchmarks
{
    private readonly ContentReader _reader = new(new ContentOptions(), TimeProvider.System);
    private readonly string _requestId = new RequestIdSource().Create();
    private byte[] _text = [];
    private ContentItem _item = null!;

    [GlobalSetup]
    public void SetUp()
    {
        _text = new Ratios.SampleItems().Texts(1)[0];
        _item = _reader.Read(_text).Item!;
    }

    [Benchmark]
    public ContentHash ReadAndCanonicalHash() => _reader.Read(_text).Item!.Hash;

    [Benchmark]
    public int PrepareBody() => SynchronizeRequest.Prepare(_item, _requestId).Length;
}
