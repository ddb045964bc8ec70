using Azure;
using Azure.Identity;
using Azure.Storage.Blobs;

namespace ContentSync.Catalog;

/// <summary>Faults of a container with blobs, in words.</summary>
internal static class BlobFault
{
    /// <summary>
    /// Whether the storage is at fault. The client wraps the faults of its retries in one exception, and reports its own timeout as a cancellation
    /// that no caller requested.
    /// </summary>
    public static bool IsStorage(Exception e) =>
        e is RequestFailedException or AggregateException or AuthenticationFailedException or OperationCanceledException;

    /// <summary>What a fault of the storage comes down to: that of the last retry, if there were several.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static Exception Last(Exception e, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return e is AggregateException { InnerExceptions: [.., var inner] } ? inner : e;
    }

    /// <summary>What to tell an operator about a container that this program writes.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static string Message(BlobContainerClient container, Exception e, CancellationToken cancellationToken) =>
        Last(e, cancellationToken) switch
        {
            AuthenticationFailedException =>
                $"No token for the container {container.Name} could be obtained; check the identity the app runs as.",
            RequestFailedException { Status: 401 or 403 } denied =>
                $"The container {container.Name} refused access ({denied.ErrorCode ?? "no code"}); "
                + "the app's identity needs the role Storage Blob Data Contributor on it, and the account's network rules must admit it.",
            RequestFailedException { ErrorCode: "BlobNotFound" } => $"The container {container.Name} does not hold that plan.",
            RequestFailedException { Status: 404 } =>
                $"The container {container.Name} does not exist at {container.Uri.Authority}; create it first.",
            RequestFailedException { Status: not 0 } other =>
                $"The container {container.Name} responded with {other.Status} ({other.ErrorCode ?? "no code"}); try again later.",
            OperationCanceledException =>
                $"The container {container.Name} at {container.Uri.Authority} did not respond in time; try again later.",
            _ => $"The container {container.Name} at {container.Uri.Authority} cannot be reached; try again later.",
        };
}
