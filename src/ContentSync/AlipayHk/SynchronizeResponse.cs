using System.Text.Json;

namespace ContentSync.AlipayHk;

/// <summary>
/// The JSON of a response. AlipayHK's documentation is inconsistent, so both resultInfo and result are read, and both resultMessage
/// and resultMsg; unknown members are skipped. resultCode and resultStatus are required.
/// </summary>
/// <param name="ResultCode">Verbatim.</param>
/// <param name="ResultStatus">S, F or U; any other value is kept verbatim.</param>
/// <param name="ResultMessage">Empty if absent.</param>
/// <param name="TemplateCode">MOVIE only.</param>
/// <param name="TemplateStatus">MOVIE only: valid, paused, expired, frozen; any other value is kept verbatim.</param>
public readonly record struct SynchronizeResponse(
    string ResultCode,
    string ResultStatus,
    string ResultMessage,
    string? TemplateCode,
    string? TemplateStatus)
{
    /// <summary>Sibling APIs allow 64 characters; this leaves a margin.</summary>
    private const int MaxCodeLength = 128;

    /// <summary>Parses a response after its signature was checked. Never throws on hostile bytes.</summary>
    /// <param name="json">The decrypted body.</param>
    /// <param name="response">The parsed response.</param>
    /// <param name="problem">Why the body cannot be parsed; empty on success.</param>
    public static bool TryRead(ReadOnlySpan<byte> json, out SynchronizeResponse response, out string problem)
    {
        response = default;
        try
        {
            var envelope = Envelope.Read(json);
            problem = envelope.Problem();
            if (problem.Length > 0) return false;
            var result = envelope.Result;
            response = new SynchronizeResponse(result.Code!, result.Status!, result.Message ?? "", envelope.TemplateCode, envelope.TemplateStatus);
            return true;
        }
        catch (JsonException)
        {
            problem = json.IsEmpty ? "the body is empty" : "the body is not JSON";
            return false;
        }
        catch (InvalidOperationException)
        {
            // The reader throws this for a string with half a surrogate pair or invalid UTF-8.
            problem = "the body contains text that is not valid Unicode";
            return false;
        }
    }

    private struct Envelope
    {
        private ResultObject _resultInfo;
        private ResultObject _result;
        private bool _repeated;
        private bool _isObject;

        public string? TemplateCode { get; private set; }

        public string? TemplateStatus { get; private set; }

        public readonly ResultObject Result => _resultInfo.Seen ? _resultInfo : _result;

        public static Envelope Read(ReadOnlySpan<byte> json)
        {
            var reader = new Utf8JsonReader(json);
            var envelope = default(Envelope);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return envelope;
            envelope._isObject = true;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) envelope.ReadMember(ref reader);

            // Text after the object is an error too; this read throws on it.
            reader.Read();
            return envelope;
        }

        public readonly string Problem()
        {
            if (!_isObject) return "the body is not a JSON object";
            var result = Result;
            if (!result.Seen) return "it has neither resultInfo nor result";
            if (_repeated || result.Repeated) return "it repeats a member of the result";
            if (string.IsNullOrEmpty(result.Status)) return "it has no resultStatus";
            if (string.IsNullOrEmpty(result.Code)) return "it has no resultCode";
            return result.Code.Length > MaxCodeLength || result.Status.Length > MaxCodeLength
                ? $"its resultCode or resultStatus is longer than {MaxCodeLength} characters"
                : "";
        }

        private void ReadMember(ref Utf8JsonReader reader)
        {
            if (reader.ValueTextEquals("resultInfo"u8)) ReadResult(ref reader, ref _resultInfo);
            else if (reader.ValueTextEquals("result"u8)) ReadResult(ref reader, ref _result);
            else if (reader.ValueTextEquals("templateCode"u8)) TemplateCode = ReadText(ref reader);
            else if (reader.ValueTextEquals("templateStatus"u8)) TemplateStatus = ReadText(ref reader);
            else reader.Skip();
        }

        private void ReadResult(ref Utf8JsonReader reader, ref ResultObject result)
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                return;
            }

            _repeated |= result.Seen;
            result.Seen = true;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) result.ReadMember(ref reader);
        }
    }

    private struct ResultObject
    {
        public bool Seen;
        public bool Repeated;
        public string? Code;
        public string? Status;
        public string? Message;

        public void ReadMember(ref Utf8JsonReader reader)
        {
            if (reader.ValueTextEquals("resultCode"u8)) Set(ref Code, ref reader);
            else if (reader.ValueTextEquals("resultStatus"u8)) Set(ref Status, ref reader);
            else if (IsMessage(ref reader)) Message = ReadText(ref reader) ?? Message;
            else reader.Skip();
        }

        private static bool IsMessage(ref Utf8JsonReader reader) =>
            reader.ValueTextEquals("resultMessage"u8) || reader.ValueTextEquals("resultMsg"u8);

        private void Set(ref string? member, ref Utf8JsonReader reader)
        {
            Repeated |= member is not null;
            member = ReadText(ref reader);
        }
    }

    private static string? ReadText(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }

        // Nearly every response carries these values; constants save an allocation each.
        if (reader.ValueTextEquals("S"u8)) return ResultCodes.StatusSuccess;
        if (reader.ValueTextEquals("SUCCESS"u8)) return ResultCodes.Success;
        if (reader.ValueTextEquals("success"u8)) return "success";
        return reader.GetString();
    }
}
