using ContentSync.AlipayHk;
using ContentSync.Local.CommandLine;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Local.CommandLine;

public sealed class CatalogRunTests
{
    [Fact]
    public void Names_both_times_of_a_clock_fault_and_not_the_keys()
    {
        const string Message = "Response-Time 2026-03-01T09:00:00+00:00 is earlier than our Request-Time 2026-03-01T12:00:00+00:00.";
        var text = CatalogRun.Unfinished(3, Open(ClientCodes.ClockFault, Message));
        Assert.Contains("a clock is wrong: " + Message, text, StringComparison.Ordinal);
        Assert.DoesNotContain("key", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_the_settings_to_check_after_another_configuration_fault() =>
        Assert.Contains("--client-id, --key, --key-version", CatalogRun.Unfinished(3, Open("INVALID_SIGNATURE", "wrong key")), StringComparison.Ordinal);

    [Theory]
    [InlineData(ClientCodes.InvalidResponseSignature)]
    [InlineData(ClientCodes.UnknownResponseKeyVersion)]
    public void Says_that_AlipayHKs_key_is_wrong_and_not_that_AlipayHK_is_unreachable(string code)
    {
        var open = Open(code, "The response's signature does not match.") with { Cause = TripCause.Breaker };

        var text = CatalogRun.Unfinished(3, open);

        Assert.Contains("AlipayHK's key is wrong or was changed: check --alipayhk-key", text, StringComparison.Ordinal);
        Assert.DoesNotContain("reachable", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Says_nothing_when_no_item_is_pending() => Assert.Null(CatalogRun.Unfinished(0, Open("INVALID_SIGNATURE", "wrong key")));

    private static OpenCircuit Open(string code, string message) =>
        new(TripCause.ConfigurationFault, code, message, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
}
