using System.Reflection;
using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Signing;
using ContentSync.Tests.AlipayHk;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests;

public sealed class ClocksTests
{
    private static readonly string[] OnTheWallClock =
    [
        "EventGridTokens",
        "InvocationTracker",
        "MappingCache",
        "NotificationLoop",
        "NotificationOutbox",
        "NotificationSender",
        "PreviewContentHandler",
        "SendSwitch",
        "SharedCircuitBreaker",
        "TrendReader",
        "WebhookIdCache",
        "WebhookVerifier",
    ];

    private static readonly string[] OnTheStoreClock =
    [
        "BoardStateHandler",
        "BrokerResyncScheduler",
        "BulkRateLimiter",
        "CancelResyncHandler",
        "CatalogPlanner",
        "CircuitBreaker",
        "ContentSynchronizer",
        "GetResyncHandler",
        "LedgerFiguresReader",
        "LedgerTransferHandler",
        "ListResyncsHandler",
        "LocalResync",
        "LocalWork",
        "MaintainLedger",
        "MessageSettler",
        "PackSender",
        "ParkedReplay",
        "PendingSweep",
        "ReceiveWebhookHandler",
        "ResendPlanner",
        "ResyncMessageProcessor",
        "ResyncPages",
        "ResyncRunner",
        "ResyncRuns",
        "StartResyncHandler",
    ];

    [Theory]
    [InlineData(Clocks.Wall)]
    [InlineData(Clocks.Store)]
    public void Each_part_names_its_clock(string clock)
    {
        var expected = clock == Clocks.Wall ? OnTheWallClock : OnTheStoreClock;
        Assert.Equal(expected, Parts().Where(part => part.Clock == clock).Select(part => part.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_library_registers_no_part_with_an_unnamed_clock()
    {
        var services = new ServiceCollection().AddContentSync(new ContentSyncOptions());
        var unnamed = services
            .Where(service => !service.IsKeyedService && service.ImplementationType is { ContainsGenericParameters: false })
            .SelectMany(service => service.ImplementationType!.GetConstructors())
            .SelectMany(constructor => constructor.GetParameters())
            .Where(parameter => parameter.ParameterType == typeof(TimeProvider))
            .Where(parameter => parameter.GetCustomAttribute<FromKeyedServicesAttribute>() is null)
            .Select(parameter => parameter.Member.DeclaringType!.Name);
        Assert.Empty(unnamed);
    }

    [Fact]
    public async Task AlipayHK_sees_the_wall_clock_and_items_are_read_by_the_store_clock()
    {
        var wall = new CountingClock();
        var store = new CountingClock();
        using var alipayHk = new FakeAlipayHk();
        alipayHk.Always = (_, _) => Task.FromResult(alipayHk.Signed(FakeAlipayHk.SuccessJson));
        await using var services = new ServiceCollection()
            .AddKeyedSingleton<TimeProvider>(Clocks.Wall, wall)
            .AddKeyedSingleton<TimeProvider>(Clocks.Store, store)
            .AddSingleton(new AlipayHkTransport(alipayHk))
            .AddSingleton<IRequestSigner>(new FixedKeySigner(FakeAlipayHk.OurKey))
            .AddContentSync(new ContentSyncOptions { AlipayHk = alipayHk.Options })
            .BuildServiceProvider();
        await services.GetRequiredService<AlipayHkClient>().SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);
        Assert.True(wall.Reads > 0);
        Assert.Equal(0, store.Reads);
        var before = wall.Reads;
        const string item = """{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{"a":1},"occurredAt":"2026-03-01T12:00:00Z"}""";
        Assert.NotNull(services.GetRequiredService<ContentReader>().Read(Encoding.UTF8.GetBytes(item)).Item);
        Assert.Equal(before, wall.Reads);
        Assert.True(store.Reads > 0);
    }

    [Fact]
    public void By_default_the_wall_clock_is_the_system_clock_so_that_timeouts_are_pooled()
    {
        using var services = new ServiceCollection().AddClocks().BuildServiceProvider();
        Assert.Same(TimeProvider.System, services.WallClock());
        Assert.IsType<StoreClock>(services.StoreClock());
    }

    private static IEnumerable<(string Name, string Clock)> Parts() =>
        from assembly in new[] { typeof(ContentSyncOptions).Assembly, typeof(FunctionsHost).Assembly, typeof(LocalPipeline).Assembly }
        from type in assembly.GetTypes()
        from constructor in type.GetConstructors()
        from parameter in constructor.GetParameters()
        where parameter.ParameterType == typeof(TimeProvider)
        let key = parameter.GetCustomAttribute<FromKeyedServicesAttribute>()?.Key as string
        where key is not null
        select (type.Name, key);

    private sealed class CountingClock : TimeProvider
    {
        private int _reads;

        public int Reads => _reads;

        public override DateTimeOffset GetUtcNow()
        {
            Interlocked.Increment(ref _reads);
            return base.GetUtcNow();
        }
    }
}
