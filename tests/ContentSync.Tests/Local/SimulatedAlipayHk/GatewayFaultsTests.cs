using System.Diagnostics;
using ContentSync.Simulator;
using static ContentSync.Tests.Local.SimulatedAlipayHk.TestCaller;

namespace ContentSync.Tests.Local.SimulatedAlipayHk;

public sealed class GatewayFaultsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("latency=1:50ms+20ms")]
    [InlineData("latency=0.1:2000ms+0ms*5")]
    [InlineData("throttle=0.02:3s,error=1/50:503,unknown=0.05,risky=0.5,badsignature=1,hang=0.1,reset=0.01,lost=1*3,unsigned=1/2,forged=1,keyversion=1,truncated=1,seed=7")]
    public void Writes_the_text_that_it_reads(string text) => Assert.Equal(text, GatewayFaults.Parse(text).ToString());

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
    [InlineData("gremlins=0.1", "Unknown fault 'gremlins'; known are latency, throttle, error, unknown, risky, badsignature, hang, reset, lost, unsigned, forged, keyversion, truncated, seed.")]
    [InlineData("unknown=2", "Fault 'unknown=2' cannot be read; write unknown=0.05.")]
    [InlineData("unknown=-0.1", "Fault 'unknown=-0.1' cannot be read; write unknown=0.05.")]
    [InlineData("unknown=1/0", "Fault 'unknown=1/0' cannot be read; write unknown=0.05.")]
    [InlineData("unknown=1:3s", "Fault 'unknown=1:3s' cannot be read; write unknown=0.05.")]
    [InlineData("unknown=1*x", "Fault 'unknown=1*x' cannot be read; write unknown=0.05.")]
    [InlineData("latency", "Fault 'latency' cannot be read; write latency=50ms, latency=50ms+20ms (fixed and jitter) or latency=0.1:2s.")]
    [InlineData("throttle=1:0.5s", "Fault 'throttle=1:0.5s' cannot be read; write throttle=0.02:3s (share and whole seconds of Retry-After).")]
    [InlineData("error=1:404", "Fault 'error=1:404' cannot be read; write error=0.02:503 (share and a status from 500 to 599).")]
    [InlineData("lost=1,lost=1", "Fault 'lost' is given twice.")]
    [InlineData("seed=x", "Fault 'seed=x': seed takes a whole number.")]
    public void Says_which_fault_it_cannot_read_and_what_would_be_right(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => GatewayFaults.Parse(text)).Message);

    [Fact]
    public void Throws_the_same_dice_with_the_same_seed()
    {
        var same = Draws("unknown=0.3,seed=5");

        Assert.Equal(same, Draws("unknown=0.3,seed=5"));
        Assert.NotEqual(same, Draws("unknown=0.3,seed=6"));
        Assert.InRange(same.Count(fired => fired), 200, 400);
    }

    [Fact]
    public void Fires_every_nth_time_exactly_and_no_more_than_the_count() =>
        Assert.Equal([3, 6], Draws("unknown=1/3*2").Select((fired, index) => fired ? index + 1 : 0).Where(number => number > 0));

    [Fact]
    public void Spends_no_count_on_a_fault_that_another_one_hid()
    {
        var dice = new FaultSampler(GatewayFaults.Parse("unknown=1*1,reset=1*1"));

        Assert.Equal([FaultKind.Unknown, FaultKind.Reset, null], new[] { dice.Sample().Kind, dice.Sample().Kind, dice.Sample().Kind });
    }

    [Fact]
    public void Adds_jitter_within_its_bound()
    {
        var dice = new FaultSampler(GatewayFaults.Parse("latency=50ms+20ms"));

        var waits = Enumerable.Range(0, 200).Select(_ => dice.Sample().Latency.TotalMilliseconds).ToList();

        Assert.All(waits, wait => Assert.InRange(wait, 50, 70));
        Assert.True(waits.Max() - waits.Min() > 10);
    }

    private static List<bool> Draws(string faults)
    {
        var dice = new FaultSampler(GatewayFaults.Parse(faults));
        return [.. Enumerable.Range(0, 1_000).Select(_ => dice.Sample().Kind is not null)];
    }

    [Fact]
    public async Task Waits_before_it_answers()
    {
        await using var caller = await StartAsync("latency=120ms*1");
        var watch = Stopwatch.StartNew();

        var answer = await caller.SendAsync(Body());

        Assert.Equal("SUCCESS", answer.Code);
        Assert.True(watch.ElapsedMilliseconds >= 119, $"answered after {watch.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task Throttles_with_retry_after_and_without_effect()
    {
        await using var caller = await StartAsync("throttle=1:3s");

        var answer = await caller.SendAsync(Body());

        Assert.Equal((429, "3", 0), (answer.Status, answer.Header("Retry-After"), answer.Body.Length));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Fails_with_a_status_and_no_body()
    {
        await using var caller = await StartAsync("error=1:502");

        var answer = await caller.SendAsync(Body());

        Assert.Equal((502, 0), (answer.Status, answer.Body.Length));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Theory]
    [InlineData("unknown=1", "UNKNOWN_EXCEPTION")]
    [InlineData("risky=1", "CONTENT_RISKY")]
    public async Task Fails_signed_and_without_effect(string faults, string code)
    {
        await using var caller = await StartAsync(faults);

        var answer = await caller.SendAsync(Body());

        Assert.Equal((200, code, "F"), (answer.Status, answer.Code, answer.ResultStatus));
        Assert.True(IsSigned(answer));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Refuses_every_signature_when_told_to()
    {
        await using var caller = await StartAsync("badsignature=1");

        var answer = await caller.SendAsync(Body());

        Assert.Equal("INVALID_SIGNATURE", answer.Code);
        Assert.Null(answer.Header("Signature"));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Answers_unsigned_after_the_effect()
    {
        await using var caller = await StartAsync("unsigned=1");

        var answer = await caller.SendAsync(Body());

        Assert.Equal("SUCCESS", answer.Code);
        Assert.Null(answer.Header("Signature"));
        Assert.Null(answer.Header("Response-Time"));
        Assert.Single(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Forges_the_signature_after_the_effect()
    {
        await using var caller = await StartAsync("forged=1");

        var answer = await caller.SendAsync(Body());

        Assert.Equal("SUCCESS", answer.Code);
        Assert.StartsWith("algorithm=RSA256,keyVersion=1,signature=", answer.Header("Signature"), StringComparison.Ordinal);
        Assert.False(IsSigned(answer));
        Assert.Single(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Names_a_keyVersion_that_nobody_knows()
    {
        await using var caller = await StartAsync("keyversion=1");

        var answer = await caller.SendAsync(Body());

        Assert.Contains("keyVersion=404,", answer.Header("Signature"), StringComparison.Ordinal);
        Assert.True(IsSigned(answer));
        Assert.Single(caller.Gateway.Snapshot());
    }

    [Theory]
    [InlineData("reset=1*1", 0)]
    [InlineData("lost=1*1", 1)]
    [InlineData("truncated=1*1", 1)]
    public async Task Breaks_the_connection_with_or_without_effect(string faults, int held)
    {
        await using var caller = await StartAsync(faults);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => caller.SendAsync(Body()));

        Assert.Equal(held, caller.Gateway.Snapshot().Count);
        Assert.Equal(1, caller.Gateway.Stats.Faults[faults.Split('=')[0]]);
        Assert.Equal("SUCCESS", (await caller.SendAsync(Body())).Code);
    }

    [Fact]
    public async Task Hangs_until_the_caller_gives_up()
    {
        await using var caller = await StartAsync("hang=1*1");
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => caller.SendAsync(Body(), cancellationToken: patience.Token));

        Assert.Empty(caller.Gateway.Snapshot());
        Assert.Equal("SUCCESS", (await caller.SendAsync(Body())).Code);
    }

    [Fact]
    public async Task Lets_go_of_a_hanging_caller_when_it_stops()
    {
        var caller = await StartAsync("hang=1");
        var hanging = caller.SendAsync(Body());
        while (!caller.Gateway.Stats.Faults.ContainsKey("hang")) await Task.Delay(2);

        await caller.Gateway.DisposeAsync();

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => hanging);
        await caller.DisposeAsync();
    }

    [Fact]
    public async Task Still_checks_the_request_when_a_fault_would_come_after_the_checks()
    {
        await using var caller = await StartAsync("unknown=1");

        Assert.Equal("PARAM_ILLEGAL", (await caller.SendAsync("{}")).Code);
        Assert.Empty(caller.Gateway.Stats.Faults);
    }
}
