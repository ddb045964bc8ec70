using ContentSync.Functions;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Tests.Functions;

public sealed class RenamedSettingsTests
{
    [Fact]
    public void Old_setting_names_still_work_and_each_causes_a_warning()
    {
        var settings = TestHost.Settings();
        Rename(settings, "AlipayHk:PublicKeys", "AlipayHk:PartnerKeys");
        settings["AlipayHk:AttemptTimeout"] = "00:00:14";
        settings["AlipayHk:QuickRetries"] = "1";
        settings["AlipayHk:NewRequestIdPerAttempt"] = "true";
        settings["Recoverability:SettleTime"] = "00:00:31";
        settings["Recoverability:SigningPause"] = "00:00:17";

        var read = Read(settings);

        Assert.Equal(
            (1, TimeSpan.FromSeconds(14), 1, true, TimeSpan.FromSeconds(31), TimeSpan.FromSeconds(17)),
            (read.AlipayHk.PublicKeys.Count, read.AlipayHk.RequestTimeout, read.AlipayHk.ImmediateRetries, read.AlipayHk.NewRequestIdPerRequest, read.Recoverability.LateEffectWindow, read.Recoverability.SigningRetryDelay));
        Assert.Equal(6, read.Warnings.Count);
        Assert.Contains("The setting Recoverability__SettleTime is now called Recoverability__LateEffectWindow. The old name still works: rename it.", read.Warnings);
    }

    [Fact]
    public void The_new_name_wins_if_both_are_set()
    {
        var settings = TestHost.Settings();
        settings["Recoverability:SettleTime"] = "00:00:31";
        settings["Recoverability:LateEffectWindow"] = "00:00:32";

        var read = Read(settings);

        Assert.Equal(TimeSpan.FromSeconds(32), read.Recoverability.LateEffectWindow);
        Assert.EndsWith("Both are set, and the old one is ignored: remove it.", Assert.Single(read.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void New_names_cause_no_warnings() => Assert.Empty(Read(TestHost.Settings()).Warnings);

    private static void Rename(Dictionary<string, string?> settings, string from, string to)
    {
        foreach (var key in settings.Keys.Where(key => key.StartsWith(from, StringComparison.Ordinal)).ToList())
        {
            settings[to + key[from.Length..]] = settings[key];
            settings.Remove(key);
        }
    }

    private static HostSettings Read(Dictionary<string, string?> settings) => HostSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
}
