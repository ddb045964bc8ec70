using ContentSync.Budget;
using ContentSync.Diagnostics.Trends;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Functions;

/// <summary>The composition root without any replaced service.</summary>
public sealed class FunctionsHostTests
{
    [Theory]
    [InlineData(typeof(ISyncLedger), typeof(TableLedger))]
    [InlineData(typeof(ILedgerScan), typeof(TableLedgerScan))]
    [InlineData(typeof(ILaneProgressStore), typeof(TableLaneProgressStore))]
    [InlineData(typeof(ISendStateStore), typeof(TableSendStateStore))]
    [InlineData(typeof(ITrendStore), typeof(TableTrendStore))]
    [InlineData(typeof(IPlanFiles), typeof(BlobPlanFiles))]
    [InlineData(typeof(IResyncStore), typeof(BlobResyncStore))]
    public async Task All_instances_share_what_must_outlive_one(Type service, Type expected)
    {
        var services = new ServiceCollection().AddLogging();
        await services.AddFunctionsHostAsync(new ConfigurationBuilder().AddInMemoryCollection(TestHost.Settings()).Build(), default);
        await using var provider = services.BuildServiceProvider();

        Assert.IsType(expected, provider.GetRequiredService(service));
    }
}
