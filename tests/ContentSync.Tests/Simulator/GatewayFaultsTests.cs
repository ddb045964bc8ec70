using System.Diagnostics;
using ContentSync.Simulator;
using static ContentSync.Tests.Simulator.TestCaller;

namespace ContentSync.Tests.Simulator;

public sealed class GatewayFaultsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("latency=1:50ms+20ms")]
    [InlineData("latency=0.1:2000ms+0ms*5")]
    [InlineData(
        "throttle=0.02:3s,error=1/50:503,unknown=0.05,risky=0.5,badsignature=1,hang=0.1,reset=0.01,lost=1*3,unsigned=1/2,forged=1,keyversion=1,"
        + "truncated=1,seed=7")]
    public void Writes_the_same_text_that_it_reads(string text) => Assert.Equal(text, GatewayFaults.Parse(text).ToString());

    [Fact]
    public void Reads_the_short_forms()
    {
        var faults = GatewayFaults.Parse(" latency=50ms , reset=0.01,badsignature, throttle=0.5");

        Assert.Equal(
            [
                new GatewayFault(FaultKind.Latency) { Delay = TimeSpan.FromMilliseconds(50) },
                new GatewayFault(FaultKind.Reset) { Probability = 0.01 },
                new GatewayFault(FaultKind.InvalidSignature),
                new GatewayFault(FaultKind.Throttle) { Probability = 0.5, Delay = TimeSpan.FromSeconds(1) },
            ],
            faults.All);
    }

    [Theory]
    [InlineData(
        "gremlins=0.1",
        "Unknown fault 'gremlins'; the known faults are latency, throttle, error, unknown, risky, badsignature, hang, reset, lost, unsigned, forged, "
        + "keyversion, truncated, seed.")]
    [InlineData("unknown=2", "Fault 'unknown=2' is invalid; write unknown=0.05.")]
    [InlineData("unknown=-0.1", "Fault 'unknown=-0.1' is invalid; write unknown=0.05.")]
    [InlineData("unknown=1/0", "Fault 'unknown=1/0' is invalid; write unknown=0.05.")]
    [InlineData("unknown=1:3s", "Fault 'unknown=1:3s' is invalid; write unknown=0.05.")]
    [InlineData("unknown=1*x", "Fault 'unknown=1*x' is invalid; write unknown=0.05.")]
    [InlineData(
        "latency",
        "Fault 'latency' is invalid; write latency=50ms, latency=50ms+20ms (delay and jitter) or latency=0.1:2s (rate and delay).")]
    [InlineData("throttle=1:0.5s", "Fault 'throttle=1:0.5s' is invalid; write throttle=0.02:3s (rate and Retry-After in whole seconds).")]
    [InlineData("error=1:404", "Fault 'error=1:404' is invalid; write error=0.02:503 (rate and a status from 500 to 599).")]
    [InlineData("lost=1,lost=1", "Fault 'lost' is given twice.")]
    [InlineData("seed=x", "Fault 'seed=x' is invalid; seed must be a whole number.")]
    public void Names_the_invalid_fault_and_the_correct_form(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => GatewayFaults.Parse(text)).Message);

    [Fact]
    public void Samples_the_same_faults_with_the_same_seed()
    {
        var same = Samples("unknown=0.3,seed=5");

        Assert.Equal(same, Samples("unknown=0.3,seed=5"));
        Assert.NotEqual(same, Samples("unknown=0.3,seed=6"));
        Assert.InRange(same.Count(fired => fired), 200, 400);
    }

    [Fact]
    public void Fires_exactly_every_nth_time_up_to_the_count() =>
        Assert.Equal([3, 6], Samples("unknown=1/3*2").Select((fired, index) => fired ? index + 1 : 0).Where(number => number > 0));

    [Fact]
    public void Does_not_count_a_fault_that_another_fault_preceded()
    {
        var sampler = new FaultSampler(GatewayFaults.Parse("unknown=1*1,reset=1*1"));

        Assert.Equal([FaultKind.Unknown, FaultKind.Reset, null], new[] { sampler.Sample().Kind, sampler.Sample().Kind, sampler.Sample().Kind });
    }

    [Fact]
    public void Adds_jitter_up_to_its_max()
    {
        var sampler = new FaultSampler(GatewayFaults.Parse("latency=50ms+20ms"));

        var waits = Enumerable.Range(0, 200).Select(_ => sampler.Sample().Latency.TotalMilliseconds).ToList();

        Assert.All(waits, wait => Assert.InRange(wait, 50, 70));
        Assert.True(waits.Max() - waits.Min() > 10);
    }

    private static List<bool> Samples(string faults)
    {
        var sampler = new FaultSampler(GatewayFaults.Parse(faults));
        return [.. Enumerable.Range(0, 1_000).Select(_ => sampler.Sample().Kind is not null)];
    }

    [Fact]
    public async Task Delays_the_response()
    {
        await using var caller = await StartAsync("latency=120ms*1");
        var watch = Stopwatch.StartNew();

        var response = await caller.SendAsync(Body());

        Assert.Equal("SUCCESS", response.Code);
        Assert.True(watch.ElapsedMilliseconds >= 119, $"responded after {watch.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task Throttles_with_retry_after_and_without_effect()
    {
        await using var caller = await StartAsync("throttle=1:3s");

        var response = await caller.SendAsync(Body());

        Assert.Equal((429, "3", 0), (response.Status, response.Header("Retry-After"), response.Body.Length));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Fails_with_a_status_and_no_body()
    {
        await using var caller = await StartAsync("error=1:502");

        var response = await caller.SendAsync(Body());

        Assert.Equal((502, 0), (response.Status, response.Body.Length));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Theory]
    [InlineData("unknown=1", "UNKNOWN_EXCEPTION")]
    [InlineData("risky=1", "CONTENT_RISKY")]
    public async Task Fails_with_a_signed_response_and_without_effect(string faults, string code)
    {
        await using var caller = await StartAsync(faults);

        var response = await caller.SendAsync(Body());

        Assert.Equal((200, code, "F"), (response.Status, response.Code, response.ResultStatus));
        Assert.True(IsSigned(response));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Refuses_every_signature_on_demand()
    {
        await using var caller = await StartAsync("badsignature=1");

        var response = await caller.SendAsync(Body());

        Assert.Equal("INVALID_SIGNATURE", response.Code);
        Assert.Null(response.Header("Signature"));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Responds_unsigned_after_the_effect()
    {
        await using var caller = await StartAsync("unsigned=1");

        var response = await caller.SendAsync(Body());

        Assert.Equal("SUCCESS", response.Code);
        Assert.Null(response.Header("Signature"));
        Assert.Null(response.Header("Response-Time"));
        Assert.Single(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Forges_the_signature_after_the_effect()
    {
        await using var caller = await StartAsync("forged=1");

        var response = await caller.SendAsync(Body());

        Assert.Equal("SUCCESS", response.Code);
        Assert.StartsWith("algorithm=RSA256,keyVersion=1,signature=", response.Header("Signature"), StringComparison.Ordinal);
        Assert.False(IsSigned(response));
        Assert.Single(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Names_an_unknown_keyVersion()
    {
        await using var caller = await StartAsync("keyversion=1");

        var response = await caller.SendAsync(Body());

        Assert.Contains("keyVersion=404,", response.Header("Signature"), StringComparison.Ordinal);
        Assert.True(IsSigned(response));
        Assert.Single(caller.Gateway.Snapshot());
    }

    [Theory]
    [InlineData("reset=1*1", 0)]
    [InlineData("lost=1*1", 1)]
    [InlineData("truncated=1*1", 1)]
    public async Task Breaks_the_connection_with_or_without_effect(string faults, int stored)
    {
        await using var caller = await StartAsync(faults);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => caller.SendAsync(Body()));

        Assert.Equal(stored, caller.Gateway.Snapshot().Count);
        Assert.Equal(1, caller.Gateway.Stats.Faults[faults.Split('=')[0]]);
        Assert.Equal("SUCCESS", (await caller.SendAsync(Body())).Code);
    }

    [Fact]
    public async Task Hangs_until_the_caller_disconnects()
    {
        await using var caller = await StartAsync("hang=1*1");
        using var timeout = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => caller.SendAsync(Body(), cancellationToken: timeout.Token));

        Assert.Empty(caller.Gateway.Snapshot());
        Assert.Equal("SUCCESS", (await caller.SendAsync(Body())).Code);
    }

    [Fact]
    public async Task Aborts_hanging_requests_when_it_stops()
    {
        var caller = await StartAsync("hang=1");
        var hanging = caller.SendAsync(Body());
        while (!caller.Gateway.Stats.Faults.ContainsKey("hang")) await Task.Delay(2);

        await caller.Gateway.DisposeAsync();

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => hanging);
        await caller.DisposeAsync();
    }

    [Fact]
    public async Task Checks_the_request_before_a_fault_that_comes_after_the_checks()
    {
        await using var caller = await StartAsync("unknown=1");

        Assert.Equal("PARAM_ILLEGAL", (await caller.SendAsync("{}")).Code);
        Assert.Empty(caller.Gateway.Stats.Faults);
    }
}
