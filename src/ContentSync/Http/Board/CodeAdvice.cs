using System.Collections.Frozen;
using ContentSync.AlipayHk;

namespace ContentSync.Http.Board;

/// <summary>What a person can do about a result code, in one or two sentences.</summary>
internal static class CodeAdvice
{
    private const string Content = "Change the content and submit it again; the same content is not sent a second time by itself.";
    private const string Waits = "Nothing to do: it is tried again by itself. Replay it if it was parked in the meantime.";
    private const string Keys = "Compare Client-Id, key version and the public key that AlipayHK holds with the settings here. Sending goes on by itself once a probe succeeds.";
    private const string Unproven = "AlipayHK's answer could not be proven to be AlipayHK's. Check the configured partner key and its version; ask AlipayHK whether its key has changed.";

    private static readonly FrozenDictionary<string, string> Table = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["CONTENT_RISKY"] = "AlipayHK's review refuses what the content says or shows. Take out what is risky and submit it again; quote the Tracer-Id to AlipayHK if the reason is unclear.",
        ["PARAM_ILLEGAL"] = "A field is missing or not as AlipayHK wants it. Compare contentInfo with the mapping that AlipayHK agreed with you, mend it and submit it again.",
        ["PROCESS_FAIL"] = Content,
        ["BIZ_ERROR_NO_RETRY"] = Content,
        ["UNKNOWN_EXCEPTION"] = Waits,
        ["SYSTEM_ERROR"] = Waits,
        ["BIZ_ERROR_NEED_RETRY"] = Waits,
        ["INVALID_SIGNATURE"] = Keys,
        ["SIGNATURE_INVALID"] = Keys,
        ["INVALID_CLIENT"] = "AlipayHK does not know the Client-Id. Check the setting AlipayHk:ClientId against what AlipayHK gave you.",
        ["INVALID_API"] = "AlipayHK does not serve this path for you. Check AlipayHk:BaseAddress and AlipayHk:Path, and that the API is released for your Client-Id.",
        ["METHOD_NOT_SUPPORTED"] = "Check AlipayHk:BaseAddress and AlipayHk:Path: something else answers there.",
        ["MEDIA_TYPE_NOT_ACCEPTABLE"] = "Check whether AlipayHK expects encrypted bodies (AlipayHk:Encryption).",
        ["ACCESS_FORBIDDEN"] = "Ask AlipayHK to let in the source address of this app and to release the API for your Client-Id.",
        [ClientCodes.Timeout] = "AlipayHK did not answer in time. " + Waits,
        [ClientCodes.ConnectionFailed] = "No connection to AlipayHK. Check the address, the network's way out and whether AlipayHK lets your source address in. " + Waits,
        [ClientCodes.HttpStatus] = "Something on the way answered instead of AlipayHK, or AlipayHK is down. " + Waits,
        [ClientCodes.Redirected] = "The configured address redirects, and redirects are never followed. Configure the address it leads to.",
        [ClientCodes.ResponseTooLarge] = "Something else than AlipayHK answers at the configured address. Check AlipayHk:BaseAddress.",
        [ClientCodes.MalformedResponse] = "Something else than AlipayHK answers at the configured address, or AlipayHK is down. " + Waits,
        [ClientCodes.UnclearResult] = Waits,
        [ClientCodes.UnsignedSuccess] = Unproven,
        [ClientCodes.IncompleteResponseSignature] = Unproven,
        [ClientCodes.InvalidResponseSignature] = Unproven,
        [ClientCodes.UnknownResponseKeyVersion] = "AlipayHK signs with a key that is not configured. Add the new key to AlipayHk:PartnerKeys beside the old one.",
        [ClientCodes.UnsupportedResponseAlgorithm] = "AlipayHK signs with another algorithm than RSA256. Ask AlipayHK to use RSA256 for your Client-Id.",
        [ClientCodes.UndecryptableResponse] = "AlipayHK's answer is encrypted and cannot be read. Check AlipayHk:Encryption and the private key.",
        [ClientCodes.SigningUnavailable] = "The key store gives no signature. Check that it can be reached and that this app may sign; items wait and lose nothing.",
        [ClientCodes.SendBudgetSpent] = "More is to be sent than the configured rate allows. It waits for its turn; raise the rate if AlipayHK has agreed to more.",
        [ClientCodes.Interrupted] = "The app ended during the attempt. " + Waits,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static string For(string code) =>
        Table.GetValueOrDefault(code) ?? "AlipayHK refuses this content with a code that is not documented for this API. Quote the Tracer-Id to AlipayHK's support.";
}
