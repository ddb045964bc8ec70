using ContentSync.Signing;

namespace ContentSync.Notifications;

/// <summary>Validates settings section <c>Notifications</c>.</summary>
public static class NotificationOptionsValidator
{
    private const int MaxOverdueHours = 365 * 24;

    /// <summary>All faults at once: one or two sentences each, with the setting's name and its valid values. They do not reveal a secret.</summary>
    public static IEnumerable<string> Faults(NotificationOptions options)
    {
        const string Receivers = $"{NotificationOptions.Section}:{nameof(NotificationOptions.Receivers)}";
        if (options.Receivers.Count > NotificationOptions.MaxReceivers)
            yield return $"{Receivers} has {options.Receivers.Count} entries; at most {NotificationOptions.MaxReceivers} are allowed.";
        for (var i = 0; i < options.Receivers.Count; i++)
        {
            var receiver = options.Receivers[i];
            if (!IsAddress(receiver.Address))
            {
                // The query of an address may hold a key, so the sentence does not repeat it.
                yield return $"{Receivers}:{i}:{nameof(NotificationReceiverOptions.Address)} is missing or wrong. It must be an https address, or "
                    + "http on this machine, without a user name.";
            }

            if (WebhookSignature.ReadSecret(receiver.Secret) is null)
            {
                yield return $"{Receivers}:{i}:{nameof(NotificationReceiverOptions.Secret)} is missing or wrong. It must be "
                    + WebhookSignature.ExpectedSecret;
            }
        }

        if (options.Source.Length == 0 || !Uri.TryCreate(options.Source, UriKind.RelativeOrAbsolute, out _))
        {
            yield return $"{NotificationOptions.Section}:{nameof(NotificationOptions.Source)} is '{options.Source}'. It must be a URI or a path, "
                + "such as /contentsync.";
        }

        if (options.ResyncOverdueHours is < 0 or > MaxOverdueHours)
        {
            yield return $"{NotificationOptions.Section}:{nameof(NotificationOptions.ResyncOverdueHours)} must be from 0, for never, to "
                + $"{MaxOverdueHours}.";
        }
    }

    private static bool IsAddress(Uri? address) =>
        address is { IsAbsoluteUri: true, UserInfo: "" }
        && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback));
}
