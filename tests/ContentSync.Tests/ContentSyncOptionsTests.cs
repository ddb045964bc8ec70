using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync.Tests;

public sealed class ContentSyncOptionsTests
{
    private static readonly ContentSyncOptions Invalid = new()
    {
        AlipayHk = new AlipayHkOptions { ClientId = "id", ImmediateRetries = -1, TotalTimeout = TimeSpan.FromMinutes(1) },
        Content = new ContentOptions { MaxTextLength = 0 },
        Recoverability = new RecoverabilityOptions { ProbeInterval = TimeSpan.Zero },
        Resync = new ResyncOptions { Lanes = 0 },
        Retention = new RetentionOptions { DelistedDays = 29 },
        Replay = new ReplayOptions { PerSecond = 0 },
        Api = new ApiOptions { ContinuationSecret = "" },
        Webhook = new WebhookOptions { Tolerance = TimeSpan.Zero },
    };

    [Fact]
    public void Lists_the_faults_of_every_group_of_options() => Assert.Equal(
        [
            "AlipayHk:BaseAddress", "AlipayHk:ImmediateRetries", "AlipayHk:PublicKeys", "Content:MaxTextLength", "Recoverability:LeaseDuration",
            "Recoverability:ProbeInterval", "Resync:Lanes", "Retention:DelistedDays", "Replay:PerSecond", "Api:ContinuationSecret", "Webhook:Tolerance",
        ],
        Invalid.Faults().Select(fault => fault.Split(' ')[0]));

    [Fact]
    public void Names_settings_as_the_caller_does_wherever_a_fault_mentions_one()
    {
        const string Lease = "<Recoverability:LeaseDuration> must be longer than <AlipayHk:TotalTimeout> (00:01:00)";
        var faults = Invalid.Faults(name => $"<{name}>");
        Assert.Contains("<Resync:Lanes> must be from 1 to 1000.", faults);
        Assert.Contains(faults, fault => fault.StartsWith(Lease, StringComparison.Ordinal));
        Assert.Equal(Invalid.Faults(), Invalid.Faults(name => name));
    }
}
