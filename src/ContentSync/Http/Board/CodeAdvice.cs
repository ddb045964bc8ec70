using System.Collections.Frozen;
using ContentSync.AlipayHk;

namespace ContentSync.Http.Board;

/// <summary>What to do about a result code, in one to three sentences.</summary>
internal static class CodeAdvice
{
    private const string ChangeContent = "Change the content and submit it again; unchanged content is not sent again automatically.";
    private const string Automatic = "Nothing to do: the item is retried automatically. Replay it if it is parked.";

    private const string CheckKeys =
        "Check that Client-Id, key version and the public key registered with AlipayHK match the settings. "
        + "Sending resumes automatically once a probe succeeds.";

    private const string Unverified =
        "The response could not be verified as AlipayHK's. Check AlipayHK's public key and its version in AlipayHk:PublicKeys; "
        + "ask AlipayHK whether its key has changed.";

    private static readonly FrozenDictionary<string, string> Table = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["CONTENT_RISKY"] =
            "AlipayHK's review rejects the text or images. Take out what is risky and submit the item again; "
            + "quote the Tracer-Id to AlipayHK if the reason is unclear.",
        ["PARAM_ILLEGAL"] =
            "A field is missing or not in the form that AlipayHK requires. Compare contentInfo with the mapping agreed with AlipayHK, "
            + "correct it and submit the item again.",
        ["PROCESS_FAIL"] = ChangeContent,
        ["BIZ_ERROR_NO_RETRY"] = ChangeContent,
        ["UNKNOWN_EXCEPTION"] = Automatic,
        ["SYSTEM_ERROR"] = Automatic,
        ["BIZ_ERROR_NEED_RETRY"] = Automatic,
        ["INVALID_SIGNATURE"] = CheckKeys,
        ["SIGNATURE_INVALID"] = CheckKeys,
        ["INVALID_CLIENT"] =
            "AlipayHK does not know the Client-Id. Compare the setting AlipayHk:ClientId with the Client-Id that AlipayHK assigned to you.",
        ["INVALID_API"] =
            "AlipayHK does not serve this path for you. Check AlipayHk:BaseAddress and AlipayHk:Path, "
            + "and that the API is enabled for your Client-Id.",
        ["METHOD_NOT_SUPPORTED"] = "Another service responds at this address. Check AlipayHk:BaseAddress and AlipayHk:Path.",
        ["MEDIA_TYPE_NOT_ACCEPTABLE"] = "Check whether AlipayHK expects encrypted bodies (AlipayHk:Encryption).",
        ["ACCESS_FORBIDDEN"] = "Ask AlipayHK to allow this app's source address and to enable the API for your Client-Id.",
        [ClientCodes.Timeout] = "AlipayHK did not respond in time. " + Automatic,
        [ClientCodes.ConnectionFailed] =
            "No connection to AlipayHK. Check the address, the outbound network and whether AlipayHK allows your source address. " + Automatic,
        [ClientCodes.HttpStatus] = "A proxy or gateway responded instead of AlipayHK, or AlipayHK is down. " + Automatic,
        [ClientCodes.Redirected] =
            "The configured address redirects, and redirects are never followed. Configure the address that it redirects to.",
        [ClientCodes.ResponseTooLarge] = "Another service responds at the configured address. Check AlipayHk:BaseAddress.",
        [ClientCodes.MalformedResponse] = "Another service responds at the configured address, or AlipayHK is down. " + Automatic,
        [ClientCodes.UnclearResult] = Automatic,
        [ClientCodes.UnsignedSuccess] = Unverified,
        [ClientCodes.IncompleteResponseSignature] = Unverified,
        [ClientCodes.InvalidResponseSignature] = Unverified,
        [ClientCodes.UnknownResponseKeyVersion] =
            "AlipayHK signs with a key that is not configured. Add the new key to AlipayHk:PublicKeys and keep the old one.",
        [ClientCodes.UnsupportedResponseAlgorithm] =
            "AlipayHK does not sign with RSA256. Ask AlipayHK to use RSA256 for your Client-Id.",
        [ClientCodes.OutdatedResponse] =
            "A genuine but old response arrived: a proxy or cache repeats responses, or a clock is wrong. " + Automatic,
        [ClientCodes.ClockFault] =
            "AlipayHK's responses are earlier than our requests. Check the clock of the machine that runs this app first, then ask AlipayHK "
            + "about its own. Sending resumes automatically once a probe succeeds.",
        [ClientCodes.UndecryptableResponse] =
            "AlipayHK's response is encrypted and cannot be decrypted. Check AlipayHk:Encryption and the private key.",
        [ClientCodes.SigningUnavailable] =
            "The key store does not sign. Check that it is reachable and that this app may sign; items wait and lose no attempt.",
        [ClientCodes.Paused] = "Nothing: an operator paused sending. The items are sent after it is resumed.",
        [ClientCodes.SendBudgetSpent] =
            "More items are waiting than the configured rate allows. They are sent in turn; raise the rate if AlipayHK has agreed to more.",
        [ClientCodes.Interrupted] = "The app stopped during the attempt. " + Automatic,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static string For(string code) =>
        Table.GetValueOrDefault(code)
        ?? "AlipayHK rejects this item with a code that is not documented for this API. Quote the Tracer-Id to AlipayHK's support.";
}
