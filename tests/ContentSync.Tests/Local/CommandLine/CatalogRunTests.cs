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
        Assert.Contains("Client-Id, key, key version", CatalogRun.Unfinished(3, Open("INVALID_SIGNATURE", "wrong key")), StringComparison.Ordinal);

    [Fact]
    public void Says_nothing_when_no_item_is_pending() => Assert.Null(CatalogRun.Unfinished(0, Open("INVALID_SIGNATURE", "wrong key")));

    private static OpenCircuit Open(string code, string message) =>
        new(TripCause.ConfigurationFault, code, message, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
}
