using System.Collections.Concurrent;
using ContentSync.Local.CommandLine;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.Pipeline;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class LocalResyncTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Resumes_a_run_that_an_earlier_process_left()
    {
        Write(40);
        await using (var earlier = await OpenAsync())
        {
            await earlier.Runs.StartAsync(earlier.Resync.Sources.Catalog!, new ResyncParameters(), default);
        }

        await using var pipeline = await OpenAsync();
        pipeline.Resync.Start();

        var run = await AwaitEndAsync(pipeline);
        Assert.Equal((ResyncRunState.Completed, 40), (run.State, run.Counts.Sent));
    }

    [Fact]
    public async Task Logs_a_fault_once_and_continues_when_it_is_fixed()
    {
        Write(3);
        var logged = new ConcurrentQueue<string>();
        await using var pipeline = await OpenAsync(new ListLoggers(logged));
        var runs = pipeline.Runs;
        var catalog = pipeline.Resync.Sources.Catalog!;
        await runs.StartAsync(catalog, new ResyncParameters(), default);
        var file = Assert.Single(Directory.GetFiles(Path.Combine(_folder.File("data"), DataDirectory.ResyncName), "*.json"));
        var valid = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, "{");

        pipeline.Resync.Start();
        while (logged.IsEmpty) await Task.Delay(10);
        await File.WriteAllTextAsync(file, valid);
        await runs.ResumeStalledAsync(TimeSpan.Zero, default);

        Assert.Equal(ResyncRunState.Completed, (await AwaitEndAsync(pipeline)).State);
        Assert.Contains("failed: ", Assert.Single(logged), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stops_with_the_pipeline_and_leaves_the_run_for_the_next_start()
    {
        Write(500);
        await using (var earlier = await OpenAsync(rate: 5))
        {
            earlier.Resync.Start();
            await earlier.Runs.StartAsync(earlier.Resync.Sources.Catalog!, new ResyncParameters(), default);
            while ((await earlier.Runs.ListAsync(default))[0].State != ResyncRunState.Sending) await Task.Delay(10);
        }

        await using var pipeline = await OpenAsync();
        Assert.True((await pipeline.Runs.ListAsync(default))[0].IsInProgress);
        pipeline.Resync.Start();
        Assert.Equal(500, (await AwaitEndAsync(pipeline)).Counts.Done);
    }

    [Fact]
    public async Task Executes_a_run_that_is_started_while_a_cancelled_one_still_ends()
    {
        Write(60);
        await using var pipeline = await OpenAsync(rate: 20);
        var catalog = pipeline.Resync.Sources.Catalog!;
        pipeline.Resync.Start();
        var cancelled = (await pipeline.Runs.StartAsync(catalog, new ResyncParameters(), default)).Run;
        while ((await pipeline.Runs.ListAsync(default))[0].State != ResyncRunState.Sending) await Task.Delay(10);

        await pipeline.Runs.CancelAsync(cancelled.RunId, default);
        var next = (await pipeline.Runs.StartAsync(catalog, new ResyncParameters(), default)).Run;

        var ended = await AwaitEndAsync(pipeline);
        Assert.NotEqual(cancelled.RunId, next.RunId);
        Assert.Equal((next.RunId, ResyncRunState.Completed), (ended.RunId, ended.State));
    }

    [Fact]
    public async Task Retries_failed_items_of_a_run_through_the_queue()
    {
        Write(60);
        await using var pipeline = await OpenAsync();
        pipeline.Gateway!.Faults = ContentSync.Simulator.GatewayFaults.Parse("unknown=0.3");
        pipeline.Resync.Start();
        await pipeline.Runs.StartAsync(pipeline.Resync.Sources.Catalog!, new ResyncParameters(), default);
        Assert.Equal(60, (await AwaitEndAsync(pipeline)).Counts.Done);
        await pipeline.Resync.FinishRetriesAsync(TimeSpan.FromSeconds(60), default);
        Assert.Equal(60, pipeline.Gateway.Snapshot().Count);
    }

    [Fact]
    public async Task Can_plan_the_bundled_sample_although_some_of_its_lines_cannot_be_identified()
    {
        var options = new LocalOptions { Data = _folder.File("data"), Catalog = SampleCatalog.File };
        await using var pipeline = await LocalPipeline.OpenAsync(options, TimeProvider.System, NullLoggerFactory.Instance, default);

        var run = await pipeline.Resync.Runner.PlanAsync(pipeline.Resync.Sources.Catalog!, new ResyncParameters(), default);

        Assert.Equal(ResyncRunState.Planned, run.State);
        Assert.True(run.Plan is { New: > 1_000, Invalid: > 0, Unidentified: > 0 });
        Assert.Contains("cannot be read, so nothing is delisted", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_rate_limits_single_changes_and_bulk_together()
    {
        await using var pipeline = await OpenAsync(rate: 12.5);
        Assert.Equal(12.5, pipeline.AlipayHk.MaxSendsPerSecond);
        var unlimitedOptions = new LocalOptions { Data = _folder.File("other") };
        await using var unlimited = await LocalPipeline.OpenAsync(unlimitedOptions, TimeProvider.System, NullLoggerFactory.Instance, default);
        Assert.Null(unlimited.AlipayHk.MaxSendsPerSecond);
    }

    private static async Task<ResyncRun> AwaitEndAsync(LocalPipeline pipeline)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            var run = (await pipeline.Runs.ListAsync(limit.Token))[0];
            if (!run.IsInProgress) return run;
            await Task.Delay(20, limit.Token);
        }
    }

    private void Write(int items) => File.WriteAllText(
        _folder.File("catalog.ndjson"), string.Concat(Enumerable.Range(0, items).Select(i => TestSnapshot.Line($"SKU-{i:d4}", "1"))));

    private Task<LocalPipeline> OpenAsync(ILoggerFactory? loggers = null, double? rate = null) => LocalPipeline.OpenAsync(
        new LocalOptions { Data = _folder.File("data"), Catalog = _folder.File("catalog.ndjson"), Rate = rate, Workers = 4 },
        TimeProvider.System,
        loggers ?? NullLoggerFactory.Instance,
        default);

    private sealed class ListLoggers(ConcurrentQueue<string> logged) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) logged.Enqueue(formatter(state, exception));
        }

        public void Dispose()
        {
            // There is nothing to release.
        }
    }
}
